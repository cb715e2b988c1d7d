"""Write hub events as lines of JSON: calls come whole, the last line has reason, counts and times."""

import time
from collections.abc import Callable, Iterable

from app.dialects import json_edit
from app.dialects.fields import Object
from app.dialects.ollama_reply import shows_thoughts, write_calls, write_end, write_time
from app.domain.hub import ChatRequest, ToolCall
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Counted,
    Ended,
    Finish,
    Finished,
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import NO_USAGE, Usage

Frame = Callable[[str, str, list[Object]], Object]
"""Makes the content of a line from words, thoughts and calls."""


def chat_frame(words: str, thoughts: str, calls: list[Object]) -> Object:
    """Make the content of a line of `/api/chat`."""
    message: Object = {"role": "assistant", "content": words}
    return {
        "message": message | ({"thinking": thoughts} if thoughts else {}) | ({"tool_calls": calls} if calls else {})
    }


def generate_frame(words: str, thoughts: str, calls: list[Object]) -> Object:
    """Make the content of a line of `/api/generate`, which knows no calls."""
    return {"response": words} | ({"thinking": thoughts} if thoughts else {})


class _Call:
    """A call whose arguments are still coming."""

    __slots__ = ("id", "name", "over", "said")

    def __init__(self, event: CallStarted) -> None:
        self.id, self.name = event.id, event.name
        self.said: list[str] = []
        self.over = False


class EventWriter:
    """Turns hub events into lines; a call is sent when it is whole and all that began before it are sent."""

    def __init__(
        self, request: ChatRequest, frame: Frame = chat_frame, clock: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        """Write for the client that sent `request`; `clock` gives nanoseconds, for the times of the last line."""
        self._request, self._frame, self._clock = request, frame, clock
        self._head: Object = {}
        self._usage: Usage = NO_USAGE
        self._finish = Finish.STOP
        self._calls: dict[int, _Call] = {}
        self._sent = 0
        self._closed = False
        self._began_ns = clock()
        self._content_ns: int | None = None
        self._out: list[bytes] = []

    def write(self, events: Iterable[StreamEvent]) -> bytes:
        """Return the bytes for these events."""
        for event in events:
            if not getattr(event, "choice", 0) and not self._closed:
                self._one(event)
        out, self._out = self._out, []
        return b"".join(out)

    def _one(self, event: StreamEvent) -> None:
        if isinstance(event, TextDelta | RefusalDelta):
            if event.text:
                self._line(event.text)
        elif isinstance(event, ThoughtDelta):
            if event.text and shows_thoughts(self._request):
                self._line("", event.text)
        elif isinstance(event, CallStarted | CallDelta | CallEnded):
            self._call(event)
        else:
            self._rest(event)

    def _call(self, event: CallStarted | CallDelta | CallEnded) -> None:
        if isinstance(event, CallStarted):
            self._calls[event.index] = _Call(event)
        elif (call := self._calls.get(event.index)) is None:
            return
        elif isinstance(event, CallDelta):
            call.said.append(event.arguments)
        else:
            call.over = True
            self._send_calls()

    def _rest(self, event: StreamEvent) -> None:
        if isinstance(event, Started):
            self._begin(event.created)
        elif isinstance(event, Counted):
            self._usage = self._usage.most(event.usage)
        elif isinstance(event, Finished):
            self._finish = event.finish
            for call in self._calls.values():
                call.over = True
            self._send_calls()
        elif isinstance(event, Ended):
            self._end()

    def _begin(self, created: int) -> None:
        if not self._head:
            self._head = {"model": self._request.model, "created_at": write_time(created)}

    def _send_calls(self) -> None:
        """Send those in front that are whole."""
        for call in list(self._calls.values())[self._sent :]:
            if not call.over:
                return
            (written,) = write_calls((ToolCall(call.id, call.name, "".join(call.said)),))
            written["function"]["index"] = self._sent
            self._sent += 1
            self._line("", calls=[written])

    def _line(self, words: str, thoughts: str = "", calls: list[Object] | None = None) -> None:
        self._begin(0)
        if self._content_ns is None:
            self._content_ns = self._clock()
        self._send({**self._frame(words, thoughts, calls or []), "done": False})

    def _end(self) -> None:
        self._closed = True
        self._begin(0)
        now_ns = self._clock()
        content_ns = now_ns if self._content_ns is None else self._content_ns
        spans_ns = (content_ns - self._began_ns, now_ns - content_ns)
        self._send({**self._frame("", "", []), **write_end(self._finish, self._usage, spans_ns)})

    def _send(self, line: Object) -> None:
        self._out.append(json_edit.dumps({**self._head, **line}) + b"\n")
