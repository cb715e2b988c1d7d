"""The hub language between dialects: one conversation, one reply and one stream, whatever wire they came over.

What only one dialect has is kept and marked (`Opaque`, `extras`), so that a round trip in one dialect is the identity;
a writer that cannot express something refuses it or names it in `dropped`, by the rule in `docs/dialects.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.domain.faults import ProviderError
from app.domain.usage import NO_USAGE, Usage

Extras = Mapping[str, Any]
"""Fields of one dialect that the hub has no name for, as they were sent."""


class Role(StrEnum):
    """Who speaks. Tool results are messages of the role TOOL, whatever the wire calls them."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class CacheMark:
    """The prompt up to here should be cached; `ttl` as Anthropic spells it (`5m`, `1h`), empty for the default."""

    ttl: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: exactly one of `url`, `data` (base64 without a `data:` head) and `file_id`."""

    url: str = ""
    data: str = ""
    media_type: str = ""
    file_id: str = ""
    detail: str = ""
    cache: CacheMark | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A file such as a PDF: exactly one of `url`, `data` (base64), `text` and `file_id`."""

    url: str = ""
    data: str = ""
    text: str = ""
    media_type: str = ""
    file_id: str = ""
    name: str = ""
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound: `data` is base64, `format` such as `wav` or `mp3`."""

    data: str
    format: str


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning of a model. `signature` and `sealed` (encrypted or redacted content) mean something to `origin` only.

    `origin` is the dialect that made them, `id` the item's id where the dialect has one.
    """

    text: str = ""
    signature: str = ""
    sealed: str = ""
    origin: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's own words for not answering."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool; `arguments` is JSON text (any text for a `custom` tool), exactly as the model wrote it.

    `signature` is Gemini's thought signature, which must come back with the call.
    """

    id: str
    name: str
    arguments: str = ""
    custom: bool = False
    signature: str = ""
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered; `name` is empty where the wire names only the call."""

    call_id: str
    parts: "tuple[Part, ...]" = ()
    name: str = ""
    is_error: bool = False
    cache: CacheMark | None = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A part that only `dialect` knows, as it was sent; other dialects refuse or drop it, never guess."""

    dialect: str
    value: Mapping[str, Any]


Part = Text | Image | Document | Audio | Thought | Refusal | ToolCall | ToolResult | Opaque


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `name` is the speaker's name where the wire has one.

    `spelling` holds fields that `parts` say too, as the request's own dialect spelled them: only that one writes them.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str = ""
    extras: Extras = field(default_factory=dict)
    spelling: Extras = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All its words, without anything between them."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call; `schema` is JSON Schema, None when the tool takes no arguments by a schema.

    `custom` tools take any text. `builtin` holds a tool of the provider's own, as it was sent, marked with its dialect.
    """

    name: str
    description: str = ""
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    custom: bool = False
    builtin: Opaque | None = None
    cache: CacheMark | None = None
    extras: Extras = field(default_factory=dict)


class ChoiceMode(StrEnum):
    """How free the model is to call tools."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """REQUIRED with one name is that tool; names with AUTO or REQUIRED allow only those; `parallel` None is unsaid."""

    mode: ChoiceMode | None = None
    names: tuple[str, ...] = ()
    parallel: bool | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen, and when to stop; None and empty are unsaid. `max_output` is in tokens."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: tuple[str, ...] = ()
    max_output: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much the model may think: `effort` a word, `budget` tokens (0 off, -1 as it likes); one or both unsaid.

    `summary` asks for a summary of the thoughts (Responses), `show` whether thoughts are wanted in the reply.
    """

    effort: str = ""
    budget: int | None = None
    summary: str = ""
    show: bool | None = None


class Shape(StrEnum):
    """The form the answer must have."""

    TEXT = "text"
    JSON = "json"
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """The form of the answer; `schema`, `name` and `strict` belong to SCHEMA."""

    shape: Shape
    schema: Mapping[str, Any] | None = None
    name: str = ""
    strict: bool | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A whole request for an answer; `origin` is the dialect it was written in, `extras` what only that one has.

    `spelling` holds fields that the hub says too, as `origin` spelled them: only that dialect writes them.
    """

    model: str
    messages: tuple[Message, ...]
    origin: str
    stream: bool = False
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    sampling: Sampling = Sampling()
    reasoning: Reasoning | None = None
    format: OutputFormat | None = None
    user: str = ""
    cache_key: str = ""
    wants_usage: bool = True
    extras: Extras = field(default_factory=dict)
    spelling: Extras = field(default_factory=dict)


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
    | CallStarted
    | CallDelta
    | CallEnded
    | Cited
    | Counted
    | Finished
    | Failed
    | Ended
)

CONTENT = (TextDelta, ThoughtDelta, RefusalDelta, CallStarted, CallDelta, Finished)
"""Events at whose first the answer is committed."""
