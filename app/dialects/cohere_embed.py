"""Cohere's embeddings, `POST /v2/embed`: the provider's side of a translation."""

from typing import Any

import msgspec

from app.dialects import json_edit
from app.dialects.cohere_reply import count
from app.dialects.embedding import bad_vectors, written
from app.dialects.openai_errors import parse_error
from app.dialects.translator import Written
from app.domain.embedding import EmbedReply, EmbedRequest, Task
from app.domain.faults import InBandError, ProviderError
from app.domain.usage import NO_USAGE, Usage, UsageSource

PATH = "/v2/embed"

_TYPES = {
    Task.QUERY: "search_query",
    Task.DOCUMENT: "search_document",
    Task.CLASSIFICATION: "classification",
    Task.CLUSTERING: "clustering",
    Task.SIMILARITY: "clustering",
}
_FLOATS = msgspec.json.Decoder(list[float])


class _Kinds(msgspec.Struct):
    floats: list[msgspec.Raw] | None = msgspec.field(default=None, name="float")


class _Answer(msgspec.Struct):
    embeddings: _Kinds | None = None
    message: str | None = None
    meta: dict[str, Any] | None = None


_ANSWER = msgspec.json.Decoder(_Answer)


class Embeddings:
    """The provider's side: what the vectors are for must be said, and is taken for documents where nobody says it."""

    def write_texts(self, request: EmbedRequest, model: str) -> Written:
        """Write the texts for a provider."""
        out: dict[str, Any] = {
            "model": model,
            "texts": request.texts,
            "input_type": _TYPES[request.task or Task.DOCUMENT],
            "embedding_types": ["float"],
        }
        if request.dimensions is not None:
            out["output_dimension"] = request.dimensions
        if request.truncate is not None:
            out["truncate"] = "END" if request.truncate else "NONE"
        return written(PATH, out, *request.extras)

    def read_vectors(self, body: bytes) -> EmbedReply:
        """Read a provider's vectors.

        Raises:
            InBandError: it is an error in spite of its status. FaultError: BAD_REPLY.
        """
        try:
            answer = _ANSWER.decode(body)
            if answer.embeddings is None and answer.message:
                raise InBandError(parse_error(body))
            found = answer.embeddings.floats if answer.embeddings else None
            vectors = tuple(bytes(vector) for vector in found or ())
            for vector in vectors:
                _FLOATS.decode(vector)
        except (*json_edit.BAD_JSON, RecursionError):
            raise bad_vectors("something that holds no vectors of numbers") from None
        if not vectors:
            raise bad_vectors("no vectors")
        billed = (answer.meta or {}).get("billed_units")
        into = count(billed, "input_tokens") if isinstance(billed, dict) else None
        usage = NO_USAGE if into is None else Usage(fresh_input=into, source=UsageSource.PROVIDER)
        return EmbedReply(vectors, usage=usage)

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read a provider's error body; never raises."""
        return parse_error(body)


EMBED = Embeddings()
