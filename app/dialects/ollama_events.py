"""Read an Ollama stream, lines of JSON: into hub events, or along while it passes through."""

from app.dialects import json_edit, sse
from app.dialects.fields import Object
from app.dialects.ollama_errors import MALFORMED, in_band_error
from app.dialects.ollama_reply import parse_usage, read_finish, read_message, read_time
from app.dialects.ollama_request import NAME
from app.domain.chat import ApiRequest
from app.domain.faults import FaultError, ProviderError
from app.domain.hub import Text, Thought, ToolCall
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import NO_USAGE, Usage


class Lines:
    """Keeps the half line at the end of every read until its rest comes."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        """Start with nothing kept."""
        self._tail = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes and return the whole lines among all that came, each with its end.

        Raises:
            FaultError: TOO_LARGE, when one line exceeds 1 MiB.
        """
        end = data.rfind(b"\n") + 1
        lines = [line + b"\n" for line in (bytes(self._tail) + data[: end - 1]).split(b"\n")] if end else []
        if end:
            self._tail.clear()
        self._tail += data[end:]
        if any(len(line) > sse.MAX_EVENT_BYTES for line in (*lines, self._tail)):
            raise sse.too_large()
        return lines

    def rest(self) -> bytes:
        """Return what is left when the stream has ended, and forget it."""
        rest = bytes(self._tail)
        self._tail.clear()
        return rest


def parse_line(line: bytes) -> Object | None:
    """Read a line; None when it is no JSON object."""
    try:
        value = json_edit.loads(line)
    except json_edit.JsonError:
        return None
    return value if isinstance(value, dict) else None


class EventReader:
    """Turns the lines of a provider into hub events; calls come whole."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._lines = Lines()
        self._calls = 0
        self._started = self._over = False
        self._made = ""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Take the next bytes; a half line is kept until its rest comes.

        Raises:
            FaultError: TOO_LARGE above 1 MiB per line.
        """
        events: list[StreamEvent] = []
        for line in self._lines.feed(data):
            if line.strip() and not self._over:
                self._line(line, events)
        return events

    def finish(self) -> list[StreamEvent]:
        """Take the end of the bytes: a last line without its end counts, half a line is dropped."""
        events: list[StreamEvent] = []
        rest = self._lines.rest()
        if not self._over and parse_line(rest) is not None:
            self._line(rest, events)
        return events

    def _line(self, line: bytes, events: list[StreamEvent]) -> None:
        reply = parse_line(line)
        error = MALFORMED if reply is None else in_band_error(reply)
        if reply is None or error is not None:
            self._fail(error or MALFORMED, events)
            return
        if not self._started:
            self._started = True
            created = read_time(reply.get("created_at"))
            self._made = f"{created}_"
            events.append(Started("", str(reply.get("model") or ""), created))
        try:
            self._content(reply, line, events)
        except FaultError:
            self._fail(MALFORMED, events)
            return
        if reply.get("done") is True:
            self._end(reply, events)

    def _content(self, reply: Object, line: bytes, events: list[StreamEvent]) -> None:
        for part in read_message(reply, line, f"{self._made}{self._calls}_"):
            if isinstance(part, Text):
                events.append(TextDelta(part.text))
            elif isinstance(part, Thought):
                events.append(ThoughtDelta(part.text, origin=NAME))
            elif isinstance(part, ToolCall):
                at, self._calls = self._calls, self._calls + 1
                events += [CallStarted(at, part.id, part.name), CallDelta(at, part.arguments), CallEnded(at)]

    def _end(self, reply: Object, events: list[StreamEvent]) -> None:
        self._over = True
        usage = parse_usage(reply)
        if usage is not NO_USAGE:
            events.append(Counted(usage))
        events += [Finished(read_finish(reply.get("done_reason"), called=self._calls > 0)), Ended()]

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(Failed(error))


class OllamaStream:
    """The `StreamReader` of lines that pass through; the line with `done` is the end mark."""

    __slots__ = ("_lines", "committed", "complete", "ended", "error", "usage")

    def __init__(self) -> None:
        """Start at the beginning."""
        self._lines = Lines()
        self.committed = self.complete = self.ended = False
        self.error: ProviderError | None = None
        self.usage: Usage = NO_USAGE

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the whole lines to forward.

        Raises:
            FaultError: TOO_LARGE, when one line exceeds 1 MiB.
        """
        return b"" if self.ended else b"".join([line for line in self._lines.feed(data) if self._forwards(line)])

    def finish(self) -> bytes:
        """Take the end of the stream; a last line without its end gets one."""
        rest = self._lines.rest()
        if self.ended or parse_line(rest) is None or not self._forwards(rest):
            return b""
        return rest + b"\n"

    def _forwards(self, line: bytes) -> bool:
        """Look at one line; false when it may not be forwarded, as nothing behind the end or an error may."""
        if self.ended or not line.strip():
            return False
        reply = parse_line(line)
        error = MALFORMED if reply is None else in_band_error(reply)
        if reply is None or error is not None:
            self.error, self.complete, self.ended = error, False, True
            return False
        self.committed = self.committed or _has_content(reply)
        if reply.get("done") is True:
            self.committed = self.complete = self.ended = True
            self.usage = parse_usage(reply)
        return True


def _has_content(reply: Object) -> bool:
    message = reply.get("message")
    holder = message if isinstance(message, dict) else reply
    return any(holder.get(key) for key in ("content", "response", "thinking", "tool_calls"))


def open_stream(request: ApiRequest) -> OllamaStream:
    """Start reading along a stream."""
    return OllamaStream()


def event_reader() -> EventReader:
    """Begin to read a provider's stream."""
    return EventReader()
