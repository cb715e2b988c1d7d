"""The hub language, the provider's side: one reply or one stream of events, whatever wire it came over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.domain.faults import ProviderError
from app.domain.hub import Extras, Image, Part
from app.domain.usage import NO_USAGE, Usage


class Finish(StrEnum):
    """Why a model stopped, in the hub's words."""

    STOP = "stop"
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"
    FILTER = "content_filter"
    PAUSE = "pause"

    def settled(self, *, called: bool) -> "Finish":
        """What holds when tools were `called` or not: some providers say `stop` for calls, or calls without any."""
        if called and self in (Finish.STOP, Finish.STOP_SEQUENCE):
            return Finish.TOOL_CALLS
        return Finish.STOP if self is Finish.TOOL_CALLS and not called else self


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the answer leans on, as `dialect` sent it; `url` and `title` where it says so."""

    dialect: str
    value: Mapping[str, Any]
    url: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the alternative answers."""

    parts: tuple[Part, ...]
    finish: Finish
    stop_sequence: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A whole answer; `created` is seconds since 1970, 0 where the dialect does not say."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage = NO_USAGE
    created: int = 0
    origin: str = ""
    extras: Extras = field(default_factory=dict)


# -- streams: what a reader makes of a provider's events and a writer makes into the client's


@dataclass(frozen=True, slots=True)
class Started:
    """The answer began."""

    id: str = ""
    model: str = ""
    created: int = 0


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More words."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """More thoughts; `signature` and `sealed` come whole, once, at the end of the thought they belong to.

    `origin` is the dialect that signature and seal mean something to.
    """

    text: str = ""
    signature: str = ""
    sealed: str = ""
    id: str = ""
    choice: int = 0
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """More words of a refusal."""

    text: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Pictured:
    """A picture, whole."""

    image: Image
    choice: int = 0


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A tool call began; `index` tells calls of one answer apart, whatever order their arguments come in."""

    index: int
    id: str
    name: str
    custom: bool = False
    signature: str = ""
    choice: int = 0


@dataclass(frozen=True, slots=True)
class CallDelta:
    """More of a call's arguments."""

    index: int
    arguments: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is whole; writers may also be told by what follows."""

    index: int
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Cited:
    """A source was named."""

    citation: Citation
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """Usage as known so far: cumulative, so the larger of each count holds."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finished:
    """A choice is over; exactly one per choice."""

    finish: Finish
    stop_sequence: str = ""
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider reported an error inside the stream; nothing follows."""

    error: ProviderError


@dataclass(frozen=True, slots=True)
class Ended:
    """The dialect's own end mark was seen."""


StreamEvent = (
    Started
    | TextDelta
    | ThoughtDelta
    | RefusalDelta
    | Pictured
    | CallStarted
    | CallDelta
    | CallEnded
    | Cited
    | Counted
    | Finished
    | Failed
    | Ended
)

CONTENT = (TextDelta, ThoughtDelta, RefusalDelta, Pictured, CallStarted, CallDelta, Finished)
"""Events at whose first the answer is committed."""
