"""Ollama chat, `POST /api/chat`: passed through as it is, or translated by the hub."""

from app.dialects import ollama_body
from app.dialects.ollama_body import build_request
from app.dialects.ollama_errors import parse_fault, render_fault, render_stream_fault
from app.dialects.ollama_events import event_reader, open_stream
from app.dialects.ollama_reply import parse_reply, read_reply, write_reply
from app.dialects.ollama_request import NAME, read_request
from app.dialects.ollama_write import PATH, STREAM_PATH, write_request
from app.dialects.ollama_writer import EventWriter
from app.domain.chat import ApiRequest
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


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request)
