"""What is asked of a keyring, and one that forgets everything when the process ends, for the demo and for tests."""

from typing import Protocol


class Backend(Protocol):
    """What is used of a keyring backend; each call may block or raise anything."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """The secret, or None."""
        ...

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep the secret."""
        ...

    def delete_password(self, service: str, username: str, /) -> None:
        """Drop the secret; an error when there is none."""
        ...


class MemoryKeyring:
    """Keeps secrets until the process ends and leaves nothing behind."""

    def __init__(self) -> None:
        """Begin empty."""
        self._secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str, /) -> str | None:
        """The secret, or None."""
        return self._secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep the secret."""
        self._secrets[service, username] = password

    def delete_password(self, service: str, username: str, /) -> None:
        """Drop the secret."""
        del self._secrets[service, username]
