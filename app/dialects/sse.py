"""Server-sent events without input or output: cut a byte stream into whole events, read one, write one.

The rules are those of the WHATWG HTML standard, chapter "Server-sent events": lines end with CRLF, LF or CR, a blank
line ends an event, a colon starts a comment, several `data` lines are joined with LF.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from app.domain.faults import Fault, FaultError, FaultKind

MAX_EVENT_BYTES = 1024 * 1024
MAX_IMAGE_EVENT_BYTES = 16 * 1024 * 1024
_IMAGES = (b"image", b"inlineData", b"inline_data", b"b64_json")
"""What an event names that holds a picture."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BLANK_LINE = re.compile(rb"(?>\r\n|\r|\n){2}")
_BLANK_LINES = (b"\n\n", b"\n\r\n", b"\r\r\n", b"\r\r")
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event; `data` is None when it had no data line (a comment, or fields that mean nothing alone)."""

    data: bytes | None
    name: bytes = b""


class Splitter:
    """Keeps the half event at the end of every read until its rest comes."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        """Start with nothing kept."""
        self._tail = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the whole events among all that came, as they came.

        Raises:
            FaultError: TOO_LARGE, when one event exceeds 1 MiB, or 16 MiB with a picture in it.
        """
        tail = self._tail
        if not tail:
            end = _last_blank_line(data, 0)
            if end == len(data):
                return self._checked(data)
            tail += data[end:]
            return self._checked(data[:end])
        searched = max(0, len(tail) - 3)
        tail += data
        end = _last_blank_line(tail, searched)
        block = bytes(tail[:end])
        del tail[:end]
        return self._checked(block)

    def rest(self) -> bytes:
        """Return what is left when the stream has ended, and forget it."""
        rest = bytes(self._tail)
        self._tail.clear()
        return rest

    def _checked(self, block: bytes) -> bytes:
        if len(self._tail) > MAX_EVENT_BYTES and _is_too_large(self._tail):
            raise too_large()
        if len(block) > MAX_EVENT_BYTES and any(_is_too_large(piece) for piece in pieces(block)):
            raise too_large()
        return block


class Decoder:
    """Turns reads of any size into events."""

    __slots__ = ("_splitter",)

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self._splitter = Splitter()

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes and return the events that are whole now, comments left out.

        Raises:
            FaultError: TOO_LARGE, when one event exceeds 1 MiB, or 16 MiB with a picture in it.
        """
        events = [parse_event(piece) for piece in pieces(self._splitter.feed(data))]
        return [event for event in events if event.data is not None]


def pieces(block: bytes) -> Iterator[bytes]:
    """Cut whole events into single ones, each with its blank line; a line end too many is a piece of its own."""
    mark = _only_blank_line(block)
    at = 0
    while (end := _behind_blank_line(block, mark, at)) > 0:
        yield block[at:end]
        at = end
    if at < len(block):
        yield block[at:]


def _is_too_large(event: bytes | bytearray) -> bool:
    """Whether an event, or what has come of it, is more than anybody may send."""
    if len(event) <= MAX_EVENT_BYTES:
        return False
    return len(event) > MAX_IMAGE_EVENT_BYTES or all(event.find(mark, 0, MAX_EVENT_BYTES) < 0 for mark in _IMAGES)


def boundary(block: bytes, start: int) -> int:
    """Return the offset between two of the whole events `block`, the next behind `start`; the length without one."""
    return _behind_blank_line(block, _only_blank_line(block), start) or len(block)


def parse_event(piece: bytes) -> Event:
    """Read one event, with or without its blank line."""
    text = piece.strip(b"\r\n").removeprefix(_BOM)
    if text.startswith(b"data:") and b"\n" not in text and b"\r" not in text:
        return Event(text[5:].removeprefix(b" "))
    if text.startswith(b"event:") and b"\r" not in text:  # the usual two lines, without a look at every line
        head, _, line = text.partition(b"\n")
        if line.startswith(b"data:") and b"\n" not in line:
            return Event(line[5:].removeprefix(b" "), head[6:].removeprefix(b" "))
    data: list[bytes] = []
    name = b""
    for line in _LINE_END.split(text):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return Event(b"\n".join(data) if data else None, name)


def encode(data: bytes, name: str = "") -> bytes:
    """Write one event; every line of `data` gets its own field."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"".join(b"data: " + line + b"\n" for line in _LINE_END.split(data)) + b"\n"


def too_large() -> FaultError:
    """Make the error for an event above the cap."""
    return FaultError(
        Fault(
            FaultKind.TOO_LARGE,
            "The provider sent one stream event of more than 1 MiB (16 MiB with a picture).",
            "Ask for a shorter answer or use another provider.",
        )
    )


def _last_blank_line(data: bytes | bytearray, start: int) -> int:
    """Return the offset behind the last blank line, searching from `start`; 0 when there is none.

    A CR at the very end is left alone, because its LF may be in the next read.
    """
    if data.endswith((b"\n\n", b"\r\n\r\n")):
        return len(data)
    if data.find(b"\r", start) < 0:
        at = data.rfind(b"\n\n", start)
        return at + 2 if at >= 0 else 0
    stop = len(data) - data.endswith(b"\r")
    found = ((data.rfind(mark, start, stop), len(mark)) for mark in _BLANK_LINES)
    return max((at + length for at, length in found if at >= 0), default=0)


def _only_blank_line(block: bytes) -> bytes:
    """Return the blank line of a block with one kind of line end, LF or CRLF; nothing for a mixture."""
    if b"\r" not in block:
        return b"\n\n"
    ends = block.count(b"\r")
    return b"\r\n\r\n" if ends == block.count(b"\r\n") == block.count(b"\n") else b""


def _behind_blank_line(block: bytes, mark: bytes, start: int) -> int:
    """Return the offset behind the next blank line, 0 when there is none; without a `mark` any mixture is one."""
    if mark:
        at = block.find(mark, start)
        return at + len(mark) if at >= 0 else 0
    match = _BLANK_LINE.search(block, start)
    return match.end() if match else 0
