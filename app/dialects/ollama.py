"""Ollama chat, `POST /api/chat`: passed through as it is, or translated by the hub."""

from app.dialects import ollama_body
from app.dialects.ollama_errors import parse_fault, render_fault, render_stream_fault
from app.dialects.ollama_events import EventReader, OllamaStream
from app.dialects.ollama_reply import parse_reply_object, parse_usage, read_reply, write_reply
from app.dialects.ollama_request import NAME, read_request
from app.dialects.ollama_write import PATH, STREAM_PATH, write_request
from app.dialects.ollama_writer import EventWriter
from app.domain.chat import ApiRequest, Reply
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
    "render_fault",
    "render_stream_fault",
    "write_reply",
    "write_request",
]

KEEPALIVE = b""
"""Lines of JSON have no comments, and clients take a blank line for broken JSON."""


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `messages`.
    """
    return ollama_body.parse(body, key="messages")


def build_request(request: ApiRequest, model: str) -> bytes:
    """Make the provider's body, with `model` as the provider calls it."""
    return ollama_body.with_model(request, model)


def parse_reply(request: ApiRequest, body: bytes) -> Reply:  # the protocol hands every dialect the request
    """Read a plain answer; its bytes stay as they are.

    Raises:
        InBandError: the body is an error object in spite of its status.
        FaultError: BAD_REPLY, when it has no message.
    """
    return Reply(body, parse_usage(parse_reply_object(body)))


def open_stream(request: ApiRequest) -> OllamaStream:
    """Start reading along a stream."""
    return OllamaStream()


def event_reader() -> EventReader:
    """Begin to read a provider's stream."""
    return EventReader()


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request)
