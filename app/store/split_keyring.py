"""Keep secrets that are too long for one item of a keyring in several: Windows takes 1,280 characters each."""

import re
import zlib
from typing import TYPE_CHECKING

from app.store.keyring_thread import KeyringProblem

if TYPE_CHECKING:
    from app.store.memory_keyring import Backend

MOST_PARTS = 16
_HEAD = re.compile(r"switchtower-parts:([1-9][0-9]?):([0-9]{1,10})")


class SplitKeyring:
    """A `Backend` over another. What fits stands as it is; else the item says how many parts there are, and their sum.

    The parts of `USER` are `USER#1` and so on. They are written before the item, so that a change that was broken off
    is noticed: their sum is another then, and there is no secret.
    """

    def __init__(self, backend: "Backend", most_chars: int) -> None:
        """Use `backend`, whose items hold so many characters."""
        self._backend = backend
        self._most_chars = most_chars

    def get_password(self, service: str, username: str, /) -> str | None:
        """The secret, or None."""
        value = self._backend.get_password(service, username)
        head = None if value is None else _HEAD.fullmatch(value)
        if head is None:
            return value
        parts = [self._backend.get_password(service, f"{username}#{at}") for at in range(1, int(head[1]) + 1)]
        whole = "".join(part or "" for part in parts)
        return whole if _sum(whole) == head[2] else None

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep the secret.

        Raises:
            KeyringProblem: it is too long for that, too.
        """
        size = self._most_chars
        parts = [password[at : at + size] for at in range(0, len(password), size)]
        if len(parts) > MOST_PARTS:
            most = f"The key is too long: this keyring keeps at most {MOST_PARTS * size:,} characters."
            raise KeyringProblem(most, 'Use key = "env:NAME" for this provider.')
        self._forget_parts(service, username, above=len(parts) if len(parts) > 1 else 0)
        if len(parts) > 1:
            for number, part in enumerate(parts, 1):
                self._backend.set_password(service, f"{username}#{number}", part)
            password = f"switchtower-parts:{len(parts)}:{_sum(password)}"
        self._backend.set_password(service, username, password)

    def delete_password(self, service: str, username: str, /) -> None:
        """Drop the secret with all its parts; an error of the backend when there is none."""
        self._forget_parts(service, username, above=0)
        self._backend.delete_password(service, username)

    def _forget_parts(self, service: str, username: str, *, above: int) -> None:
        """Drop the parts with a higher number than that."""
        head = _HEAD.fullmatch(self._backend.get_password(service, username) or "")
        for number in range(above + 1, int(head[1]) + 1 if head else 0):
            if self._backend.get_password(service, f"{username}#{number}") is not None:
                self._backend.delete_password(service, f"{username}#{number}")


def _sum(text: str) -> str:
    """Tells parts that belong together from others; it is no secret and tells none."""
    return str(zlib.crc32(text.encode("utf-8", "surrogatepass")))
