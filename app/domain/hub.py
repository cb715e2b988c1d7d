"""The hub language between dialects, the client's side: one conversation and what is asked of the model.

What only one dialect has is kept and marked (`Opaque`, `extras`), so that a round trip in one dialect is the identity;
a writer that cannot express something refuses it or names it in `dropped`, by the rule in `docs/dialects.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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
    `pictures` are those that an answer of the past had: only a model that makes pictures takes them back.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str = ""
    extras: Extras = field(default_factory=dict)
    spelling: Extras = field(default_factory=dict)
    pictures: tuple[Image, ...] = ()

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
