"""Read a Gemini stream, every event of which is a small answer of its own, into hub events."""

from dataclasses import replace

from app.dialects import json_edit, sse
from app.dialects.fields import Object
from app.dialects.gemini_errors import MALFORMED, broken_call, in_band_error
from app.dialects.gemini_parts import GENERATED, NAME, raw_reply_args
from app.dialects.gemini_reply import candidates_of, is_blocked, parts_of, read_answer_part, read_citations, reply_key
from app.dialects.gemini_usage import merge_counts, parse_usage, read_finish
from app.domain.faults import ProviderError
from app.domain.hub import Image, Part, Text, Thought, ToolCall
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Cited,
    Counted,
    Failed,
    Finish,
    Finished,
    Pictured,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)

_UNSAID = (None, "", "FINISH_REASON_UNSPECIFIED")


class EventReader:
    """Turns a provider's events into hub events; usage is cumulative, calls come whole, and there is no end mark."""

    def __init__(self) -> None:
        """Start at the beginning."""
        self._splitter = sse.Splitter()
        self._key = ""
        self._calls = 0
        self._called: set[int] = set()
        self._finished: set[int] = set()
        self._counts: Object = {}
        self._counted: tuple[object, bool] = (None, False)
        self._over = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Take the next bytes; a half event is kept until its rest comes.

        Raises:
            FaultError: TOO_LARGE above 1 MiB per event.
        """
        events: list[StreamEvent] = []
        for piece in sse.pieces(self._splitter.feed(data)):
            self._piece(piece, events)
        return events

    def finish(self) -> list[StreamEvent]:
        """Take the end of the bytes: an unframed error body is seen, half an event is dropped."""
        events: list[StreamEvent] = []
        rest = unframed(self._splitter.rest())
        if rest and parse_event_data(rest) is not None:
            self._piece(rest, events)
        return events

    def _piece(self, piece: bytes, events: list[StreamEvent]) -> None:
        data = (sse.parse_event(piece).data or b"").strip()
        if self._over or not data:
            return
        reply = parse_data(data)
        error = MALFORMED if reply is None else in_band_error(reply)
        if error is not None or not isinstance(reply, dict):
            self._fail(error or MALFORMED, events)
            return
        self._start(reply, events)
        raw = raw_reply_args(data) if b"functionCall" in data else []
        for at, candidate in enumerate(candidates_of(reply)):
            self._candidate(candidate, raw[at] if at < len(raw) else [], events)
        if is_blocked(reply) and not self._finished:
            self._finished.add(0)
            events.append(Finished(Finish.FILTER))
        self._count(reply.get("usageMetadata"), events)

    def _count(self, counts: object, events: list[StreamEvent]) -> None:
        """Input is told with the end only: how much of it was cached may come late, and would make it less."""
        over = bool(self._finished)
        if (counts, over) == self._counted:
            return
        self._counted = (counts, over)
        self._counts = merge_counts(self._counts, counts)
        usage = parse_usage(self._counts)
        if not over:
            usage = replace(usage, fresh_input=None, cache_read=None)
        if usage.output is not None or usage.input is not None:
            events.append(Counted(usage))

    def _fail(self, error: ProviderError, events: list[StreamEvent]) -> None:
        self._over = True
        events.append(Failed(error))

    def _start(self, reply: Object, events: list[StreamEvent]) -> None:
        if not self._key:
            self._key = reply_key(reply)
            events.append(Started(str(reply.get("responseId") or ""), str(reply.get("modelVersion") or "")))

    def _candidate(self, candidate: Object, raw: list[str], events: list[StreamEvent]) -> None:
        index = candidate.get("index")
        choice = index if isinstance(index, int) else 0
        if self._over or choice in self._finished:
            return
        if (broken := broken_call(candidate)) is not None:
            self._fail(broken, events)
            return
        for at, item in enumerate(parts_of(candidate)):
            call_id = f"{GENERATED}{self._key}_{self._calls}"
            for part in read_answer_part(item, raw[at] if at < len(raw) else "", call_id):
                self._part(part, choice, events)
        events += [Cited(citation, choice) for citation in read_citations(candidate)]
        reason = candidate.get("finishReason")
        if reason not in _UNSAID:
            self._finished.add(choice)
            events.append(Finished(read_finish(reason, called=choice in self._called), choice=choice))

    def _part(self, part: Part, choice: int, events: list[StreamEvent]) -> None:
        if isinstance(part, Text):
            events.append(TextDelta(part.text, choice))
        elif isinstance(part, Thought):
            events.append(ThoughtDelta(part.text, part.signature, choice=choice, origin=NAME))
        elif isinstance(part, Image):
            events.append(Pictured(part, choice))
        elif isinstance(part, ToolCall):
            index = self._calls
            self._calls += 1
            self._called.add(choice)
            events.append(CallStarted(index, part.id, part.name, signature=part.signature, choice=choice))
            events.append(CallDelta(index, part.arguments or "{}", choice))
            events.append(CallEnded(index, choice))


def unframed(rest: bytes) -> bytes:
    """What is left at the end of a stream; a body that was never framed as an event becomes one."""
    rest = rest.strip()
    return b"data: " + b"".join(rest.splitlines()) if rest.startswith((b"{", b"[")) else rest


def parse_event_data(piece: bytes) -> object:
    """Read an event's data; None when it is no JSON."""
    return parse_data((sse.parse_event(piece).data or b"").strip())


def parse_data(data: bytes) -> object:
    """Read data; None when it is no JSON."""
    try:
        return json_edit.loads(data)
    except json_edit.JsonError:
        return None
