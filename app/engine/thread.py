"""Tell a conversation by what was said in it: a digest of every message and of all before it."""

import hashlib
from collections.abc import Sequence

import msgspec

from app.domain.hub import Message, Refusal, Role, Text, ToolCall, ToolResult

_INSTRUCTIONS = frozenset({Role.SYSTEM, Role.DEVELOPER})
"""Roles that do not count: clients put the time of day into what they say."""


class Thread:
    """The digests of one conversation, made when they are first asked for."""

    __slots__ = ("_digests", "_messages", "_state")

    def __init__(self, messages: Sequence[Message]) -> None:
        """Nothing is read yet."""
        self._messages = messages
        self._state = hashlib.blake2b(digest_size=16)
        self._digests: list[str] = [""]

    def before(self, at: int) -> str:
        """The digest of all messages before the one at `at`."""
        for message in self._messages[len(self._digests) - 1 : at]:
            self._add(message)
        return self._digests[at]

    def until(self, at: int) -> str:
        """The digest of all messages up to and with the one at `at`."""
        return self.before(at + 1)

    def _add(self, message: Message) -> None:
        if message.role not in _INSTRUCTIONS:
            self._state.update(_spelled(message))
        self._digests.append(self._state.hexdigest())


def _spelled(message: Message) -> bytes:
    """What counts of a message: words, calls and results; clients lose thoughts, ids, blanks and the order of keys."""
    said: list[str] = [message.role.value]
    for part in message.parts:
        if isinstance(part, Text | Refusal):
            said.append(part.text.strip())
        elif isinstance(part, ToolCall):
            said.append(f"\x00{part.name}\x00{_sorted(part.arguments)}")
        elif isinstance(part, ToolResult):
            said += [inner.text.strip() for inner in part.parts if isinstance(inner, Text)]
    return "".join(said).encode(errors="surrogatepass") + b"\x01"


def _sorted(arguments: str) -> str:
    """Arguments without blanks and in the order of their names."""
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments.encode() or b"{}"), order="sorted").decode()
    except (ValueError, RecursionError):
        return arguments
