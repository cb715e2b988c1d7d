"""What the requests of Ollama's paths share: what routing needs of them, and the body with another model."""

from collections.abc import Mapping

import msgspec

from app.dialects import fields, json_edit
from app.domain.chat import ApiRequest, Operation

STREAM_TYPE = b"application/x-ndjson"


def parse(body: bytes, operation: Operation = Operation.CHAT, key: str = "") -> ApiRequest:
    """Read what routing needs; a stream is what comes unless the client says no.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or a list `key`.
    """
    try:
        members = json_edit.members(body)
    except json_edit.JsonError as error:
        fields.refuse(f"The request body is not a valid JSON object: {error}.", "Send a JSON object, UTF-8 encoded.")
    sent = {name: value_of(body, members, name) for name in ("model", "stream")}
    model = fields.text(sent, "model")
    fields.check_model(model, "Add one, such as those GET /api/tags lists.")
    if key and ((spans := members.get(key)) is None or body[spans[-1][0]] != b"["[0]):
        fields.refuse(f"The request has no list `{key}`.", "Send the conversation as a list of messages.", key)
    streams = operation is Operation.CHAT and fields.flag(sent, "stream") is not False
    return ApiRequest(operation, model, streams, body, members=members, stream_type=STREAM_TYPE)


def value_of(body: bytes, members: Mapping[str, tuple[tuple[int, int], ...]], key: str) -> object:
    """Read one top-level value, the last one when the key is there twice; None when it is missing."""
    spans = members.get(key)
    return json_edit.loads(body[spans[-1][0] : spans[-1][1]]) if spans else None


def build_request(request: ApiRequest, model: str) -> bytes:
    """Make the provider's body, with `model` as the provider calls it; every other byte stays."""
    if model == request.model:
        return request.body
    members = request.members or json_edit.members(request.body)
    name = msgspec.json.encode(model)
    return json_edit.splice(request.body, [(start, end, name) for start, end in members["model"]])
