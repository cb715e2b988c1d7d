"""OpenAI embeddings: `POST /v1/embeddings`, in the encoding the client asked for, whatever the provider sends."""

import base64
import binascii
import struct
from typing import NoReturn

import msgspec

from app.dialects import fields, json_edit, openai, openai_errors
from app.dialects.dialect import StreamReader
from app.dialects.embedding import no_stream, written
from app.dialects.translator import Written
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.embedding import EmbedReply, EmbedRequest, Task
from app.domain.faults import Fault, ProviderError

NAME = "openai"
STREAM_PATH = PATH = "/embeddings"
KEEPALIVE = openai.KEEPALIVE

_NEEDS = openai.Needs(
    Operation.EMBEDDINGS, "input", b'"[', "Send it as a string, a list of strings or tokens.", streams=False
)
_FLOAT_BYTES = 4
_FLOATS = msgspec.json.Decoder(list[float])


_TASKS = {
    "query": Task.QUERY,
    "search_query": Task.QUERY,
    "document": Task.DOCUMENT,
    "passage": Task.DOCUMENT,
    "search_document": Task.DOCUMENT,
    "classification": Task.CLASSIFICATION,
    "clustering": Task.CLUSTERING,
}
"""What `input_type` says at those of OpenAI's cousins that have it."""


class _Vector(msgspec.Struct):
    embedding: msgspec.Raw
    index: int | None = None


_VECTORS = msgspec.json.Decoder(list[_Vector])


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body; `stream` means nothing here and is ignored.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `input`.
    """
    return openai.read_request(body, _NEEDS)


def build_request(request: ApiRequest, model: str) -> bytes:
    """Make the provider's body, with `model` as the provider calls it."""
    return openai.build_body(request, model)


def parse_reply(request: ApiRequest, body: bytes) -> Reply:
    """Read the vectors; they are converted between base64 and numbers only where they are not what was asked for.

    Raises:
        InBandError: the body is an error object in spite of its status.
        FaultError: BAD_REPLY, when it has no vectors, or some that cannot be converted.
    """
    told, usage = openai.read_reply(body, "data")
    try:
        vectors = _VECTORS.decode(told["data"])
    except json_edit.BAD_JSON:
        raise openai.bad_reply("vectors in no known shape") from None
    wrong = _wrong_mark(request)
    if not any(bytes(memoryview(vector.embedding)[:1]) == wrong for vector in vectors):
        return Reply(body, usage)
    start, end = json_edit.members(body)["data"][-1]
    return Reply(json_edit.splice(body, [(start, end, _convert_all(body[start:end], wrong))]), usage)


def open_stream(request: ApiRequest) -> StreamReader:
    """Embeddings have no streams, and `parse_request` never says so.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    no_stream()


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    return openai_errors.parse_error(body)


def render_fault(fault: Fault, request_id: str) -> bytes:  # OpenAI's envelope has no request id: it is a header
    """Make the error envelope of the dialect."""
    return openai_errors.render_error(fault)


def render_stream_fault(fault: Fault, request_id: str) -> bytes:
    """Make an in-band error event, which only the protocol asks for."""
    return openai_errors.render_error_event(fault)


# -- translated


def read_texts(body: bytes) -> EmbedRequest:
    """Read a client's request for a provider that speaks another dialect.

    Raises:
        FaultError: INVALID_REQUEST, also for lists of tokens, which mean nothing to other models.
    """
    sent = fields.parse_object(body)
    given = sent.get("input")
    if not isinstance(given, str) and not (isinstance(given, list) and all(isinstance(text, str) for text in given)):
        fields.refuse(
            "`input` holds tokens, which this model's provider cannot read.", "Send the texts themselves.", "input"
        )
    if not given:
        fields.refuse("`input` is empty.", "Send a text or a list of texts.", "input")
    if sent.get("output_dtype") not in (None, "float"):
        fields.refuse_field("output_dtype", "provider's")
    task = sent.get("input_type")
    return EmbedRequest(
        model=fields.text(sent, "model"),
        texts=fields.strings(sent, "input"),
        dimensions=fields.integer(sent, "dimensions"),
        task=_TASKS.get(task) if isinstance(task, str) else None,
        base64=fields.text(sent, "encoding_format") == "base64",
        extras=tuple(name for name in sent if name not in _KNOWN),
    )


_KNOWN = frozenset({"model", "input", "dimensions", "encoding_format", "input_type", "output_dtype"})


def write_texts(request: EmbedRequest, model: str) -> Written:
    """Write the texts for a provider; one alone goes as a string, which all of them take."""
    texts = request.texts[0] if len(request.texts) == 1 else request.texts
    out: fields.Object = {"model": model, "input": texts}
    if request.dimensions is not None:
        out["dimensions"] = request.dimensions
    unsaid = [name for name, value in (("task", request.task), ("truncate", request.truncate)) if value is not None]
    return written(PATH, out, *request.extras, *unsaid)


def read_vectors(body: bytes) -> EmbedReply:
    """Read a provider's vectors, in the order of their numbers.

    Raises:
        InBandError: the body is an error object in spite of its status.
        FaultError: BAD_REPLY, when it has no vectors that are numbers or can become some.
    """
    told, usage = openai.read_reply(body, "data")
    try:
        found = _VECTORS.decode(told["data"])
    except json_edit.BAD_JSON:
        raise openai.bad_reply("vectors in no known shape") from None
    ordered = sorted(enumerate(found), key=lambda at: at[0] if at[1].index is None else at[1].index)
    return EmbedReply(tuple(_numbers(bytes(vector.embedding)) for _, vector in ordered), usage=usage)


def write_vectors(reply: EmbedReply, request: EmbedRequest) -> bytes:
    """Write the vectors in the encoding that was asked for; counts that are unknown are 0, which clients need."""
    data = [
        {
            "object": "embedding",
            "index": at,
            "embedding": msgspec.Raw(_to_base64(vector) if request.base64 else vector),
        }
        for at, vector in enumerate(reply.vectors)
    ]
    tokens = reply.usage.input or 0
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_edit.dumps({"object": "list", "data": data, "model": request.model, "usage": usage})


def _numbers(vector: bytes) -> bytes:
    """A vector as a list of numbers, whatever it came as."""
    if vector[:1] == b'"':
        return _to_numbers(vector)
    try:
        _FLOATS.decode(vector)
    except json_edit.BAD_JSON:
        _refuse()
    return vector


def _wrong_mark(request: ApiRequest) -> bytes:
    """The first byte of a vector in the encoding that was not asked for; nothing when it cannot be converted."""
    if openai.asked(request, "output_dtype") not in (None, "float"):
        return b""  # Voyage's small integers: base64 of something else than float32
    encoding = openai.asked(request, "encoding_format")
    return {None: b'"', "float": b'"', "base64": b"["}.get(encoding if isinstance(encoding, str) else None, b"")


def _convert_all(data: bytes, wrong: bytes) -> bytes:
    """Write the list of vectors again; everything beside the vectors keeps its bytes."""
    try:
        items = msgspec.json.decode(data, type=list[dict[str, msgspec.Raw]])
    except json_edit.BAD_JSON:
        _refuse()
    for item in items:
        vector = bytes(item["embedding"])
        if vector[:1] == wrong:
            item["embedding"] = msgspec.Raw(_to_numbers(vector) if wrong == b'"' else _to_base64(vector))
    return msgspec.json.encode(items)


def _to_numbers(vector: bytes) -> bytes:
    """Base64 of little-endian float32 to a list of numbers."""
    try:
        packed = base64.b64decode(vector[1:-1], validate=True)
        return msgspec.json.encode(struct.unpack(f"<{len(packed) // _FLOAT_BYTES}f", packed))
    except (binascii.Error, struct.error):
        _refuse()


def _to_base64(vector: bytes) -> bytes:
    """A list of numbers to base64 of little-endian float32."""
    try:
        numbers = _FLOATS.decode(vector)
        return b'"' + base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)) + b'"'
    except (*json_edit.BAD_JSON, OverflowError):
        _refuse()


def _refuse() -> NoReturn:
    raise openai.bad_reply("vectors that are neither numbers nor base64 of float32")
