"""OpenAI completions, `POST /v1/completions`: passed through with `suffix`, or translated by the hub."""

from app.dialects import openai, openai_errors
from app.dialects.openai_completions_hub import EventWriter, read_request, write_reply
from app.dialects.openai_stream import OpenAIStream
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.faults import Fault, ProviderError
from app.domain.hub import ChatRequest

__all__ = [
    "KEEPALIVE",
    "NAME",
    "PATH",
    "STREAM_PATH",
    "build_request",
    "event_writer",
    "open_stream",
    "parse_fault",
    "parse_reply",
    "parse_request",
    "read_request",
    "render_fault",
    "render_stream_fault",
    "write_reply",
]

NAME = "openai"
STREAM_PATH = PATH = "/completions"
KEEPALIVE = openai.KEEPALIVE

_NEEDS = openai.Needs(Operation.COMPLETIONS, "prompt", b'"[', "Send it as a string, a list of strings or tokens.")


def parse_request(body: bytes) -> ApiRequest:
    """Read what routing needs from a client's body.

    Raises:
        FaultError: INVALID_REQUEST, when it is not JSON, not an object, or lacks `model` or `prompt`.
    """
    return openai.read_request(body, _NEEDS)


def build_request(request: ApiRequest, model: str) -> bytes:
    """Make the provider's body, with `model` as the provider calls it."""
    return openai.build_body(request, model)


def parse_reply(request: ApiRequest, body: bytes) -> Reply:  # the protocol hands every dialect the request
    """Read a plain answer.

    Raises:
        InBandError: the body is an error object in spite of its status.
        FaultError: BAD_REPLY, when it has no choices.
    """
    return openai.plain_reply(body)


def open_stream(request: ApiRequest) -> OpenAIStream:
    """Start reading along an event stream, which has `n` choices for every prompt."""
    n = openai.choices_asked(request) * _prompts(request)
    return OpenAIStream(forward_usage=request.wants_usage, n=n)


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    return openai_errors.parse_error(body)


def render_fault(fault: Fault, request_id: str) -> bytes:  # OpenAI's envelope has no request id: it is a header
    """Make the error envelope of the dialect."""
    return openai_errors.render_error(fault)


def render_stream_fault(fault: Fault, request_id: str) -> bytes:
    """Make the in-band error event that ends a broken stream; no `[DONE]` follows."""
    return openai_errors.render_error_event(fault)


def event_writer(request: ChatRequest) -> EventWriter:
    """Begin to write the stream for the client that sent `request`."""
    return EventWriter(request)


def _prompts(request: ApiRequest) -> int:
    """How many prompts there are: a list of numbers is the tokens of one."""
    prompt = openai.asked(request, "prompt")
    several = isinstance(prompt, list) and bool(prompt) and isinstance(prompt[0], str | list)
    return len(prompt) if several else 1
