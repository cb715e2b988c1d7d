"""Write hub events as a Gemini stream: every event a small answer, every call whole."""

from collections.abc import Iterable

from app.dialects import json_edit, sse
from app.dialects.fields import Object
from app.dialects.gemini_contents import write_call
from app.dialects.gemini_reply import shows_thoughts, write_citations, write_picture
from app.dialects.gemini_usage import write_finish, write_usage
from app.domain.hub import ChatRequest, ToolCall
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Cited,
    Counted,
    Ended,
    Finished,
    Pictured,
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import NO_USAGE, Usage


class EventWriter:
    """Turns hub events into small answers; finish and usage come last, together, as Gemini's clients expect them."""

    def __init__(self, request: ChatRequest) -> None:
        """Write for the client that sent `request`."""
        self._request = request
        self._shows = shows_thoughts(request)
        self._id = ""
        self._model = request.model
        self._usage: Usage = NO_USAGE
        self._calls: dict[int, tuple[CallStarted, list[str]]] = {}
        self._finished: dict[int, Finished] = {}
        self._cited: dict[int, list[Citation]] = {}
        self._closed = False

    def write(self, events: Iterable[StreamEvent]) -> bytes:
        """Return the bytes for these events."""
        return b"".join([self._one(event) for event in events])

    def _one(self, event: StreamEvent) -> bytes:
        if isinstance(event, TextDelta | RefusalDelta):
            return self._parts(event.choice, {"text": event.text}) if event.text else b""
        if isinstance(event, Pictured):
            return self._parts(event.choice, write_picture(event.image))
        if isinstance(event, CallDelta):
            if event.index in self._calls:
                self._calls[event.index][1].append(event.arguments)
            return b""
        if isinstance(event, ThoughtDelta):
            shown = event.text and self._shows
            return self._parts(event.choice, {"text": event.text, "thought": True}) if shown else b""
        return self._rest(event)

    def _rest(self, event: StreamEvent) -> bytes:
        if isinstance(event, CallStarted):
            self._calls[event.index] = (event, [])
        elif isinstance(event, CallEnded):
            return self._call(event.index)
        elif isinstance(event, Counted):
            self._usage = self._usage.most(event.usage)
        elif isinstance(event, Cited):
            self._cited.setdefault(event.choice, []).append(event.citation)
        elif isinstance(event, Started):
            self._id, self._model = event.id, event.model or self._model
        elif isinstance(event, Finished):
            self._finished[event.choice] = event
            return b"".join(
                [self._call(at) for at, (call, _) in list(self._calls.items()) if call.choice == event.choice]
            )
        elif isinstance(event, Ended):
            return self._end()
        return b""

    def _call(self, index: int) -> bytes:
        """Send a call that is whole."""
        found = self._calls.pop(index, None)
        if found is None:
            return b""
        start, said = found
        call = ToolCall(start.id, start.name, "".join(said), start.custom, start.signature)
        return self._parts(start.choice, write_call(call, with_id=bool(call.id)))

    def _parts(self, choice: int, part: Object) -> bytes:
        return self._send([{"content": {"parts": [part], "role": "model"}, "index": choice}])

    def _end(self) -> bytes:
        if self._closed:
            return b""
        self._closed = True
        last = [
            {
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": write_finish(event.finish),
                "index": choice,
            }
            | write_citations(self._cited.get(choice, ()))
            for choice, event in self._finished.items()
        ]
        return self._send(last, usage=True)

    def _send(self, candidates: list[Object], *, usage: bool = False) -> bytes:
        out: Object = {"candidates": candidates}
        if usage:
            out["usageMetadata"] = write_usage(self._usage)
        return sse.encode(json_edit.dumps(out | {"modelVersion": self._model, "responseId": self._id}))
