"""Read an Anthropic stream into hub events."""

from typing import Any

from app.dialects import json_edit, sse
from app.dialects.anthropic_errors import MALFORMED, in_band_error
from app.dialects.anthropic_reply import read_citation
from app.dialects.anthropic_request import NAME
from app.dialects.anthropic_usage import parse_usage, read_finish
from app.dialects.fields import Object
from app.domain.faults import ProviderError
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Cited,
    Counted,
    Ended,
    Failed,
    Finished,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import NO_USAGE


class EventReader:
    """Turns the named events of a provider into hub events; blocks of the provider's own tools are passed over."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._splitter = sse.Splitter()
        self._kinds: dict[int, str] = {}
        self._signatures: dict[int, str] = {}
        self._called = self._over = self._finished = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Take the next bytes; a half event is kept until its rest comes.

        Raises:
            FaultError: TOO_LARGE above 1 MiB per event.
        """
        events: list[StreamEvent] = []
        for piece in sse.pieces(self._splitter.feed(data)):
            if self._over:
                break
            name, found = event_data(piece)
            if found:
                self._event(name, found, events)
        return events

    def finish(self) -> list[StreamEvent]:
        """Take the end of the bytes: an unframed error body is seen, half an event is dropped."""
        rest = self._splitter.rest().strip()
        events: list[StreamEvent] = []
        if self._over or not rest:
            return events
        name, data = event_data(b"data: " + b"".join(rest.splitlines()) if rest.startswith(b"{") else rest)
        if data and json_edit.load_object(data) is not None:
            self._event(name, data, events)
        return events

    def _event(self, name: bytes, data: bytes, events: list[StreamEvent]) -> None:
        event = json_edit.load_object(data)
        if event is None:
            self._fail(MALFORMED, events)
            return
        kind = event.get("type")
        if kind == "content_block_delta":
            self._delta(event, events)
            return
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if read is not None:
            read(self, event, events)
        elif (error := in_band_error(event, name)) is not None:
            self._fail(error, events)

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    def _start(self, event: Object, events: list[StreamEvent]) -> None:
        message = _child(event, "message")
        events.append(Started(str(message.get("id") or ""), str(message.get("model") or "")))
        self._count(message, events)

    def _count(self, holder: Object, events: list[StreamEvent]) -> None:
        usage = parse_usage(holder.get("usage"))
        if usage is not NO_USAGE:
            events.append(Counted(usage))

    def _block(self, event: Object, events: list[StreamEvent]) -> None:
        at, block = _index(event), _child(event, "content_block")
        kind = self._kinds[at] = str(block.get("type"))
        if kind == "tool_use":
            self._called = True
            events.append(CallStarted(at, str(block.get("id") or ""), str(block.get("name") or "")))
            if block.get("input"):
                events.append(CallDelta(at, json_edit.dumps(block["input"]).decode()))
        elif kind == "text" and block.get("text"):
            events.append(TextDelta(str(block["text"])))
        elif kind == "thinking" and block.get("thinking"):
            events.append(ThoughtDelta(str(block["thinking"]), origin=NAME))
        elif kind == "redacted_thinking":
            events.append(ThoughtDelta(sealed=str(block.get("data") or ""), origin=NAME))

    def _delta(self, event: Object, events: list[StreamEvent]) -> None:
        delta, at = _child(event, "delta"), _index(event)
        kind = delta.get("type")
        text = delta.get("text")
        if kind == "text_delta":
            events.append(TextDelta(text if isinstance(text, str) else ""))
        elif kind == "input_json_delta":
            self._arguments(at, delta.get("partial_json"), events)
        elif kind == "thinking_delta":
            events.append(ThoughtDelta(str(delta.get("thinking") or ""), origin=NAME))
        elif kind == "signature_delta":
            self._signatures[at] = self._signatures.get(at, "") + str(delta.get("signature") or "")
        elif kind == "citations_delta":
            events.append(Cited(read_citation(_child(delta, "citation"))))

    def _arguments(self, at: int, part: object, events: list[StreamEvent]) -> None:
        if isinstance(part, str) and part and self._kinds.get(at) == "tool_use":
            events.append(CallDelta(at, part))

    def _stop(self, event: Object, events: list[StreamEvent]) -> None:
        """A signature counts only when its block is whole: half of one must never be kept."""
        at = _index(event)
        kind, signature = self._kinds.pop(at, ""), self._signatures.pop(at, "")
        if kind == "tool_use":
            events.append(CallEnded(at))
        elif signature:
            events.append(ThoughtDelta(signature=signature, origin=NAME))

    def _message(self, event: Object, events: list[StreamEvent]) -> None:
        self._count(event, events)
        delta = _child(event, "delta")
        if delta.get("stop_reason") and not self._finished:
            self._finished = True
            stop = delta.get("stop_sequence")
            finish = read_finish(delta["stop_reason"], called=self._called)
            events.append(Finished(finish, stop if isinstance(stop, str) else ""))

    def _end(self, _: Object, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(Ended())


_READERS: dict[str, Any] = {
    "message_start": EventReader._start,
    "content_block_start": EventReader._block,
    "content_block_stop": EventReader._stop,
    "message_delta": EventReader._message,
    "message_stop": EventReader._end,
}


def event_data(piece: bytes) -> tuple[bytes, bytes]:
    """Return name and data of one event; the usual two lines are read without a look at every line."""
    text = piece.strip(b"\r\n")
    if text.startswith(b"event:") and b"\r" not in text:
        head, _, data = text.partition(b"\n")
        if data.startswith(b"data:") and b"\n" not in data:
            return head[6:].strip(), data[5:].strip()
    event = sse.parse_event(piece)
    return event.name, (event.data or b"").strip()


def _index(event: Object) -> int:
    at = event.get("index")
    return at if isinstance(at, int) else -1


def _child(holder: Object, key: str) -> Object:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}
