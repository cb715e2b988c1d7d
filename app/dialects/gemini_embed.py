"""Gemini's `embedContent` and `batchEmbedContents`: passed through, or translated."""

from typing import Any

import msgspec

from app.dialects import fields, json_edit
from app.dialects.dialect import StreamReader
from app.dialects.embedding import no_stream, written
from app.dialects.gemini_errors import in_band_error, parse_fault, render_fault, render_stream_fault
from app.dialects.gemini_parts import NAME
from app.dialects.gemini_usage import parse_usage
from app.dialects.openai import bad_reply
from app.dialects.paths import fill
from app.dialects.translator import Written
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.embedding import EmbedReply, EmbedRequest, Task
from app.domain.faults import Fault, InBandError, ProviderError

_WHO = "provider's embeddings"
_MODELS = "models/"
_VERBS = {"content": "embedContent", "requests": "batchEmbedContents"}
_TASKS = {
    "RETRIEVAL_QUERY": Task.QUERY,
    "QUESTION_ANSWERING": Task.QUERY,
    "FACT_VERIFICATION": Task.QUERY,
    "CODE_RETRIEVAL_QUERY": Task.QUERY,
    "RETRIEVAL_DOCUMENT": Task.DOCUMENT,
    "CLASSIFICATION": Task.CLASSIFICATION,
    "CLUSTERING": Task.CLUSTERING,
    "SEMANTIC_SIMILARITY": Task.SIMILARITY,
}
_TYPES = {task: next(name for name, meant in _TASKS.items() if meant is task) for task in Task}
_KNOWN = frozenset({"model", "content", "outputDimensionality", "output_dimensionality", "taskType", "task_type"})
_FLOATS = msgspec.json.Decoder(list[float])


class _Vector(msgspec.Struct):
    values: msgspec.Raw


class _Answer(msgspec.Struct):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usage: dict[str, Any] | None = msgspec.field(default=None, name="usageMetadata")


_ANSWER = msgspec.json.Decoder(_Answer)


class Embeddings:
    """The `Dialect` of one of the verbs, and both sides of its translation."""

    NAME: str = NAME
    KEEPALIVE: bytes = b""

    def __init__(self, key: str) -> None:
        """Read the texts from the member `key`: `content`, which is one, or `requests`, which are many."""
        self._key = key
        self.PATH: str = f"/v1beta/models/{{model}}:{_VERBS[key]}"
        self.STREAM_PATH: str = self.PATH

    def parse_request(self, body: bytes, model: str = "") -> ApiRequest:
        """Read what routing needs; `model` is what the path said.

        Raises:
            FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks the texts or a model.
        """
        try:
            members = json_edit.members(body)
        except json_edit.JsonError as error:
            fields.refuse(
                f"The request body is not a valid JSON object: {error}.", "Send a JSON object, UTF-8 encoded."
            )
        model = model.removeprefix(_MODELS)
        fields.check_model(model, f"Say it in the path, {self.PATH}.")
        spans = members.get(self._key, ())
        if not spans or body[spans[-1][0]] not in b"[{":
            fields.refuse(f"The request has no `{self._key}`.", "Send what is to be embedded.", self._key)
        return ApiRequest(Operation.EMBEDDINGS, model, stream=False, body=body, members=members)

    def build_request(self, request: ApiRequest, model: str) -> bytes:
        """Make the provider's body: where the model is named, it is as the provider calls it; all else stays."""
        members = request.members or json_edit.members(request.body)
        edits = _named(request.body, members, 0, model)
        if self._key == "requests":
            edits += _named_in_list(request.body, members["requests"][-1], model)
        return json_edit.splice(request.body, edits) if edits else request.body

    def parse_reply(self, request: ApiRequest, body: bytes) -> Reply:
        """Read Gemini's own vectors; the bytes stay as they are.

        Raises:
            InBandError: it is an error in spite of its status. FaultError: BAD_REPLY.
        """
        return Reply(body, self.read_vectors(body).usage)

    def read_texts(self, body: bytes) -> EmbedRequest:
        """Read a client's request for a provider that speaks another dialect.

        Raises:
            FaultError: INVALID_REQUEST, for what is no text, and for vectors of different lengths.
        """
        sent = fields.parse_object(body)
        asked = [sent] if self._key == "content" else fields.objects(sent, "requests")
        if not asked:
            fields.refuse("`requests` is empty.", "Send what is to be embedded.", "requests")
        lengths = {_dimensions(one) for one in asked}
        tasks = {fields.text(one, "taskType") or fields.text(one, "task_type") for one in asked}
        if len(lengths) > 1:
            fields.refuse_field("outputDimensionality: different ones", _WHO)
        task = _TASKS.get(next(iter(tasks))) if len(tasks) == 1 else None
        extras = {name: None for one in asked for name in one if name not in _KNOWN}
        if any(tasks) and task is None:
            extras["taskType"] = None
        texts = tuple(_text_of(one) for one in asked)
        return EmbedRequest(_named_model(asked[0]), texts, lengths.pop(), task, extras=tuple(extras))

    def write_texts(self, request: EmbedRequest, model: str) -> Written:
        """Write the texts for Gemini, each as a request of the batch."""
        name = _MODELS + model.removeprefix(_MODELS)
        more: fields.Object = {}
        if request.task is not None:
            more["taskType"] = _TYPES[request.task]
        if request.dimensions is not None:
            more["outputDimensionality"] = request.dimensions
        batch = [{"model": name, "content": {"parts": [{"text": text}]}, **more} for text in request.texts]
        unsaid = ("truncate",) if request.truncate is not None else ()
        return written(fill(self.PATH, model), {"requests": batch}, *request.extras, *unsaid)

    def read_vectors(self, body: bytes) -> EmbedReply:
        """Read a provider's vectors.

        Raises:
            InBandError: it is an error in spite of its status. FaultError: BAD_REPLY.
        """
        try:
            answer = _ANSWER.decode(body)
            found = answer.embeddings if answer.embedding is None else [answer.embedding]
            vectors = tuple(bytes(vector.values) for vector in found or ())
            for vector in vectors:
                _FLOATS.decode(vector)
        except (*json_edit.BAD_JSON, RecursionError):
            vectors = ()
        if not vectors:
            _raise_error_in(body)
        return EmbedReply(vectors, usage=parse_usage(answer.usage))

    def write_vectors(self, reply: EmbedReply, request: EmbedRequest) -> bytes:
        """Write the vectors for the client that sent `request`."""
        vectors = [{"values": msgspec.Raw(vector)} for vector in reply.vectors]
        out: fields.Object = {"embedding": vectors[0]} if self._key == "content" else {"embeddings": vectors}
        if (tokens := reply.usage.input) is not None:
            out["usageMetadata"] = {"promptTokenCount": tokens, "totalTokenCount": tokens}
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
        """Make the in-band error event, which only the protocol asks for."""
        return render_stream_fault(fault, request_id)


ONE = Embeddings("content")
"""`embedContent`."""

BATCH = Embeddings("requests")
"""`batchEmbedContents`."""


def _text_of(asked: fields.Object) -> str:
    """The words of one content.

    Raises:
        FaultError: INVALID_REQUEST, for pictures and whatever else is no text.
    """
    content = asked.get("content")
    parts = [content] if isinstance(content, str) else _parts(content)
    if not parts:
        fields.refuse("A request has no text to embed.", "Send `content` with a part of text.", "content")
    return "\n".join(parts)


def _parts(content: object) -> list[str]:
    holder = content if isinstance(content, dict) else {}
    listed = holder.get("parts")
    texts = []
    for part in listed if isinstance(listed, list) else [listed] if listed else []:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            fields.refuse_field("content.parts: what is no text", _WHO)
        texts.append(text)
    return texts


def _dimensions(asked: fields.Object) -> int | None:
    length = fields.integer(asked, "outputDimensionality")
    return fields.integer(asked, "output_dimensionality") if length is None else length


def _named_model(asked: fields.Object) -> str:
    return fields.text(asked, "model").removeprefix(_MODELS)


def _named(body: bytes, members: json_edit.Members, offset: int, model: str) -> list[json_edit.Edit]:
    """The edits that name the model as the provider calls it."""
    name = msgspec.json.encode(_MODELS + model.removeprefix(_MODELS))
    return [(offset + start, offset + end, name) for start, end in members.get("model", ()) if body[start:end] != name]


def _named_in_list(body: bytes, span: json_edit.Span, model: str) -> list[json_edit.Edit]:
    """The same for every request of a batch."""
    edits: list[json_edit.Edit] = []
    at = span[0]
    try:
        items = msgspec.json.decode(body[span[0] : span[1]], type=list[msgspec.Raw])
        for item in map(bytes, items):
            at = body.index(item, at, span[1])
            edits += _named(item, json_edit.members(item), at, model)
            at += len(item)
    except (*json_edit.BAD_JSON, json_edit.JsonError, ValueError):
        fields.refuse("`requests` is no list of objects.", "Send each text as a request of its own.", "requests")
    return edits


def _raise_error_in(body: bytes) -> None:
    """Say what came instead of vectors.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY, for anything else.
    """
    try:
        error = in_band_error(json_edit.loads(body))
    except json_edit.JsonError:
        error = None
    if error is not None:
        raise InBandError(error)
    raise bad_reply("something that holds no vectors of numbers")
