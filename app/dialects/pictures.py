"""Pictures in answers, for clients whose dialect has no word for them: told of beside words, refused alone."""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.hub import Image, Part, Refusal, Text, ToolCall
from app.domain.hub_reply import (
    CallStarted,
    Choice,
    Ended,
    Finished,
    Pictured,
    RefusalDelta,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)

_SHOWING = frozenset({"openai", "responses", "gemini"})
"""Dialects that have a place for a picture in an answer."""

_TOLD = "\n[The model also answered with a picture, which cannot be shown here.]\n"


def shows(dialect: str) -> bool:
    """Whether clients of this dialect can be given a picture."""
    return dialect in _SHOWING


def told(choice: Choice) -> Choice:
    """Tell of the pictures of an answer in words.

    Raises:
        FaultError: BAD_REPLY, when it is nothing but pictures.
    """
    if not any(isinstance(part, Image) for part in choice.parts):
        return choice
    if not any(map(_says, choice.parts)):
        raise _nothing_else()
    return replace(choice, parts=tuple(Text(_TOLD) if isinstance(part, Image) else part for part in choice.parts))


def _says(part: Part) -> bool:
    return isinstance(part, ToolCall) or (isinstance(part, Text | Refusal) and bool(part.text.strip()))


class Telling:
    """Tells of pictures in a stream; one that comes before any words waits for them."""

    __slots__ = ("_nothing", "_said", "_waiting")

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._nothing = False
        self._said: set[int] = set()
        self._waiting: dict[int, int] = {}

    def tell(self, events: Iterable[StreamEvent]) -> list[StreamEvent]:
        """Return the events with words for pictures.

        Raises:
            FaultError: as `end`, at the stream's own end mark.
        """
        out: list[StreamEvent] = []
        for event in events:
            if isinstance(event, Ended):
                self.end()
            out += self._one(event)
        return out

    def end(self) -> None:
        """See whether there is anything to tell; only at the end, because what the pictures cost comes that late.

        Raises:
            FaultError: BAD_REPLY, when an answer was nothing but pictures.
        """
        if self._nothing:
            raise _nothing_else()

    def _one(self, event: StreamEvent) -> Iterable[StreamEvent]:
        if isinstance(event, TextDelta | RefusalDelta | CallStarted):
            if event.choice in self._said or not (isinstance(event, CallStarted) or event.text.strip()):
                return (event,)
            self._said.add(event.choice)
            return (*[TextDelta(_TOLD, event.choice)] * self._waiting.pop(event.choice, 0), event)
        if isinstance(event, Pictured):
            if event.choice in self._said:
                return (TextDelta(_TOLD, event.choice),)
            self._waiting[event.choice] = self._waiting.get(event.choice, 0) + 1
            return ()
        if isinstance(event, Finished | ThoughtDelta) and event.choice in self._waiting:
            self._nothing |= isinstance(event, Finished)  # both would commit an answer that may be nothing else
            return (event,) if isinstance(event, ThoughtDelta) and event.text else ()
        return (event,)


def _nothing_else() -> FaultError:
    return FaultError(
        Fault(
            FaultKind.BAD_REPLY,
            "The provider answered with nothing but a picture, which the dialect of the client has no word for.",
            "Ask by OpenAI's chat or Responses API or by Gemini's, or choose a model that answers in words.",
        )
    )
