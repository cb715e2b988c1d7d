"""OpenAI embeddings: `POST /v1/embeddings`, in the encoding the client asked for, whatever the provider sends."""

import base64
import binascii
import struct
from typing import NoReturn

import msgspec

from app.dialects import json_edit, openai, openai_errors
from app.dialects.dialect import StreamReader
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.faults import Fault, ProviderError

NAME = "openai"
STREAM_PATH = PATH = "/embeddings"
KEEPALIVE = openai.KEEPALIVE

_NEEDS = openai.Needs(
    Operation.EMBEDDINGS, "input", b'"[', "Send it as a string, a list of strings or tokens.", streams=False
)
_FLOAT_BYTES = 4
_FLOATS = msgspec.json.Decoder(list[float])


class _Vector(msgspec.Struct):
    embedding: msgspec.Raw


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
    members, usage = openai.read_reply(body, "data")
    start, end = members["data"][-1]
    try:
        vectors = _VECTORS.decode(body[start:end])
    except json_edit.BAD_JSON:
        raise openai.bad_reply("vectors in no known shape") from None
    wrong = _wrong_mark(request)
    if not any(bytes(memoryview(vector.embedding)[:1]) == wrong for vector in vectors):
        return Reply(body, usage)
    return Reply(json_edit.splice(body, [(start, end, _convert_all(body[start:end], wrong))]), usage)


def open_stream(request: ApiRequest) -> StreamReader:
    """Embeddings have no streams, and `parse_request` never says so.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    raise openai.invalid_request("Embeddings cannot be streamed.", "Leave `stream` out.", "stream")


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    return openai_errors.parse_error(body)


def render_fault(fault: Fault, request_id: str) -> bytes:  # OpenAI's envelope has no request id: it is a header
    """Make the error envelope of the dialect."""
    return openai_errors.render_error(fault)


def render_stream_fault(fault: Fault, request_id: str) -> bytes:
    """Make an in-band error event, which only the protocol asks for."""
    return openai_errors.render_error_event(fault)


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
