"""Ollama's `POST /api/generate`: one prompt, translated by the hub as a conversation of one turn."""

from app.dialects import fields, ollama_body
from app.dialects.ollama_body import build_request
from app.dialects.ollama_errors import parse_fault, render_fault, render_stream_fault
from app.dialects.ollama_events import event_reader, open_stream
from app.dialects.ollama_reply import parse_reply, read_reply
from app.dialects.ollama_reply import write_generate_reply as write_reply
from app.dialects.ollama_request import read_generate as read_request
from app.dialects.ollama_write import write_request
from app.dialects.ollama_writer import EventWriter, generate_frame
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

NAME = "ollama-generate"
"""A name of its own: no provider speaks it, so that it is always translated."""

STREAM_PATH = PATH = "/api/generate"
KEEPALIVE = b""


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `prompt`.
    """
    request = ollama_body.parse(body)
    if "prompt" not in request.members:
        fields.refuse("The request has no `prompt`.", "Send it as a string.", "prompt")
    return request


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request, generate_frame)
