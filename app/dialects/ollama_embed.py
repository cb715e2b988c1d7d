"""Ollama's embeddings, `POST /api/embed` and the older `/api/embeddings`, asked for in OpenAI's dialect."""

from typing import Any

import msgspec

from app.dialects import fields, json_edit, ollama_body, openai
from app.dialects.dialect import StreamReader
from app.dialects.ollama_errors import bad_reply, parse_fault, render_fault, render_stream_fault
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.faults import Fault, ProviderError


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: int = 0


_VECTORS = msgspec.json.Decoder(list[_Vector])


class Embeddings:
    """A dialect in front only: the request becomes OpenAI's at once, whose dialect all providers of vectors speak.

    What only Ollama has (`truncate`, `options`, `keep_alive`) says how a local model is run and is left out.
    """

    NAME = "openai"
    STREAM_PATH = PATH = "/embeddings"
    KEEPALIVE = b""

    def __init__(self, key: str) -> None:
        """Read the texts from the member `key`: `input`, or `prompt` for the older path, which takes one."""
        self._key = key

    def parse_request(self, body: bytes) -> ApiRequest:
        """Read a client's body and write OpenAI's.

        Raises:
            FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks the model or the text.
        """
        request = ollama_body.parse(body, Operation.EMBEDDINGS)
        sent = fields.parse_object(body)
        texts = fields.strings(sent, self._key)
        if not texts:
            fields.refuse(f"The request has no `{self._key}`.", "Send a text.", self._key)
        out: dict[str, Any] = {"model": request.model, "input": sent[self._key]}
        dimensions = fields.integer(sent, "dimensions")
        if dimensions is not None:
            out["dimensions"] = dimensions
        written = json_edit.dumps(out)
        return ApiRequest(Operation.EMBEDDINGS, request.model, False, written, members=json_edit.members(written))  # noqa: FBT003 - embeddings are never streamed

    def build_request(self, request: ApiRequest, model: str) -> bytes:
        """Make the provider's body, with `model` as the provider calls it."""
        return ollama_body.with_model(request, model)

    def parse_reply(self, request: ApiRequest, body: bytes) -> Reply:
        """Read OpenAI's vectors and write Ollama's.

        Raises:
            InBandError: the body is an error object in spite of its status.
            FaultError: BAD_REPLY, when it has no vectors of numbers.
        """
        members, usage = openai.read_reply(body, "data")
        start, end = members["data"][-1]
        try:
            found = _VECTORS.decode(body[start:end])
        except json_edit.BAD_JSON:
            raise bad_reply("vectors that are not lists of numbers") from None
        vectors = [vector.embedding for vector in sorted(found, key=lambda vector: vector.index)]
        if self._key == "prompt":
            return Reply(json_edit.dumps({"embedding": vectors[0] if vectors else []}), usage)
        out: dict[str, Any] = {"model": request.model, "embeddings": vectors, "total_duration": 0, "load_duration": 0}
        if usage.input is not None:
            out["prompt_eval_count"] = usage.input
        return Reply(json_edit.dumps(out), usage)

    def open_stream(self, request: ApiRequest) -> StreamReader:
        """Embeddings have no streams, and `parse_request` never says so.

        Raises:
            FaultError: INVALID_REQUEST, always.
        """
        fields.refuse("Embeddings cannot be streamed.", "Leave `stream` out.", "stream")

    def parse_fault(self, body: bytes) -> ProviderError:
        """Read a provider's error body of any shape; never raises."""
        return parse_fault(body)

    def render_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the error envelope of the dialect."""
        return render_fault(fault, request_id)

    def render_stream_fault(self, fault: Fault, request_id: str) -> bytes:
        """Make the line that ends a broken stream, which only the protocol asks for."""
        return render_stream_fault(fault, request_id)


EMBED = Embeddings("input")
"""`POST /api/embed`."""

EMBEDDINGS = Embeddings("prompt")
"""`POST /api/embeddings`."""
