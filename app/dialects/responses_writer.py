"""Write hub events as a Responses stream: numbered events, every opened item and part closed, all of it at the end."""

from collections.abc import Iterable
from typing import Any

from app.dialects import json_edit, sse
from app.dialects.fields import Object
from app.dialects.responses_reply import (
    stem_of,
    write_call,
    write_citation,
    write_end,
    write_head,
    write_message,
    write_picture,
    write_signature,
    write_text,
    write_thought,
)
from app.dialects.responses_tools import Called, names_of, unwrapped
from app.domain.hub import ChatRequest, Thought, ToolCall
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Cited,
    Counted,
    Ended,
    Finish,
    Finished,
    Pictured,
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import NO_USAGE, Usage

_WIRE: dict[str, tuple[str, Object]] = {"text": ("output_text", {"logprobs": []}), "refusal": ("refusal", {})}
"""What the events of a part of a message are called, and what else they have."""
_MESSAGE = "message"
_THOUGHT = "thought"
_CALL = "call"
_PICTURE = "picture"


class _Item:
    """An item of the output that is being written."""

    __slots__ = ("at", "call", "called", "content", "id", "kind", "said", "thought")

    def __init__(self, kind: str, at: int, item_id: str) -> None:
        self.kind = kind
        self.at = at
        self.id = item_id
        self.said: list[str] = []
        self.content: list[Object] = []
        self.thought = Thought(id=item_id)
        self.call = ToolCall("", "")
        self.called = Called("")


class EventWriter:
    """Turns hub events into the named events; calls may be open beside each other, words and thoughts are alone."""

    def __init__(self, request: ChatRequest) -> None:
        """Write for the client that sent `request`; the dialect knows one answer only."""
        self._request = request
        self._names = names_of(request)
        self._usage: Usage = NO_USAGE
        self._head: Object = {}
        self._stem = "0"
        self._number = 0
        self._output: list[Object] = []
        self._open: _Item | None = None
        self._calls: dict[int, _Item] = {}
        self._finish = Finish.STOP
        self._over = False
        self._out: list[bytes] = []

    def write(self, events: Iterable[StreamEvent]) -> bytes:
        """Return the bytes for these events."""
        for event in events:
            write = _WRITERS.get(type(event))
            if write is not None and not getattr(event, "choice", 0) and not self._over:
                write(self, event)
        out, self._out = self._out, []
        return b"".join(out)

    # -- what the events do

    def _begin(self, event: Started) -> None:
        if self._head:
            return
        self._stem = stem_of(event.id)
        self._head = write_head(self._request, f"resp_{self._stem}", event.model, event.created)
        self._send("response.created", {"response": self._head})
        self._send("response.in_progress", {"response": self._head})

    def _words(self, event: TextDelta) -> None:
        if event.text:
            self._say(event.text, "text", write_text("", []))

    def _refusal(self, event: RefusalDelta) -> None:
        if event.text:
            self._say(event.text, "refusal", {"type": "refusal", "refusal": ""})

    def _say(self, text: str, key: str, empty: Object) -> None:
        item = self._need(_MESSAGE, "msg")
        if not item.content or key not in item.content[-1]:
            self._close_part(item)
            item.content.append(dict(empty))
            self._send("response.content_part.added", {**self._part(item), "part": empty})
        item.said.append(text)
        kind, more = _WIRE[key]
        self._send(f"response.{kind}.delta", {**self._part(item), "delta": text, **more})

    def _picture(self, event: Pictured) -> None:
        if not event.image.data:  # the dialect knows data only
            self._words(TextDelta(event.image.url))
            return
        self._begin(Started())
        self._close()
        at = len(self._output)
        item = _Item(_PICTURE, at, f"ig_{self._stem}_{at}")
        start = write_picture(item.id, event.image, "in_progress")
        self._output.append(start)
        self._send("response.output_item.added", {"output_index": at, "item": start})
        self._send("response.image_generation_call.in_progress", _place(item))
        self._send("response.image_generation_call.completed", _place(item))
        self._done(item, write_picture(item.id, event.image))

    def _thinks(self, event: ThoughtDelta) -> None:
        if not (event.text or event.signature or event.sealed):
            return
        item = self._need(_THOUGHT, "rs")
        if event.text:
            if not item.said:
                part = {"type": "summary_text", "text": ""}
                self._send("response.reasoning_summary_part.added", {**self._summary(item), "part": part})
            item.said.append(event.text)
            self._send("response.reasoning_summary_text.delta", {**self._summary(item), "delta": event.text})
        if event.signature or event.sealed:
            item.thought = Thought("", event.signature, event.sealed, event.origin, item.id)
            self._close()

    def _call_begins(self, event: CallStarted) -> None:
        self._begin(Started())
        self._close()
        if event.signature:
            self._signature(event)
        item = self._calls[event.index] = _Item(_CALL, len(self._output), f"fc_{self._stem}_{len(self._output)}")
        item.call = ToolCall(event.id, event.name, "", event.custom)
        item.called = self._names.get(event.name) or Called(event.name, custom=event.custom)
        start = write_call(item.id, item.call, item.called, "in_progress")
        self._output.append(start)
        self._send("response.output_item.added", {"output_index": item.at, "item": start})

    def _signature(self, event: CallStarted) -> None:
        at = len(self._output)
        whole = write_signature(f"rs_{self._stem}_{at}", ToolCall(event.id, event.name, signature=event.signature))
        self._output.append(whole)
        self._send("response.output_item.added", {"output_index": at, "item": whole})
        self._send("response.output_item.done", {"output_index": at, "item": whole})

    def _call_goes_on(self, event: CallDelta) -> None:
        item = self._calls.get(event.index)
        if item is None or not event.arguments:
            return
        item.said.append(event.arguments)
        if not item.called.custom:
            self._send("response.function_call_arguments.delta", {**_place(item), "delta": event.arguments})

    def _call_ends(self, event: CallEnded) -> None:
        item = self._calls.pop(event.index, None)
        if item is None:
            return
        said = "".join(item.said)
        if item.called.custom:
            said = said if item.call.custom else unwrapped(said)
            self._send("response.custom_tool_call_input.delta", {**_place(item), "delta": said})
            self._send("response.custom_tool_call_input.done", {**_place(item), "input": said})
        else:
            if not said.strip():
                said += "{}"
                self._send("response.function_call_arguments.delta", {**_place(item), "delta": "{}"})
            whole = {**_place(item), "name": item.called.name, "arguments": said}
            self._send("response.function_call_arguments.done", whole)
        done = write_call(item.id, item.call, item.called)
        self._done(item, done | {"input" if item.called.custom else "arguments": said})

    def _cited(self, event: Cited) -> None:
        item = self._open
        if item is None or not item.content or "text" not in item.content[-1]:
            return
        note = write_citation(event.citation, len("".join(item.said)))
        if note is not None:
            notes = item.content[-1]["annotations"]
            notes.append(note)
            place = {**self._part(item), "annotation_index": len(notes) - 1, "annotation": note}
            self._send("response.output_text.annotation.added", place)

    def _counted(self, event: Counted) -> None:
        self._usage = self._usage.most(event.usage)

    def _finished(self, event: Finished) -> None:
        self._finish = event.finish
        self._close()
        for index in list(self._calls):
            self._call_ends(CallEnded(index))

    def _ended(self, _: Ended) -> None:
        self._begin(Started())
        self._finished(Finished(self._finish))
        end = write_end(self._finish, self._output, self._usage)
        self._send(f"response.{end['status']}", {"response": self._head | end})
        self._over = True

    # -- items

    def _need(self, kind: str, head: str) -> _Item:
        """Return the open item of this kind, which is begun where another one or none is open."""
        if self._open is not None and self._open.kind is kind:
            return self._open
        self._begin(Started())
        self._close()
        at = len(self._output)
        item = self._open = _Item(kind, at, f"{head}_{self._stem}_{at}")
        thought = kind is _THOUGHT
        start = write_thought(item.id, item.thought) if thought else write_message(item.id, [], "in_progress")
        self._output.append(start)
        self._send("response.output_item.added", {"output_index": at, "item": start})
        return item

    def _close(self) -> None:
        item, self._open = self._open, None
        if item is None:
            return
        if item.kind is _MESSAGE:
            self._close_part(item)
            self._done(item, write_message(item.id, item.content))
            return
        text = "".join(item.said)
        if text:
            part = {"type": "summary_text", "text": text}
            self._send("response.reasoning_summary_text.done", {**self._summary(item), "text": text})
            self._send("response.reasoning_summary_part.done", {**self._summary(item), "part": part})
        kept = item.thought
        self._done(item, write_thought(item.id, Thought(text, kept.signature, kept.sealed, kept.origin)))

    def _close_part(self, item: _Item) -> None:
        if not item.content:
            return
        part, said = item.content[-1], "".join(item.said)
        item.said.clear()
        key = "text" if "text" in part else "refusal"
        part[key] = said
        kind, more = _WIRE[key]
        self._send(f"response.{kind}.done", {**self._part(item), key: said, **more})
        self._send("response.content_part.done", {**self._part(item), "part": part})

    def _done(self, item: _Item, whole: Object) -> None:
        self._output[item.at] = whole
        self._send("response.output_item.done", {"output_index": item.at, "item": whole})

    def _part(self, item: _Item) -> Object:
        return {**_place(item), "content_index": len(item.content) - 1}

    def _summary(self, item: _Item) -> Object:
        return {**_place(item), "summary_index": 0}

    def _send(self, name: str, event: Object) -> None:
        body = {"type": name, "sequence_number": self._number, **event}
        self._number += 1
        self._out.append(sse.encode(json_edit.dumps(body), name))


def _place(item: _Item) -> Object:
    return {"item_id": item.id, "output_index": item.at}


_WRITERS: dict[type, Any] = {
    Started: EventWriter._begin,
    TextDelta: EventWriter._words,
    ThoughtDelta: EventWriter._thinks,
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
