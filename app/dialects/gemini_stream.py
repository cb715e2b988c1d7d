"""Read along a Gemini stream that passes through: what may be forwarded, when it counts, and how it ended."""

from typing import TYPE_CHECKING, Any

from app.dialects import sse
from app.dialects.gemini_errors import MALFORMED, broken_call, in_band_error
from app.dialects.gemini_events import parse_data, parse_event_data, unframed
from app.dialects.gemini_reply import candidates_of, is_blocked, parts_of
from app.dialects.gemini_usage import merge_counts, parse_usage
from app.domain.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from app.domain.faults import ProviderError


class GeminiStream:
    """The `StreamReader` of Gemini; a finish reason completes it, its end is the end of the bytes."""

    __slots__ = ("_counts", "_splitter", "committed", "complete", "ended", "error", "usage")

    def __init__(self) -> None:
        """Start at the beginning."""
        self._splitter = sse.Splitter()
        self._counts: dict[str, Any] = {}
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
        at = 0
        for piece in sse.pieces(block):
            if not self._forwards(piece):
                break
            at += len(piece)
        return block[:at]

    def finish(self) -> bytes:
        """Take the end of the stream; a last event without its blank line is whole all the same."""
        if self.ended:
            return b""
        rest = unframed(self._splitter.rest())
        out = b""
        if rest and parse_event_data(rest) is not None and self._forwards(rest):
            out = rest + b"\n\n"
        self.ended = True
        return out

    def _forwards(self, piece: bytes) -> bool:
        """Look at one event; false when neither it nor anything behind it may be forwarded."""
        data = (sse.parse_event(piece).data or b"").strip()
        if not data:
            return True
        reply = parse_data(data)
        error = in_band_error(reply)
        if error is None and not isinstance(reply, dict):
            error = MALFORMED
        if error is None and isinstance(reply, dict) and not self.committed:
            error = next(filter(None, map(broken_call, candidates_of(reply))), None)
        if error is not None or not isinstance(reply, dict):
            self.error, self.complete, self.ended = error, False, True
            return False
        self._note(reply)
        return True

    def _note(self, reply: dict[str, Any]) -> None:
        self._counts = merge_counts(self._counts, reply.get("usageMetadata"))
        self.usage = parse_usage(self._counts)
        for candidate in candidates_of(reply):
            if candidate.get("finishReason"):
                self.committed = self.complete = True
            elif any(part.get("text", part) for part in parts_of(candidate)):
                self.committed = True
        if is_blocked(reply):
            self.committed = self.complete = True
