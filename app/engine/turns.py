"""Take the thoughts and signatures out of a model's answer, and put them back where they stood."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from app.domain.hub import Message, Part, Text, Thought, ToolCall
from app.domain.hub_reply import CallDelta, CallStarted, Finished, RefusalDelta, StreamEvent, TextDelta, ThoughtDelta

FRONT = -1
"""The place in front of everything else; any other is the number of calls before it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The thoughts of one answer with their places, and the signatures of its calls.

    `realm` is where they mean something, `calls` are the ids of the calls, `size` is characters of text.
    """

    realm: str
    thoughts: tuple[tuple[int, Thought], ...]
    calls: tuple[str, ...]
    signatures: tuple[str, ...]
    size: int

    @classmethod
    def of(cls, parts: Iterable[Part], realm: str, *, wordy: bool) -> Self | None:
        """What is worth keeping of an answer, None for nothing; `wordy`: thoughts without a signature count."""
        calls: list[ToolCall] = []
        thoughts: list[tuple[int, Thought]] = []
        place = FRONT
        for part in parts:
            if isinstance(part, Thought):
                if part.signature or part.sealed or (wordy and part.text):
                    thoughts.append((place, part))
                continue
            calls += [part] if isinstance(part, ToolCall) else []
            place = len(calls)
        signatures = tuple(call.signature for call in calls)
        if not thoughts and not any(signatures):
            return None
        size = sum(len(t.text) + len(t.signature) + len(t.sealed) for _, t in thoughts) + sum(map(len, signatures))
        return cls(realm, tuple(thoughts), tuple(call.id for call in calls), signatures, size)

    def signature(self, call: ToolCall, at: int) -> str:
        """The signature of a call, by its id, else by its place `at`."""
        if call.id in self.calls:
            return self.signatures[self.calls.index(call.id)]
        return self.signatures[at] if at < len(self.signatures) else ""


def carries(message: Message, turn: Turn) -> bool:
    """Whether the client itself has sent all that is kept."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if any(not call.signature and turn.signature(call, at) for at, call in enumerate(calls)):
        return False
    return not turn.thoughts or _thinks(message, turn)


def _thinks(message: Message, turn: Turn) -> bool:
    """Whether the client has sent thoughts as good as those that are kept."""
    signed = any(thought.signature or thought.sealed for _, thought in turn.thoughts)
    sent = [part for part in message.parts if isinstance(part, Thought)]
    return any(thought.signature or thought.sealed or (not signed and thought.text) for thought in sent)


def restored(message: Message, turn: Turn) -> Message:
    """The message with the kept thoughts in their places, and with the signatures of its calls."""
    keep = not turn.thoughts or _thinks(message, turn)
    waiting = [] if keep else list(turn.thoughts)
    parts: list[Part] = [thought for place, thought in waiting if place == FRONT]
    calls = 0
    for part in message.parts:
        if isinstance(part, Thought) and not keep:
            continue
        if isinstance(part, ToolCall):
            parts += [thought for place, thought in waiting if place == calls]
            given = part.signature or turn.signature(part, calls)
            part = replace(part, signature=given) if given else part  # noqa: PLW2901 - the same call, signed
            calls += 1
        parts.append(part)
    parts += [thought for place, thought in waiting if place >= calls]
    return replace(message, parts=tuple(parts))


def stripped(message: Message, dialect: str) -> Message:
    """The message without what another provider of the same dialect has signed or sealed."""

    def own(part: Part) -> bool:
        return isinstance(part, Thought) and part.origin == dialect and bool(part.signature or part.sealed)

    left = (part for part in message.parts if not own(part))
    bare = (replace(part, signature="") if isinstance(part, ToolCall) and part.signature else part for part in left)
    return replace(message, parts=tuple(bare))


class Hearing:
    """Puts the first answer of a stream together again."""

    __slots__ = ("_arguments", "_parts", "_said", "_thought")

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._parts: list[Part] = []
        self._said: list[str] = []
        self._thought: list[str] = []
        self._arguments: dict[int, tuple[int, list[str]]] = {}

    def hear(self, event: StreamEvent) -> bool:
        """Take the next event; return whether the answer is over."""
        if type(event) is TextDelta:
            if not event.choice:
                self._say_more(event.text)
            return False
        return False if getattr(event, "choice", 0) else self._hear(event)

    def _hear(self, event: StreamEvent) -> bool:
        if isinstance(event, RefusalDelta):
            self._say_more(event.text)
        elif isinstance(event, CallDelta):
            if event.index in self._arguments:
                self._arguments[event.index][1].append(event.arguments)
        elif isinstance(event, ThoughtDelta):
            self._thinks(event)
        elif isinstance(event, CallStarted):
            self._think()
            self._say()
            self._arguments[event.index] = (len(self._parts), [])
            self._parts.append(ToolCall(event.id, event.name, "", event.custom, event.signature))
        return isinstance(event, Finished)

    def _say_more(self, text: str) -> None:
        if self._thought:
            self._think()
        self._said.append(text)

    def _thinks(self, event: ThoughtDelta) -> None:
        self._say()
        if event.text:
            self._thought.append(event.text)
        if event.signature or event.sealed:
            text = "".join(self._thought)
            self._thought.clear()
            self._parts.append(Thought(text, event.signature, event.sealed, event.origin, event.id))

    def parts(self) -> tuple[Part, ...]:
        """The whole answer."""
        self._think()
        self._say()
        for at, said in self._arguments.values():
            call = self._parts[at]
            assert isinstance(call, ToolCall)  # noqa: S101 - only calls have arguments
            self._parts[at] = replace(call, arguments="".join(said))
        return tuple(self._parts)

    def _say(self) -> None:
        if text := "".join(self._said):
            self._parts.append(Text(text))
        self._said.clear()

    def _think(self) -> None:
        if self._thought:
            self._parts.append(Thought("".join(self._thought)))
            self._thought.clear()
