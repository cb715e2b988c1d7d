"""One request as the routing core sees it, whatever dialect it came in."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.repairs import Repair
from app.domain.usage import NO_USAGE, Usage


class Operation(StrEnum):
    """What a client may ask for; a path and a dialect make a row of the routes table, not another handler."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    IMAGES = "images"
    IMAGE_EDITS = "image_edits"
    SPEECH = "speech"
    TRANSCRIPTIONS = "transcriptions"
    MODERATIONS = "moderations"
    RERANK = "rerank"
    RESPONSES = "responses"
    """What only a provider that has the Responses API itself can answer: a request that leans on what it keeps."""


PASSED_THROUGH = frozenset(
    {
        Operation.IMAGES,
        Operation.IMAGE_EDITS,
        Operation.SPEECH,
        Operation.TRANSCRIPTIONS,
        Operation.MODERATIONS,
        Operation.RERANK,
    }
)
"""What is handed on as it is, with an answer of whatever type; its tokens are known only where they are reported."""

NO_OUTPUT = frozenset({Operation.EMBEDDINGS, Operation.MODERATIONS, Operation.RERANK})
"""Whose answers are no tokens."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A parsed request.

    `body` is the client's JSON byte for byte, `model` the name the client used, `wants_usage` whether a stream's
    client asked for the usage chunk, `affinity` the client's own conversation or cache key if it sent one. `members`
    says where the body's top-level values stand (offsets of start and end), so that they are looked for only once;
    empty means they were not looked for. `stream_type` is the content type of a streamed answer, `body_type` that of
    a body that is passed through, whose answer may be of any type. `headers` go along to a provider of the same
    dialect. `tools` are the kinds of tools of a Responses request, `refers` the id of what it leans on that only the
    provider which made it keeps. `repairs` are what to change in it before it goes up.
    """

    operation: Operation
    model: str
    stream: bool
    body: bytes
    wants_usage: bool = True
    affinity: str = ""
    members: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict, compare=False, repr=False)
    stream_type: bytes = b"text/event-stream; charset=utf-8"
    body_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    tools: frozenset[str] = frozenset()
    refers: str = ""
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's plain answer in the client's dialect, with what was read along the way.

    `kept` are the ids under which the provider keeps it, to be asked for again.
    """

    body: bytes
    usage: Usage = NO_USAGE
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sends back: `body` at once, or `stream` chunk by chunk when it is set.

    Header names are lower case, as ASGI wants them. A stream must be closed by whoever stops reading it early.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
