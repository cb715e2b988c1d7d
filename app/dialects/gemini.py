"""Gemini's `generateContent` and `streamGenerateContent`: passed through as they are, or translated by the hub."""

from app.dialects import fields, json_edit
from app.dialects.gemini_errors import parse_fault, render_fault, render_stream_fault, render_stream_tail
from app.dialects.gemini_events import EventReader
from app.dialects.gemini_parts import NAME
from app.dialects.gemini_reply import parse_reply_object, read_reply, write_reply
from app.dialects.gemini_request import read_request
from app.dialects.gemini_stream import GeminiStream
from app.dialects.gemini_usage import parse_usage
from app.dialects.gemini_write import PATH, STREAM_PATH, write_request
from app.dialects.gemini_writer import EventWriter
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.hub import ChatRequest

__all__ = [
    "KEEPALIVE",
    "NAME",
    "PATH",
    "STREAM_PATH",
    "build_request",
    "event_reader",
    "event_writer",
    "open_stream",
    "parse_fault",
    "parse_reply",
    "parse_request",
    "read_reply",
    "read_request",
    "render_count",
    "render_fault",
    "render_stream_fault",
    "render_stream_tail",
    "write_reply",
    "write_request",
]

KEEPALIVE = b"data: {}\n\n"
"""An answer that says nothing; Google's clients read no comments."""


def parse_request(body: bytes, model: str = "", *, stream: bool = False) -> ApiRequest:
    """Read what routing needs; `model` and `stream` are what the path said, the body goes on as it is.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `contents` or a model.
    """
    try:
        members = json_edit.members(body)
    except json_edit.JsonError as error:
        fields.refuse(f"The request body is not a valid JSON object: {error}.", "Send a JSON object, UTF-8 encoded.")
    if not model and (spans := members.get("model")):
        said = json_edit.loads(body[spans[-1][0] : spans[-1][1]])
        model = said if isinstance(said, str) else ""
    model = model.removeprefix("models/")
    fields.check_model(model, "Say it in the path: /v1beta/models/MODEL:generateContent.")
    spans = members.get("contents", ())
    if not spans or body[spans[-1][0]] not in b"[{":
        fields.refuse("The request has no list `contents`.", "Send the conversation as a list of contents.", "contents")
    return ApiRequest(Operation.CHAT, model, stream, body, members=members)


def build_request(request: ApiRequest, model: str) -> bytes:
    """Return the body as it came: the model is in the path."""
    return request.body


def parse_reply(request: ApiRequest, body: bytes) -> Reply:
    """Read a plain answer; its bytes stay as they are.

    Raises:
        InBandError: it is an error in spite of its status. FaultError: BAD_REPLY.
    """
    return Reply(body, parse_usage(parse_reply_object(body).get("usageMetadata")))


def open_stream(request: ApiRequest) -> GeminiStream:
    """Start reading along an event stream."""
    return GeminiStream()


def event_reader() -> EventReader:
    """Begin to read a provider's stream."""
    return EventReader()


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request)


def render_count(tokens: int) -> bytes:
    """Write the answer to a request to count tokens."""
    return json_edit.dumps({"totalTokens": tokens})
