"""Read a provider's Responses stream into hub events, whichever of its events bring the text: deltas or whole items."""

from typing import Any

from app.dialects import json_edit, sse
from app.dialects.created import read_created
from app.dialects.fields import Object
from app.dialects.openai_errors import read_error
from app.dialects.responses_items import NAME
from app.dialects.responses_read import (
    CALLS,
    finish_of,
    items_of,
    pieces,
    read_call,
    read_citation,
    read_thought,
    read_usage,
    text_of,
    words_of,
)
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
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import NO_USAGE

_MALFORMED = ProviderError(message="An event of the stream is not valid JSON.", code=FaultKind.MALFORMED_EVENT.value)


class _Item:
    """An item of the output: what of it was passed on, by part, and its call."""

    __slots__ = ("done", "held", "index", "said", "started")

    def __init__(self) -> None:
        self.said: dict[object, int] = {}
        self.index = -1
        self.held = ""
        self.started = self.done = False


class EventReader:
    """Turns the named events into hub events; items of the provider's own tools are passed over."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._splitter = sse.Splitter()
        self._items: dict[object, _Item] = {}
        self._id = ""
        self._calls = 0
        self._started = self._called = self._refused = self._over = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Take the next bytes; a half event is kept until its rest comes.

        Raises:
            FaultError: TOO_LARGE above 1 MiB per event.
        """
        events: list[StreamEvent] = []
        for piece in sse.pieces(self._splitter.feed(data)):
            if self._over:
                break
            self._event(sse.parse_event(piece), events)
        return events

    def finish(self) -> list[StreamEvent]:
        """Take the end of the bytes: an unframed error body is seen, half an event is dropped."""
        rest = self._splitter.rest().strip()
        events: list[StreamEvent] = []
        if self._over or not rest:
            return events
        event = sse.parse_event(b"data: " + b"".join(rest.splitlines()) if rest.startswith(b"{") else rest)
        if event.data is not None and json_edit.load_object(event.data) is not None:
            self._event(event, events)
        return events

    def _event(self, event: sse.Event, events: list[StreamEvent]) -> None:
        data = (event.data or b"").strip()
        if not data or data == b"[DONE]":
            return
        value = json_edit.load_object(data)
        if value is None:
            self._fail(_MALFORMED, events)
            return
        kind = value.get("type")
        read = _READERS.get(kind) if isinstance(kind, str) else None
        if read is not None:
            read(self, value, events)
        elif (isinstance(kind, str) and kind in _FAILURES) or event.name == b"error" or value.get("error"):
            response = value.get("response")
            failed = response if isinstance(response, dict) and response.get("error") else value
            self._fail(read_error(failed), events)

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    # -- the answer

    def _begin(self, event: Object, events: list[StreamEvent]) -> None:
        if self._started:
            return
        self._started = True
        response = _child(event, "response")
        self._id = str(response.get("id") or "")
        model = str(response.get("model") or "")
        events.append(Started(self._id, model, read_created(response.get("created_at"))))

    def _end(self, event: Object, events: list[StreamEvent]) -> None:
        """The last event has the whole answer: what was not streamed of it comes now."""
        self._begin(event, events)
        response = _child(event, "response")
        for at, item in enumerate(items_of(response)):
            known = at not in self._items and _name(item, "id") in self._items
            self._whole({"item": item} if known else {"output_index": at, "item": item}, events)
        for begun in self._items.values():
            self._close(begun, events)
        usage = read_usage(response)
        if usage is not NO_USAGE:
            events.append(Counted(usage))
        finish = finish_of(response, called=self._called, refused=self._refused)
        events += (Finished(finish), Ended())
        self._over = True

    # -- items

    def _item(self, event: Object) -> _Item:
        """Return the item that an event belongs to: by its place, by its id where a server does not give one."""
        at = event.get("output_index")
        key = at if isinstance(at, int) else _name(_child(event, "item"), "id") or _name(event, "item_id")
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = _Item()
        return item

    def _added(self, event: Object, events: list[StreamEvent]) -> None:
        whole, item = _child(event, "item"), self._item(event)
        kind = _name(whole, "type")
        if kind in CALLS:
            item.held = text_of(whole.get(CALLS[kind]))
            if whole.get("name"):
                self._start(item, whole, events)

    def _start(self, item: _Item, whole: Object, events: list[StreamEvent]) -> None:
        if item.started:
            return
        call = read_call(whole, self._id, self._calls)
        item.index, item.started = self._calls, True
        self._calls += 1
        self._called = True
        events.append(CallStarted(item.index, call.id, call.name, call.custom))

    def _whole(self, event: Object, events: list[StreamEvent]) -> None:
        whole, item = _child(event, "item"), self._item(event)
        kind = _name(whole, "type")
        if item.done:
            return
        if kind in CALLS:
            self._start(item, whole, events)
            self._arguments(item, text_of(whole.get(CALLS[kind])), events)
            self._close(item, events)
        elif kind == "message":
            self._rest_of_message(item, pieces(whole, "content"), events)
        elif kind == "reasoning":
            self._rest_of_thought(item, whole, events)
        item.done = True

    def _close(self, item: _Item, events: list[StreamEvent]) -> None:
        """A call is over; arguments that came before its name, or only with it, come now."""
        if item.started and not item.done:
            item.done = True
            self._arguments(item, item.held, events)
            events.append(CallEnded(item.index))

    # -- calls

    def _call_goes_on(self, event: Object, events: list[StreamEvent]) -> None:
        item, delta = self._item(event), event.get("delta")
        if not isinstance(delta, str) or not delta or item.done:
            return
        so_far = item.said.get(CallDelta, 0)
        if not so_far:
            item.held = "" if item.started else item.held
        if not item.started:
            item.held += delta
            return
        item.said[CallDelta] = so_far + len(delta)
        events.append(CallDelta(item.index, delta))

    def _call_is_whole(self, event: Object, events: list[StreamEvent]) -> None:
        item = self._item(event)
        said = text_of(event.get("arguments", event.get("input")))
        if item.started and not item.done:
            self._arguments(item, said, events)
        elif said:
            item.held = said

    def _arguments(self, item: _Item, said: str, events: list[StreamEvent]) -> None:
        """Pass on what of the whole arguments was not streamed."""
        so_far = item.said.get(CallDelta, 0)
        if len(said) > so_far:
            item.said[CallDelta] = len(said)
            events.append(CallDelta(item.index, said[so_far:]))

    # -- words

    def _words(self, event: Object, events: list[StreamEvent]) -> None:
        delta = event.get("delta")
        if isinstance(delta, str) and delta:
            self._say(self._item(event), (TextDelta, _place(event, "content_index")), delta, events)

    def _refusal(self, event: Object, events: list[StreamEvent]) -> None:
        delta = event.get("delta")
        if isinstance(delta, str) and delta:
            self._say(self._item(event), (RefusalDelta, _place(event, "content_index")), delta, events)

    def _say(self, item: _Item, key: tuple[Any, object], text: str, events: list[StreamEvent]) -> None:
        item.said[key] = item.said.get(key, 0) + len(text)
        if key[0] is RefusalDelta:
            self._refused = True
            events.append(RefusalDelta(text))
        else:
            events.append(TextDelta(text))

    def _part_is_whole(self, event: Object, events: list[StreamEvent]) -> None:
        if "part" not in event:
            key = "refusal" if "refusal" in event else "text"
            event = {**event, "part": {"type": key, key: event.get(key)}}
        self._rest_of_part(self._item(event), event, events)

    def _rest_of_message(self, item: _Item, parts: list[Object], events: list[StreamEvent]) -> None:
        """Pass on the parts that were not streamed; servers that number no parts streamed all of them, or none."""
        whole = sum(len(words_of(part)) for part in parts)
        if sum(item.said.values()) < whole:
            for at, part in enumerate(parts):
                self._rest_of_part(item, {"content_index": at, "part": part}, events)

    def _rest_of_part(self, item: _Item, event: Object, events: list[StreamEvent]) -> None:
        """Pass on what of a part was not streamed."""
        part = _child(event, "part")
        key = (RefusalDelta if part.get("type") == "refusal" else TextDelta, _place(event, "content_index"))
        text, so_far = words_of(part), item.said.get(key, 0)
        if len(text) > so_far:
            self._say(item, key, text[so_far:], events)

    def _noted(self, event: Object, events: list[StreamEvent]) -> None:
        events.append(Cited(read_citation(_child(event, "annotation"))))

    # -- thoughts

    def _thinks(self, event: Object, events: list[StreamEvent]) -> None:
        delta, item = event.get("delta"), self._item(event)
        if not isinstance(delta, str) or not delta:
            return
        key = (ThoughtDelta, _place(event, "summary_index" if "summary_index" in event else "content_index"))
        gap = "\n\n" if item.said and key not in item.said else ""
        item.said[key] = item.said.get(key, 0) + len(delta)
        events.append(ThoughtDelta(gap + delta, id=str(event.get("item_id") or ""), origin=NAME))

    def _rest_of_thought(self, item: _Item, whole: Object, events: list[StreamEvent]) -> None:
        """The seal comes with the whole item; so do the words, where none were streamed."""
        thought = read_thought(whole)
        words = "" if item.said else thought.text
        if words or thought.sealed:
            events.append(ThoughtDelta(words, sealed=thought.sealed, id=thought.id, origin=NAME))


_FAILURES = frozenset({"error", "response.failed", "response.cancelled"})
_READERS: dict[str, Any] = {
    "response.created": EventReader._begin,
    "response.in_progress": EventReader._begin,
    "response.queued": EventReader._begin,
    "response.output_item.added": EventReader._added,
    "response.output_item.done": EventReader._whole,
    "response.content_part.done": EventReader._part_is_whole,
    "response.output_text.delta": EventReader._words,
    "response.output_text.done": EventReader._part_is_whole,
    "response.output_text.annotation.added": EventReader._noted,
    "response.refusal.delta": EventReader._refusal,
    "response.refusal.done": EventReader._part_is_whole,
    "response.function_call_arguments.delta": EventReader._call_goes_on,
    "response.function_call_arguments.done": EventReader._call_is_whole,
    "response.custom_tool_call_input.delta": EventReader._call_goes_on,
    "response.custom_tool_call_input.done": EventReader._call_is_whole,
    "response.reasoning_summary_text.delta": EventReader._thinks,
    "response.reasoning_text.delta": EventReader._thinks,
    "response.completed": EventReader._end,
    "response.incomplete": EventReader._end,
}


def _child(holder: Object, key: str) -> Object:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _name(holder: Object, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def _place(event: Object, key: str) -> int:
    value = event.get(key)
    return value if isinstance(value, int) else 0
