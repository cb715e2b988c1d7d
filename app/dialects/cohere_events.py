"""Read a stream of Cohere's chat into hub events."""

from collections.abc import Callable

from app.dialects import json_edit, sse
from app.dialects.cohere_messages import NAME
from app.dialects.cohere_reply import failure_of, object_of, read_citation, read_finish, read_usage, text_of
from app.dialects.fields import Object
from app.dialects.openai_errors import read_error
from app.domain.faults import FaultKind, ProviderError
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

_MALFORMED = ProviderError(message="An event of the stream is not valid JSON.", code=FaultKind.MALFORMED_EVENT.value)


class EventReader:
    """Turns the typed events of a provider into hub events; events of kinds nobody knows are passed over."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._splitter = sse.Splitter()
        self._open: set[int] = set()
        self._started = self._called = self._over = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Take the next bytes; a half event is kept until its rest comes.

        Raises:
            FaultError: TOO_LARGE above 1 MiB per event.
        """
        events: list[StreamEvent] = []
        for piece in sse.pieces(self._splitter.feed(data)):
            if self._over:
                break
            self._piece(piece, events)
        return events

    def finish(self) -> list[StreamEvent]:
        """Take the end of the bytes: an unframed error body is seen, half an event is dropped."""
        rest = self._splitter.rest().strip()
        events: list[StreamEvent] = []
        if not self._over and rest:
            piece = b"data: " + b"".join(rest.splitlines()) if rest.startswith(b"{") else rest
            if isinstance(_loads(sse.parse_event(piece).data or b""), dict):
                self._piece(piece, events)
        return events

    def _piece(self, piece: bytes, events: list[StreamEvent]) -> None:
        data = (sse.parse_event(piece).data or b"").strip()
        if not data or data == b"[DONE]":
            return
        event = _loads(data)
        if not isinstance(event, dict):
            self._fail(_MALFORMED, events)
            return
        kind = event.get("type")
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if read is not None:
            read(self, event, events)
        elif (not kind and isinstance(event.get("message"), str)) or kind == "error" or event.get("error"):
            self._fail(read_error(event), events)

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    def _start(self, event: Object, events: list[StreamEvent]) -> None:
        if not self._started:
            self._started = True
            events.append(Started(text_of(event, "id")))

    def _content(self, event: Object, events: list[StreamEvent]) -> None:
        content = _message(event).get("content")
        if not isinstance(content, dict):
            return
        if text := text_of(content, "thinking"):
            events.append(ThoughtDelta(text, origin=NAME))
        if text := text_of(content, "text"):
            events.append(TextDelta(text))

    def _plan(self, event: Object, events: list[StreamEvent]) -> None:
        if text := text_of(_message(event), "tool_plan"):
            events.append(ThoughtDelta(text, origin=NAME))

    def _call(self, event: Object, events: list[StreamEvent]) -> None:
        at, call = _index(event), object_of(_message(event).get("tool_calls"))
        function = object_of(call.get("function"))
        self._called = True
        self._open.add(at)
        events.append(CallStarted(at, text_of(call, "id") or f"call_{at}", text_of(function, "name")))
        self._arguments(event, events)

    def _arguments(self, event: Object, events: list[StreamEvent]) -> None:
        at, call = _index(event), object_of(_message(event).get("tool_calls"))
        text = text_of(object_of(call.get("function")), "arguments")
        if text and at in self._open:
            events.append(CallDelta(at, text))

    def _call_ends(self, event: Object, events: list[StreamEvent]) -> None:
        at = _index(event)
        if at in self._open:
            self._open.remove(at)
            events.append(CallEnded(at))

    def _cite(self, event: Object, events: list[StreamEvent]) -> None:
        if found := object_of(_message(event).get("citations")):
            events.append(Cited(read_citation(found)))

    def _end(self, event: Object, events: list[StreamEvent]) -> None:
        delta = object_of(event.get("delta"))
        usage = read_usage(delta.get("usage"))
        if usage is not NO_USAGE:
            events.append(Counted(usage))
        reason = delta.get("finish_reason")
        failure = failure_of(reason)
        if failure is not None:
            told = text_of(delta, "error")
            self._fail(ProviderError(message=told, code=failure.code) if told else failure, events)
            return
        self._over = True
        events += [CallEnded(at) for at in sorted(self._open)]
        events += (Finished(read_finish(reason, called=self._called)), Ended())


_READERS: dict[str, Callable[[EventReader, Object, list[StreamEvent]], None]] = {
    "message-start": EventReader._start,
    "content-start": EventReader._content,
    "content-delta": EventReader._content,
    "tool-plan-delta": EventReader._plan,
    "tool-call-start": EventReader._call,
    "tool-call-delta": EventReader._arguments,
    "tool-call-end": EventReader._call_ends,
    "citation-start": EventReader._cite,
    "message-end": EventReader._end,
}


def _loads(data: bytes) -> object:
    """Read data; None when it is no JSON."""
    try:
        return json_edit.loads(data)
    except json_edit.JsonError:
        return None


def _message(event: Object) -> Object:
    return object_of(object_of(event.get("delta")).get("message"))


def _index(event: Object) -> int:
    at = event.get("index")
    return at if isinstance(at, int) else 0
