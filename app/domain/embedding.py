"""The hub language for embeddings: texts to vectors, whatever dialect asks and whatever dialect answers."""

from dataclasses import dataclass, field
from enum import StrEnum

from app.domain.usage import NO_USAGE, Usage


class Task(StrEnum):
    """What the vectors are for, where the wire can say so."""

    QUERY = "query"
    DOCUMENT = "document"
    CLASSIFICATION = "classification"
    CLUSTERING = "clustering"
    SIMILARITY = "similarity"


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts for which vectors are wanted; `texts` has at least one.

    `dimensions` is the length of a vector, None as the model likes. `base64` asks for little-endian float32 in base64
    where the client's dialect knows that. `truncate` False refuses texts that are too long. `extras` names the fields
    of the client's own that no hub field holds, none of which changes what a vector means.
    """

    model: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    task: Task | None = None
    base64: bool = False
    truncate: bool | None = None
    extras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EmbedReply:
    """A vector for each text, in their order: JSON lists of numbers with the digits that the provider wrote."""

    vectors: tuple[bytes, ...]
    model: str = ""
    usage: Usage = field(default=NO_USAGE)
