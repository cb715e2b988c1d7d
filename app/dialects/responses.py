"""OpenAI Responses, `POST /v1/responses`: passed through to who has it, made from the hub for every other provider."""

from app.dialects import json_edit, openai
from app.dialects.responses_errors import parse_fault, render_fault, render_stream_fault
from app.dialects.responses_events import EventReader
from app.dialects.responses_items import NAME
from app.dialects.responses_passing import KEPT_BY, foreign_thoughts, kept_ids, marked
from app.dialects.responses_read import read_reply
from app.dialects.responses_reply import write_reply
from app.dialects.responses_request import read_request
from app.dialects.responses_stream import ResponsesStream
from app.dialects.responses_write import PATH, write_request
from app.dialects.responses_writer import EventWriter
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
    "render_fault",
    "render_stream_fault",
    "write_reply",
    "write_request",
]

STREAM_PATH = PATH
KEEPALIVE = openai.KEEPALIVE

_NEEDS = openai.Needs(Operation.CHAT, "input", b'["', "Send a text, or the conversation as a list of items.")


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `input`.
    """
    return marked(openai.read_request(body, _NEEDS))


def build_request(request: ApiRequest, model: str) -> bytes:
    """Make the provider's body, with `model` as the provider calls it; every other byte stays.

    Only thoughts that Switchtower translated from another provider are left out, since this one would refuse them.
    """
    return openai.build_body(request, model, foreign_thoughts(request))


def parse_reply(request: ApiRequest, body: bytes) -> Reply:  # the protocol hands every dialect the request
    """Read a plain answer; its bytes stay as they are.

    Raises:
        InBandError: it is an error in spite of its status.
        FaultError: BAD_REPLY, when it has no output.
    """
    found, usage = openai.read_reply(body, "output")
    return Reply(
        body, usage, kept_ids({name: json_edit.loads(bytes(found[name])) for name in KEPT_BY if name in found})
    )


def open_stream(request: ApiRequest | None) -> ResponsesStream:
    """Start reading along an event stream."""
    return ResponsesStream()


def event_reader() -> EventReader:
    """Begin to read a provider's stream."""
    return EventReader()


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request)
