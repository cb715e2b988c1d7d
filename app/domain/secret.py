"""A value that must never be shown: everything that prints it shows at most its last four characters."""

from typing import NoReturn

_SHOWN = 4
_LONG_ENOUGH_TO_HINT = 12


class Secret:
    """A key or token. Only `net/client.py`, the keyring wrapper and the gate call `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap `value` (any text, not empty)."""
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    @property
    def hint(self) -> str:
        """The last four characters behind an ellipsis, or just the ellipsis when that would give too much away."""
        return f"…{self._value[-_SHOWN:]}" if len(self._value) >= _LONG_ENOUGH_TO_HINT else "…"

    def __repr__(self) -> str:
        """Show the hint only."""
        return f"Secret({self.hint})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Format the hint, whatever is asked for."""
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        """Compare the values."""
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        """Hash the value."""
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied into a file.

        Raises:
            TypeError: always.
        """
        raise TypeError("a Secret cannot be serialised")
