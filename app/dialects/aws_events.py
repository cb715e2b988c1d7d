"""Amazon's event stream, in which Bedrock frames the events of other dialects: unpacked into server-sent events.

A message has its length, the length of its headers, a checksum of both, headers, a payload, and a checksum of it all,
in network byte order. Those with the event type `chunk` hold `{"bytes": "<base64 of one event>"}`. Exceptions become
error events as Anthropic's dialect has them. Source: "Event stream encoding" of the Amazon Transcribe guide,
"InvokeModelWithResponseStream" of the Bedrock API reference.
"""

import base64
import re
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from app.dialects import json_edit, sse
from app.dialects.dialect import StreamReader
from app.domain.faults import FaultKind, ProviderError

if TYPE_CHECKING:
    from app.domain.usage import Usage

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct("!III")
_CHECKSUM_BYTES = 4
_LEAST_BYTES = _PRELUDE.size + _CHECKSUM_BYTES
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""How many bytes a header's value of such a type has."""

_NAME = re.compile(r"[a-z0-9_.]{1,64}")
_TEXT = 7
_SIZED = (6, _TEXT)  # their values begin with their length


class _Message(NamedTuple):
    headers: dict[str, str]
    payload: bytes


class EventStream:
    """Turns the bytes of an event stream into those of server-sent events; a half message is kept."""

    __slots__ = ("_rest", "broken")

    def __init__(self) -> None:
        """Begin; `broken` is set by what is no event stream, and nothing is read behind it."""
        self._rest = bytearray()
        self.broken = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, return the events that are whole by now.

        Raises:
            FaultError: TOO_LARGE, when one message exceeds 1 MiB.
        """
        rest = self._rest
        rest += data
        out: list[bytes] = []
        while not self.broken and len(rest) >= _PRELUDE.size:
            length, headers_length, checksum = _PRELUDE.unpack_from(rest)
            if zlib.crc32(rest[:8]) != checksum or not _LEAST_BYTES + headers_length <= length:
                out.append(self._broken())
                break
            if length > sse.MAX_EVENT_BYTES:
                raise sse.too_large()
            if len(rest) < length:
                break
            out.append(self._read(bytes(rest[:length]), headers_length))
            del rest[:length]
        return b"".join(out)

    def _read(self, message: bytes, headers_length: int) -> bytes:
        """One whole message as an event."""
        (checksum,) = struct.unpack("!I", message[-_CHECKSUM_BYTES:])
        head = _PRELUDE.size + headers_length
        headers = _headers(message[_PRELUDE.size : head])
        if zlib.crc32(message[:-_CHECKSUM_BYTES]) != checksum or headers is None:
            return self._broken()
        return _event(_Message(headers, message[head:-_CHECKSUM_BYTES])) or self._broken()

    def _broken(self) -> bytes:
        self.broken = True
        return _error(FaultKind.MALFORMED_EVENT.value, "A message of the event stream is damaged.")


def _headers(data: bytes) -> dict[str, str] | None:
    """The headers that are text, None when they cannot be read."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end].decode(), data[name_end]
            at = name_end + 1
            if kind not in _SIZED:
                at += _FIXED[kind]
                continue
            (length,) = struct.unpack_from("!H", data, at)
            value = data[at + 2 : at + 2 + length]
            at += 2 + length
            if kind == _TEXT:
                found[name] = value.decode()
    except (LookupError, UnicodeDecodeError, struct.error):
        return None
    return found if at == len(data) else None


def _event(message: _Message) -> bytes | None:
    """What a message means; nothing (but not None) for one that says nothing, None for one that makes no sense."""
    kind = message.headers.get(":message-type", "event")
    if kind == "error":
        return _error(message.headers.get(":error-code", "api_error"), message.headers.get(":error-message", ""))
    try:
        value = json_edit.loads(message.payload or b"{}")
        if not isinstance(value, dict):
            return None
        if kind == "event":
            return _unpacked(value.get("bytes"))
    except ValueError:
        return None
    told = value.get("message") or value.get("originalMessage")
    return _error(message.headers.get(":exception-type", "api_error"), told if isinstance(told, str) else "")


def _unpacked(packed: object) -> bytes:
    """The event that was packed; a comment for a message without one, which is a sign of life.

    Raises:
        ValueError: it is broken.
    """
    if not isinstance(packed, str):
        return b": \n\n"
    inner = base64.b64decode(packed, validate=True)
    event = json_edit.loads(inner)
    name = event.get("type") if isinstance(event, dict) else None
    return sse.encode(inner, name if isinstance(name, str) and _NAME.fullmatch(name) else "")


def _error(kind: str, message: str) -> bytes:
    error = {"type": kind.lower(), "message": message or f"The provider ended its answer with {kind}."}
    return sse.encode(json_edit.dumps({"type": "error", "error": error}), "error")


class UnpackedReader:
    """A `StreamReader` in front of which an event stream is unpacked."""

    __slots__ = ("_reader", "_stream", "committed", "complete", "ended", "error", "usage")

    def __init__(self, reader: StreamReader) -> None:
        """Unpack what comes, and hand it to `reader`."""
        self._reader = reader
        self._stream = EventStream()
        self.error: ProviderError | None = None
        self.usage: Usage = reader.usage
        self.committed = self.complete = self.ended = False

    def feed(self, data: bytes) -> bytes:
        """As the reader behind it.

        Raises:
            FaultError: as that, and TOO_LARGE for a message above 1 MiB.
        """
        events = self._stream.feed(data)
        return self._seen(self._reader.feed(events)) if events else b""

    def finish(self) -> bytes:
        """As the reader behind it."""
        return self._seen(self._reader.finish())

    def _seen(self, out: bytes) -> bytes:
        reader = self._reader
        self.committed, self.complete, self.ended = reader.committed, reader.complete, reader.ended
        self.error, self.usage = reader.error, reader.usage
        return out
