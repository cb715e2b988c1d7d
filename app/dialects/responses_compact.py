"""`POST /v1/responses/compact`: a long conversation in sealed brevity, which only its provider can read again."""

from dataclasses import replace

from app.dialects import openai, responses
from app.dialects.dialect import StreamReader
from app.dialects.responses_errors import parse_fault, render_fault, render_stream_fault
from app.domain.chat import ApiRequest, Operation, Reply

__all__ = [
    "KEEPALIVE",
    "NAME",
    "PATH",
    "STREAM_PATH",
    "build_request",
    "open_stream",
    "parse_fault",
    "parse_reply",
    "parse_request",
    "render_fault",
    "render_stream_fault",
]

NAME = responses.NAME
PATH = STREAM_PATH = f"{responses.PATH}/compact"
KEEPALIVE = responses.KEEPALIVE
build_request = responses.build_request


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `input`.
    """
    return replace(responses.parse_request(body), operation=Operation.RESPONSES, stream=False)


def parse_reply(request: ApiRequest, body: bytes) -> Reply:  # the protocol hands every dialect the request
    """Read the answer; its bytes stay as they are, and nobody keeps it.

    Raises:
        InBandError: it is an error in spite of its status.
        FaultError: BAD_REPLY, when it has no output.
    """
    return replace(responses.parse_reply(request, body), kept=())


def open_stream(request: ApiRequest) -> StreamReader:
    """There are no streams, and `parse_request` never says so.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    raise openai.invalid_request("This cannot be streamed.", "Leave `stream` out.", "stream")
