"""Write hub events as an OpenAI chat stream."""

from collections.abc import Iterable
from typing import Any

import msgspec

from app.dialects import json_edit
from app.dialects.fields import Object
from app.dialects.openai_chat_pictures import write_picture
from app.dialects.openai_chat_reply import (
    write_annotation,
    write_finish,
    write_usage,
)
from app.dialects.openai_chat_thoughts import FORMATS
from app.domain.hub import ChatRequest
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
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

DONE = b"data: [DONE]\n\n"
_EMPTY = "{}"


class EventWriter:
    """Turns hub events into chunks; OpenAI's chunks may interleave calls, so nothing ever waits."""

    def __init__(self, request: ChatRequest) -> None:
        """Write for the client that sent `request`."""
        self._request = request
        self._head = self._start = b""
        self._usage: Usage = NO_USAGE
        self._calls: dict[int, dict[int, int]] = {}
        self._details: dict[int, int] = {}
        self._custom: set[int] = set()
        self._bare: set[int] = set()
        self._refused: set[int] = set()
        self._opened: set[int] = set()

    def write(self, events: Iterable[StreamEvent]) -> bytes:
        """Return the bytes for these events."""
        return b"".join([self._one(event) for event in events])

    def _one(self, event: StreamEvent) -> bytes:
        if isinstance(event, TextDelta):
            return self._chunk(event.choice, {"content": event.text})
        write = _WRITERS.get(type(event))
        return write(self, event) if write else b""

    def _begin(self, event: Started) -> bytes:
        if not self._start:
            head = {
                "id": event.id or "chatcmpl-0",
                "object": "chat.completion.chunk",
                "created": event.created,
                "model": event.model or self._request.model,
            }
            self._head = b"data: " + json_edit.dumps(head)[:-1] + b',"choices":['
            self._start = self._head + b'{"index":'
        return b""

    def _chunk(self, choice: int, delta: Object, finish: str | None = None) -> bytes:
        if choice not in self._opened:
            self._begin(Started())
            self._opened.add(choice)
            delta = {"role": "assistant", "content": None if "tool_calls" in delta else "", **delta}
        end = b',"logprobs":null,"finish_reason":null}]}\n\n'
        if finish is not None:
            end = b',"logprobs":null,"finish_reason":"%b"}]}\n\n' % finish.encode()
        return b'%b%d,"delta":%b%b' % (self._start, choice, json_edit.dumps(delta), end)

    def _thought(self, event: ThoughtDelta) -> bytes:
        delta: Object = {"reasoning_content": event.text} if event.text else {}
        if event.signature or event.sealed:
            kind = "reasoning.encrypted" if event.sealed else "reasoning.text"
            at = self._details[event.choice] = self._details.get(event.choice, -1) + 1
            detail = {"type": kind, "index": at, "format": FORMATS.get(event.origin)}
            detail |= {"data": event.sealed} if event.sealed else {"signature": event.signature}
            delta["reasoning_details"] = [detail]
        return self._chunk(event.choice, delta) if delta else b""

    def _refusal(self, event: RefusalDelta) -> bytes:
        self._refused.add(event.choice)
        return self._chunk(event.choice, {"refusal": event.text})

    def _picture(self, event: Pictured) -> bytes:
        return self._chunk(event.choice, {"images": [write_picture(event.image)]})

    def _call_begins(self, event: CallStarted) -> bytes:
        calls = self._calls.setdefault(event.choice, {})
        at = calls[event.index] = len(calls)
        inner: Object = {"name": event.name, "arguments": ""}
        if event.custom:
            self._custom.add(event.index)
            inner = {"name": event.name, "input": ""}
        self._bare.add(event.index)
        kind = "custom" if event.custom else "function"
        call: Object = {"index": at, "id": event.id, "type": kind, kind: inner}
        if event.signature:
            call["extra_content"] = {"google": {"thought_signature": event.signature}}
        return self._chunk(event.choice, {"tool_calls": [call]})

    def _call_goes_on(self, event: CallDelta) -> bytes:
        if not event.arguments or event.index not in self._calls.get(event.choice, ()):
            return b""
        self._bare.discard(event.index)
        at = self._calls[event.choice][event.index]
        inner: Object = {"function": {"arguments": event.arguments}}
        if event.index in self._custom:
            inner = {"custom": {"input": event.arguments}}
        return self._chunk(event.choice, {"tool_calls": [{"index": at, **inner}]})

    def _call_ends(self, event: CallEnded) -> bytes:
        if event.index not in self._bare or event.index in self._custom:
            return b""
        return self._call_goes_on(CallDelta(event.index, _EMPTY, event.choice))

    def _cited(self, event: Cited) -> bytes:
        return self._chunk(event.choice, {"annotations": [write_annotation(event.citation)]})

    def _counted(self, event: Counted) -> bytes:
        self._usage = self._usage.most(event.usage)
        return b""

    def _finished(self, event: Finished) -> bytes:
        calls = self._calls.get(event.choice, {})
        ends = b"".join(self._call_ends(CallEnded(index, event.choice)) for index in calls)
        word = write_finish(event.finish, called=bool(calls), refused=event.choice in self._refused)
        return ends + self._chunk(event.choice, {}, word)

    def _ended(self, _: Ended) -> bytes:
        if not self._request.wants_usage:
            return DONE
        self._begin(Started())
        usage = msgspec.json.encode(write_usage(self._usage))
        return self._head + b'],"usage":' + usage + b"}\n\n" + DONE


_WRITERS: dict[type, Any] = {
    Started: EventWriter._begin,
    ThoughtDelta: EventWriter._thought,
    RefusalDelta: EventWriter._refusal,
    Pictured: EventWriter._picture,
    CallStarted: EventWriter._call_begins,
    CallDelta: EventWriter._call_goes_on,
    CallEnded: EventWriter._call_ends,
    Cited: EventWriter._cited,
    Counted: EventWriter._counted,
    Finished: EventWriter._finished,
    Ended: EventWriter._ended,
}
