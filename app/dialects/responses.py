"""OpenAI Responses, `POST /v1/responses`: what agents such as Codex speak, made from the hub for every provider.

No kind of provider in the catalog is asked in this dialect, so the side of the hub that would is not there.
"""

from dataclasses import replace
from typing import NoReturn

from app.dialects import fields, openai
from app.dialects.responses_errors import parse_fault, render_fault, render_stream_fault
from app.dialects.responses_items import NAME
from app.dialects.responses_reply import write_reply
from app.dialects.responses_request import read_request
from app.dialects.responses_stream import ResponsesStream
from app.dialects.responses_writer import EventWriter
from app.dialects.translator import EventReader, Written
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.hub import ChatRequest
from app.domain.hub_reply import ChatReply

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

STREAM_PATH = PATH = "/responses"
KEEPALIVE = openai.KEEPALIVE

_NEEDS = openai.Needs(Operation.CHAT, "input", b'["', "Send a text, or the conversation as a list of items.")


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `input`.
    """
    return replace(openai.read_request(body, _NEEDS), wants_usage=True)  # the last event always has it


def build_request(request: ApiRequest, model: str) -> bytes:
    """Make the provider's body, with `model` as the provider calls it."""
    return openai.build_body(request, model)


def parse_reply(request: ApiRequest, body: bytes) -> Reply:  # the protocol hands every dialect the request
    """Read a plain answer; its bytes stay as they are.

    Raises:
        InBandError: it is an error in spite of its status.
        FaultError: BAD_REPLY, when it has no output.
    """
    _, usage = openai.read_reply(body, "output")
    return Reply(body, usage)


def open_stream(request: ApiRequest) -> ResponsesStream:
    """Start reading along an event stream."""
    return ResponsesStream()


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request)


def write_request(request: ChatRequest, model: str) -> Written:
    """Refuse: no provider is asked in this dialect.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    _no_provider()


def read_reply(body: bytes) -> ChatReply:
    """Refuse: no provider answers in this dialect.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    _no_provider()


def event_reader() -> EventReader:
    """Refuse: no provider answers in this dialect.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    _no_provider()


def _no_provider() -> NoReturn:
    fields.refuse(
        "Providers are not asked in the Responses dialect.", "Give the provider's kind a dialect that it speaks."
    )
