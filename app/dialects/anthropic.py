"""Anthropic messages, `POST /v1/messages`: passed through as they are, or translated by the hub."""

import re
from collections.abc import Mapping

import msgspec

from app.dialects import fields, json_edit
from app.dialects.anthropic_errors import parse_fault, render_fault, render_stream_fault
from app.dialects.anthropic_events import EventReader
from app.dialects.anthropic_naming import named_reply
from app.dialects.anthropic_reply import parse_reply_object, read_reply, write_reply
from app.dialects.anthropic_request import NAME, read_request
from app.dialects.anthropic_stream import AnthropicStream
from app.dialects.anthropic_usage import parse_usage
from app.dialects.anthropic_write import PATH, STREAM_PATH, max_output, write_request
from app.dialects.anthropic_writer import EventWriter
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.hub import ChatRequest

__all__ = [
    "COUNT_PATH",
    "KEEPALIVE",
    "NAME",
    "PATH",
    "STREAM_PATH",
    "build_request",
    "event_reader",
    "event_writer",
    "max_output",
    "open_stream",
    "parse_fault",
    "parse_reply",
    "parse_request",
    "read_reply",
    "read_request",
    "render_count",
    "render_fault",
    "render_stream_fault",
    "write_reply",
    "write_request",
]

KEEPALIVE = b'event: ping\ndata: {"type":"ping"}\n\n'
COUNT_PATH = "/v1/messages/count_tokens"

_SESSION = re.compile(r"_session_([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$")


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body, of a request for an answer or for a count of its tokens.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `messages`.
    """
    try:
        members = json_edit.members(body)
    except json_edit.JsonError as error:
        fields.refuse(f"The request body is not a valid JSON object: {error}.", "Send a JSON object, UTF-8 encoded.")
    sent = {key: _value(body, members, key) for key in ("model", "stream", "metadata")}
    model = fields.text(sent, "model")
    fields.check_model(model, "Add one, such as those GET /v1/models lists.")
    spans = members.get("messages")
    if not spans or body[spans[-1][0]] != b"["[0]:
        fields.refuse("The request has no list `messages`.", "Send the conversation as a list of messages.", "messages")
    return ApiRequest(
        operation=Operation.CHAT,
        model=model,
        stream=bool(fields.flag(sent, "stream")),
        body=body,
        affinity=_session(sent["metadata"]),
        members=members,
    )


def _session(metadata: object) -> str:
    """The conversation that Claude Code names in the user's id, at its end or as JSON; a user has many of them."""
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str):
        return ""
    if named := _SESSION.search(user):
        return named[1]
    try:
        told = json_edit.loads(user.encode()) if user.startswith("{") else None
    except (json_edit.JsonError, UnicodeEncodeError):
        return ""
    session = told.get("session_id") if isinstance(told, dict) else None
    return session if isinstance(session, str) else ""


def _value(body: bytes, members: Mapping[str, tuple[tuple[int, int], ...]], key: str) -> object:
    spans = members.get(key)
    return json_edit.loads(body[spans[-1][0] : spans[-1][1]]) if spans else None


def build_request(request: ApiRequest, model: str) -> bytes:
    """Make the provider's body, with `model` as the provider calls it; every other byte stays."""
    if model == request.model:
        return request.body
    members = request.members or json_edit.members(request.body)
    name = msgspec.json.encode(model)
    return json_edit.splice(request.body, [(start, end, name) for start, end in members["model"]])


def parse_reply(request: ApiRequest, body: bytes) -> Reply:  # the protocol hands every dialect the request
    """Read a plain answer; its bytes stay as they are but for the model's name.

    Raises:
        InBandError: the body is an error object in spite of its status.
        FaultError: BAD_REPLY, when it has no content.
    """
    usage = parse_usage(parse_reply_object(body).get("usage"))
    return Reply(named_reply(body, request.model), usage)


def open_stream(request: ApiRequest) -> AnthropicStream:
    """Start reading along an event stream."""
    return AnthropicStream(request.model)


def event_reader() -> EventReader:
    """Begin to read a provider's stream."""
    return EventReader()


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request)


def render_count(tokens: int) -> bytes:
    """Write the answer to a request to count tokens."""
    return msgspec.json.encode({"input_tokens": tokens})
