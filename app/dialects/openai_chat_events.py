"""Read a provider's OpenAI chat stream into hub events, cousins' quirks included."""

from collections.abc import Iterator
from typing import Any

from app.dialects import json_edit, sse
from app.dialects.created import read_created
from app.dialects.fields import Object
from app.dialects.openai_chat_pictures import read_pictures
from app.dialects.openai_chat_reply import (
    arguments_text,
    call_id,
    read_annotations,
    read_content,
    read_finish,
    read_sources,
)
from app.dialects.openai_chat_think import ThinkTags
from app.dialects.openai_chat_thoughts import read_detail
from app.dialects.openai_errors import in_band_error
from app.dialects.openai_usage import find_usage, parse_usage
from app.domain.faults import FaultKind, ProviderError
from app.domain.hub import Text, Thought
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Cited,
    Counted,
    Ended,
    Failed,
    Finished,
    Pictured,
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)

_MALFORMED = ProviderError(message="An event of the stream is not valid JSON.", code=FaultKind.MALFORMED_EVENT.value)
_EMPTY = "{}"


class _Call:
    """A call of the stream: what has come of it, and what waits for its name or for a look at what follows."""

    __slots__ = ("held", "id", "index", "name", "passed", "started")

    def __init__(self, index: int, call: str) -> None:
        self.index = index
        self.id = call
        self.name = ""
        self.held = ""
        self.started = False
        self.passed = False
        """Whether any of its arguments have been passed on."""


class _Choice:
    """One of the alternative answers of the stream."""

    __slots__ = ("at", "by_index", "calls", "finished", "refused", "tags")

    def __init__(self, at: int, *, think_tags: bool) -> None:
        self.at = at
        self.calls: list[_Call] = []
        self.by_index: dict[int, _Call] = {}
        self.finished = self.refused = False
        self.tags = ThinkTags() if think_tags else None


class EventReader:
    """Turns the chunks of a provider into hub events."""

    def __init__(self, *, think_tags: bool = False) -> None:
        """Start at the beginning; `think_tags` looks for reasoning in the text."""
        self._splitter = sse.Splitter()
        self._think_tags = think_tags
        self._choices: dict[int, _Choice] = {}
        self._calls = 0
        self._id = ""
        self._started = self._over = False
        self._usage: object = None
        self._sources: tuple[Citation, ...] = ()

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
        if self._over or not rest:
            return []
        events: list[StreamEvent] = []
        event = sse.parse_event(b"data: " + b"".join(rest.splitlines()) if rest.startswith(b"{") else rest)
        if event.data is not None and (
            event.data.strip() == b"[DONE]" or json_edit.load_object(event.data) is not None
        ):
            self._event(event, events)
        return events

    def _event(self, event: sse.Event, events: list[StreamEvent]) -> None:
        data = event.data
        if data is None or not data.strip():
            return
        if data.strip() == b"[DONE]":
            self._over = True
            for choice in self._choices.values():
                if not choice.finished:
                    self._finish(choice, None, events)
            events.append(Ended())
            return
        chunk = json_edit.load_object(data)
        if chunk is None:
            self._fail(_MALFORMED, events)
            return
        usage = find_usage(chunk)
        if usage is not None and usage != self._usage:
            self._usage = usage
            events.append(Counted(parse_usage(usage)))
        error = in_band_error(chunk, event.name)
        if error is not None:
            self._fail(error, events)
            return
        self._chunk(chunk, events)

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    def _chunk(self, chunk: Object, events: list[StreamEvent]) -> None:
        choices = chunk.get("choices")
        if "search_results" in chunk or "citations" in chunk:
            self._sources = read_sources(chunk) or self._sources
        if not isinstance(choices, list) or not choices:
            return
        if not self._started:
            self._started = True
            self._id = str(chunk.get("id") or "")
            model = str(chunk.get("model") or "")
            events.append(Started(self._id, model, read_created(chunk.get("created"))))
        for item in choices:
            if isinstance(item, dict):
                self._choice(item, events)

    def _choice(self, item: Object, events: list[StreamEvent]) -> None:
        at = item.get("index")
        at = at if isinstance(at, int) else 0
        choice = self._choices.get(at)
        if choice is None:
            choice = self._choices[at] = _Choice(at, think_tags=self._think_tags)
        if choice.finished:
            return
        delta = item.get("delta") or item.get("message")
        if isinstance(delta, dict):
            self._delta(choice, delta, events)
        reason = item.get("finish_reason")
        if reason:
            self._finish(choice, reason, events)

    def _delta(self, choice: _Choice, delta: Object, events: list[StreamEvent]) -> None:
        if len(delta) == 1 and choice.tags is None and isinstance(text := delta.get("content"), str):
            if text:
                events.append(TextDelta(text, choice.at))
            return
        events += _thoughts(delta, choice.at)
        content = delta.get("content")
        if content:
            events += _content(choice, content)
        events += [Pictured(image, choice.at) for image in read_pictures(delta)]
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            choice.refused = True
            events.append(RefusalDelta(refusal, choice.at))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._call(choice, call, events)
        if delta.get("annotations"):
            events += [Cited(citation, choice.at) for citation in read_annotations(delta["annotations"])]

    def _find_call(self, choice: _Choice, fragment: Object, name: str) -> _Call:
        """Find the call that a fragment belongs to; some providers send no index, or the same for every call."""
        at, given = fragment.get("index"), fragment.get("id")
        given = given if isinstance(given, str) else ""
        known = choice.by_index.get(at) if isinstance(at, int) else None
        if not isinstance(at, int):
            same = [call for call in choice.calls if call.id == given] if given else choice.calls
            known = same[-1] if same and not (name and not given) else None
        if known is not None and not (given and name and given != known.id and known.started):
            known.id = known.id if known.started else given or known.id
            return known
        call = _Call(self._calls, given or call_id(self._id, self._calls))
        self._calls += 1
        choice.calls.append(call)
        if isinstance(at, int):
            choice.by_index[at] = call
        return call

    def _call(self, choice: _Choice, fragment: Object, events: list[StreamEvent]) -> None:
        custom = fragment.get("type") == "custom" or ("function" not in fragment and "custom" in fragment)
        inner = fragment.get("custom" if custom else "function")
        inner = inner if isinstance(inner, dict) else {}
        name = inner.get("name")
        name = name if isinstance(name, str) else ""
        call = self._find_call(choice, fragment, name)
        if name and not call.started:
            call.name, call.started = name, True
            google: Any = fragment.get("extra_content")
            google = google.get("google") if isinstance(google, dict) else None
            signature = str(google.get("thought_signature") or "") if isinstance(google, dict) else ""
            events.append(CallStarted(call.index, call.id, name, custom, signature, choice.at))
        arguments = arguments_text(inner.get("input" if custom else "arguments"))
        if arguments:
            self._arguments(choice, call, arguments, events)

    def _arguments(self, choice: _Choice, call: _Call, arguments: str, events: list[StreamEvent]) -> None:
        """Pass arguments on; a `{}` in front of all waits, because some servers send it before the real ones."""
        if call.held == _EMPTY and arguments.strip():
            call.held = ""
        arguments = call.held + arguments
        call.held = ""
        if not call.started or (arguments == _EMPTY and not call.passed):
            call.held = arguments
            return
        call.passed = True
        events.append(CallDelta(call.index, arguments, choice.at))

    def _finish(self, choice: _Choice, reason: object, events: list[StreamEvent]) -> None:
        choice.finished = True
        if choice.tags is not None:
            events += [_piece(choice.at, piece) for piece in choice.tags.finish()]
        started = [call for call in choice.calls if call.started]
        for call in started:
            if call.held:
                events.append(CallDelta(call.index, call.held, choice.at))
            events.append(CallEnded(call.index, choice.at))
        events += [Cited(citation, choice.at) for citation in self._sources]
        finish = read_finish(reason, called=bool(started), refused=choice.refused)
        events.append(Finished(finish, choice=choice.at))


def _piece(at: int, piece: tuple[bool, str]) -> StreamEvent:
    return ThoughtDelta(piece[1], choice=at) if piece[0] else TextDelta(piece[1], at)


def _content(choice: _Choice, content: object) -> Iterator[StreamEvent]:
    for part in read_content(content):
        if isinstance(part, Thought) and part.text:
            yield ThoughtDelta(part.text, choice=choice.at)
        elif isinstance(part, Text) and choice.tags is not None:
            yield from (_piece(choice.at, piece) for piece in choice.tags.feed(part.text))
        elif isinstance(part, Text):
            yield TextDelta(part.text, choice.at)


def _thoughts(delta: Object, at: int) -> Iterator[StreamEvent]:
    """Read reasoning: plain text once, whichever fields repeat it, signatures and sealed thoughts from the details."""
    plain = delta.get("reasoning_content") or delta.get("reasoning")
    details = delta.get("reasoning_details")
    if isinstance(plain, str) and plain:
        yield ThoughtDelta(plain, choice=at)
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            thought = read_detail(detail)
            text = "" if isinstance(plain, str) and plain else thought.text
            if text or thought.signature or thought.sealed:
                yield ThoughtDelta(text, thought.signature, thought.sealed, thought.id, at, thought.origin)
