"""Read along an Anthropic stream that passes through: what may be forwarded, when it counts, and how it ended."""

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from app.dialects import json_edit, sse
from app.dialects.anthropic_errors import MALFORMED, in_band_error
from app.dialects.anthropic_events import event_data
from app.dialects.anthropic_naming import named_events
from app.dialects.anthropic_usage import parse_usage
from app.domain.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from app.domain.faults import ProviderError

STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class _Quiet(msgspec.Struct, gc=False):
    """An event that changes nothing once the answer has begun."""

    type: Literal["content_block_delta", "content_block_start", "content_block_stop", "ping"]


_QUIET = msgspec.json.Decoder(_Quiet)


class AnthropicStream:
    """The `StreamReader` of messages; `message_stop` is its end mark."""

    __slots__ = ("_asked", "_splitter", "committed", "complete", "ended", "error", "usage")

    def __init__(self, asked: str = "") -> None:
        """Start at the beginning; the answer is under the name `asked`."""
        self._asked = asked
        self._splitter = sse.Splitter()
        self.committed = self.complete = self.ended = False
        self.error: ProviderError | None = None
        self.usage: Usage = NO_USAGE

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the whole events to forward.

        Raises:
            FaultError: TOO_LARGE, when one event exceeds 1 MiB.
        """
        if self.ended:
            return b""
        block = self._splitter.feed(data)
        if self._asked and block:
            block, done = named_events(block, self._asked)
            self._asked = "" if done else self._asked
        at = 0
        for piece in sse.pieces(block):
            if not self._forwards(piece):
                break
            at += len(piece)
            if self._is_over():
                break
        return block[:at]

    def _is_over(self) -> bool:
        return self.ended

    def finish(self) -> bytes:
        """Take the end of the stream; one that gave its stop reason gets the end mark it lacks."""
        if self.ended:
            return b""
        rest = self._splitter.rest().strip()
        out = b""
        if rest.startswith(b"{"):
            rest = b"data: " + b"".join(rest.splitlines())
        data = event_data(rest)[1] if rest else b""
        if data and json_edit.load_object(data) is not None and self._forwards(rest):
            out = rest + b"\n\n"
        if self.complete and not self.ended:
            self.ended = True
            out += STOP
        return out

    def _forwards(self, piece: bytes) -> bool:
        """Look at one event; false when neither it nor anything behind it may be forwarded."""
        name, data = event_data(piece)
        if not data:
            return True
        if self.committed:
            try:
                _QUIET.decode(data)
            except (*json_edit.BAD_JSON, RecursionError):
                pass
            else:
                return name != b"error" or self._look(name, data)
        return self._look(name, data)

    def _look(self, name: bytes, data: bytes) -> bool:
        event = json_edit.load_object(data)
        error = MALFORMED if event is None else in_band_error(event, name)
        if event is None or error is not None:
            self.error, self.complete, self.ended = error, False, True
            return False
        self._note(event)
        return True

    def _note(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "message_start":
            message = event.get("message")
            self._count(message if isinstance(message, dict) else {})
        elif kind == "content_block_delta" or (kind == "content_block_start" and _has_content(event)):
            self.committed = True
        elif kind == "message_delta":
            self._count(event)
            delta = event.get("delta")
            if isinstance(delta, dict) and delta.get("stop_reason"):
                self.committed = self.complete = True
        elif kind == "message_stop":
            self.committed = self.complete = self.ended = True

    def _count(self, holder: dict[str, Any]) -> None:
        self.usage = self.usage.most(parse_usage(holder.get("usage")))


def _has_content(event: dict[str, Any]) -> bool:
    block = event.get("content_block")
    return isinstance(block, dict) and (block.get("type") not in ("text", "thinking") or bool(block.get("text")))
