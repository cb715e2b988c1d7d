"""Ollama's embeddings, `POST /api/embed` and the older `/api/embeddings`: passed through, or translated."""

import msgspec

from app.dialects import fields, json_edit, ollama_body
from app.dialects.dialect import StreamReader
from app.dialects.embedding import no_stream, written
from app.dialects.ollama_errors import bad_reply, in_band_error, parse_fault, render_fault, render_stream_fault
from app.dialects.ollama_reply import parse_usage
from app.dialects.translator import Written
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.embedding import EmbedReply, EmbedRequest
from app.domain.faults import Fault, InBandError, ProviderError

_RUNNING = frozenset({"options", "keep_alive"})
"""How a local model is run: nothing to anybody else, and never missed."""

_PLACES = {"input": ("/api/embed", "embeddings"), "prompt": ("/api/embeddings", "embedding")}
_FLOATS = msgspec.json.Decoder(list[float])
_LISTS = msgspec.json.Decoder(list[msgspec.Raw])


class Embeddings:
    """The `Dialect` of one of the paths, and both sides of its translation."""

    NAME: str = "ollama"
    KEEPALIVE: bytes = b""

    def __init__(self, key: str) -> None:
        """Read the texts from the member `key`: `input`, or `prompt` for the older path, which takes one."""
        self._key = key
        path, self._vectors = _PLACES[key]
        self.PATH: str = path
        self.STREAM_PATH: str = path

    def parse_request(self, body: bytes) -> ApiRequest:
        """Read what routing needs.

        Raises:
            FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks the model or the text.
        """
        request = ollama_body.parse(body, Operation.EMBEDDINGS)
        self._texts(fields.parse_object(body))
        return request

    def _texts(self, sent: fields.Object) -> tuple[str, ...]:
        texts = fields.strings(sent, self._key)
        if not texts:
            fields.refuse(f"The request has no `{self._key}`.", "Send a text.", self._key)
        return texts

    def build_request(self, request: ApiRequest, model: str) -> bytes:
        """Make the provider's body, with `model` as the provider calls it."""
        return ollama_body.build_request(request, model)

    def parse_reply(self, request: ApiRequest, body: bytes) -> Reply:
        """Read Ollama's own vectors; the bytes stay as they are.

        Raises:
            InBandError: the body is an error object in spite of its status.
            FaultError: BAD_REPLY, when it has no vectors of numbers.
        """
        return Reply(body, self.read_vectors(body).usage)

    def read_texts(self, body: bytes) -> EmbedRequest:
        """Read a client's request for a provider that speaks another dialect.

        Raises:
            FaultError: INVALID_REQUEST, naming the field.
        """
        sent = fields.parse_object(body)
        known = (self._key, "model", "dimensions", "truncate")
        return EmbedRequest(
            model=fields.text(sent, "model"),
            texts=self._texts(sent),
            dimensions=fields.integer(sent, "dimensions"),
            truncate=fields.flag(sent, "truncate"),
            extras=tuple(name for name in sent if name not in known and name not in _RUNNING),
        )

    def write_texts(self, request: EmbedRequest, model: str) -> Written:
        """Write the texts for a provider that speaks Ollama's dialect."""
        out: fields.Object = {"model": model, "input": request.texts}
        if request.dimensions is not None:
            out["dimensions"] = request.dimensions
        if request.truncate is not None:
            out["truncate"] = request.truncate
        return written(self.PATH, out, *request.extras, *(("task",) if request.task else ()))

    def read_vectors(self, body: bytes) -> EmbedReply:
        """Read a provider's vectors.

        Raises:
            InBandError: the body is an error object in spite of its status.
            FaultError: BAD_REPLY, when it has no vectors of numbers.
        """
        try:
            members = json_edit.members(body)
            counts = {name: ollama_body.value_of(body, members, name) for name in ("prompt_eval_count", "error")}
            if counts["error"] and (error := in_band_error(counts)) is not None:
                raise InBandError(error)
            start, end = members[self._vectors][-1]
            listed = [body[start:end]] if self._key == "prompt" else list(map(bytes, _LISTS.decode(body[start:end])))
            for vector in listed:
                _FLOATS.decode(vector)
        except (*json_edit.BAD_JSON, json_edit.JsonError, KeyError):
            raise bad_reply("something that holds no vectors of numbers") from None
        return EmbedReply(tuple(listed), usage=parse_usage(counts))

    def write_vectors(self, reply: EmbedReply, request: EmbedRequest) -> bytes:
        """Write the vectors for the client that sent `request`."""
        vectors = [msgspec.Raw(vector) for vector in reply.vectors]
        if self._key == "prompt":
            return json_edit.dumps({"embedding": vectors[0]})
        out: fields.Object = {"model": request.model, "embeddings": vectors, "total_duration": 0, "load_duration": 0}
        if reply.usage.input is not None:
            out["prompt_eval_count"] = reply.usage.input
        return json_edit.dumps(out)

    def open_stream(self, request: ApiRequest) -> StreamReader:
        """Embeddings have no streams, and `parse_request` never says so.

        Raises:
            FaultError: INVALID_REQUEST, always.
        """
        no_stream()

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
