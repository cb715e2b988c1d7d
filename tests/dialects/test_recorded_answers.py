"""Every recorded answer, read by every client in its own dialect: words, calls, finish and usage as they were recorded.

What was recorded and what the client gets are both read by `witness.py`, which knows nothing of the program.
"""

import json
import time
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import anthropic.types as anthropic_types
import google.genai.types as google_types
import ollama as ollama_types
import openai.types.responses as openai_types
import pydantic
import pytest

from app.dialects import anthropic, cohere, gemini, ollama, ollama_generate, openai_chat, responses
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest
from app.domain.faults import FaultError, InBandError
from app.net.faults import fault_from_status
from contract.openapi import Description
from dialects import recorded, witness
from dialects.recorded import Exchange, short
from dialects.witness import Seen

_HELLO = [{"role": "user", "content": "Hi"}]
ASKED: dict[ModuleType, dict[str, Any]] = {
    openai_chat: {"model": "m", "messages": _HELLO, "stream_options": {"include_usage": True}},
    responses: {"model": "m", "input": "Hi", "reasoning": {"summary": "auto"}},
    anthropic: {"model": "m", "max_tokens": 9, "messages": _HELLO},
    gemini: {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
    },
    ollama: {"model": "m", "messages": _HELLO},
    ollama_generate: {"model": "m", "prompt": "Hi"},
}
"""What each client asks; all of them want to see thoughts and usage."""

PROVIDERS = (openai_chat, responses, anthropic, gemini, cohere)
CLIENTS = tuple(ASKED)


def request_of(client: ModuleType, *, stream: bool) -> ApiRequest:
    """The client's request."""
    verb = "streamGenerateContent" if stream else "generateContent"
    sent = ASKED[client] if client is gemini else ASKED[client] | {"stream": stream}
    return recorded.parser(client, f"/v1beta/models/m:{verb}")(json.dumps(sent).encode())


def translated(exchange: Exchange, client: ModuleType) -> bytes:
    """What the client gets of a recorded answer.

    Raises:
        InBandError, FaultError: it is an error in spite of its status.
    """
    request = request_of(client, stream=exchange.streamed)
    joined = Translation(client, exchange.dialect, clock=lambda: 1.7e9)
    if not exchange.streamed:
        return joined.parse_reply(request, exchange.resp).body
    stream = joined.open_stream(request)
    out = stream.feed(exchange.resp) + stream.finish()
    if stream.error is not None:
        raise InBandError(stream.error)
    assert stream.committed
    assert stream.complete
    return out


@cache
def answered() -> list[Any]:
    """Every recorded answer with every client that speaks another dialect."""
    found = [e for e in recorded.exchanges() if e.dialect in PROVIDERS and e.status == 200]
    params = [
        pytest.param(e, client, id=f"{e.name}-{short(client)}")
        for e in found
        for client in CLIENTS
        if client is not e.dialect
    ]
    return params or [pytest.param(None, None, marks=pytest.mark.skip(reason=recorded.MISSING))]


def expected_of(exchange: Exchange, client: ModuleType) -> Seen:
    """What was recorded, without what the client's dialect has no place for."""
    seen = witness.read(short(exchange.dialect), exchange.resp, stream=exchange.streamed)
    if client in (ollama, ollama_generate):
        seen.finish = seen.finish if seen.finish in ("length", "calls") else "stop"
        seen.tokens = (seen.tokens[0], None, seen.tokens[2])
    if client is ollama_generate:
        seen.finish, seen.calls = seen.finish.replace("calls", "stop"), []
    return seen


@pytest.mark.parametrize(("exchange", "client"), answered())
def test_every_client_reads_what_was_recorded(exchange: Exchange, client: ModuleType) -> None:
    try:
        out = translated(exchange, client)
    except (InBandError, FaultError):
        assert is_an_error(exchange)
        return
    wanted = expected_of(exchange, client)
    seen = witness.read(short(client), out, stream=exchange.streamed)
    assert seen.text + seen.refusal == wanted.text + wanted.refusal
    assert seen.calls == wanted.calls
    assert seen.finish == wanted.finish
    assert seen.thoughts == wanted.thoughts
    assert tokens_of(seen) == tokens_of(wanted)


def tokens_of(seen: Seen) -> tuple[int, ...]:
    """Tokens of the input, of the cache, of the output; what nobody counted is left out, or nought where it must."""
    return tuple(count or 0 for count in seen.tokens)


def is_an_error(exchange: Exchange) -> bool:
    """Whether the recording itself says that it failed, in spite of its status."""
    return any(mark in exchange.resp for mark in (b'"error"', b"TOOL_CALL"))


# -- what the clients' own packages make of it


@pytest.fixture(scope="session")
def description() -> Description:
    return Description()


_MESSAGE_EVENT = pydantic.TypeAdapter[Any](anthropic_types.RawMessageStreamEvent)
_RESPONSE_EVENT = pydantic.TypeAdapter[Any](openai_types.ResponseStreamEvent)


def check_anthropic(out: bytes, *, stream: bool) -> None:
    if not stream:
        anthropic_types.Message.model_validate_json(out)
    for event in witness.events(out) if stream else ():
        _MESSAGE_EVENT.validate_python(event)


def check_gemini(out: bytes, *, stream: bool) -> None:
    for reply in witness.events(out) if stream else [json.loads(out)]:
        google_types.GenerateContentResponse.model_validate(reply)


def check_ollama(out: bytes, *, stream: bool) -> None:
    for line in out.splitlines() if stream else [out]:
        ollama_types.ChatResponse.model_validate_json(line)


def check_generate(out: bytes, *, stream: bool) -> None:
    for line in out.splitlines() if stream else [out]:
        ollama_types.GenerateResponse.model_validate_json(line)


def check_responses(out: bytes, *, stream: bool) -> None:
    if not stream:
        openai_types.Response.model_validate_json(out)
    for event in witness.events(out) if stream else ():
        _RESPONSE_EVENT.validate_python(event)


PACKAGES: dict[ModuleType, Callable[..., None]] = {
    anthropic: check_anthropic,
    gemini: check_gemini,
    ollama: check_ollama,
    ollama_generate: check_generate,
    responses: check_responses,
}


SCHEMAS = {
    openai_chat: ("CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"),
    responses: ("Response", "ResponseStreamEvent"),
}
"""The names in OpenAI's published description, plain and streamed."""


@pytest.mark.parametrize(("exchange", "client"), answered())
def test_the_clients_own_package_takes_it(exchange: Exchange, client: ModuleType, description: Description) -> None:
    try:
        out = translated(exchange, client)
    except (InBandError, FaultError):
        return
    if client in PACKAGES:
        PACKAGES[client](out, stream=exchange.streamed)
    if client in SCHEMAS:
        for value in witness.events(out) if exchange.streamed else [json.loads(out)]:
            assert description.problems(SCHEMAS[client][exchange.streamed], value) == []


# -- errors


ENVELOPES: dict[ModuleType, tuple[str, ...]] = {
    openai_chat: ("error.message", "error.type", "error.param", "error.code"),
    responses: ("error.message", "error.type", "error.param", "error.code"),
    anthropic: ("type", "error.type", "error.message", "request_id"),
    gemini: ("error.code", "error.message", "error.status"),
    ollama: ("error",),
    ollama_generate: ("error",),
}


def refused() -> list[Any]:
    """Every recorded refusal with every client, of the same dialect too."""
    found = [e for e in recorded.exchanges() if e.status != 200]
    params = [pytest.param(e, client, id=f"{e.name}-{short(client)}") for e in found for client in CLIENTS]
    return params or [pytest.param(None, None, marks=pytest.mark.skip(reason=recorded.MISSING))]


@pytest.mark.parametrize(("exchange", "client"), refused())
def test_a_refusal_comes_in_the_clients_envelope(
    exchange: Exchange, client: ModuleType, description: Description
) -> None:
    error = exchange.dialect.parse_fault(exchange.resp)
    fault = fault_from_status("Acme", exchange.status, {}, error, time.time())
    assert error.message
    assert error.message in fault.text
    assert fault.status == status_of(exchange)
    out = json.loads(client.render_fault(fault, "req_1"))
    for path in ENVELOPES[client]:
        value = out
        for key in path.split("."):
            value = value[key]
    assert error.message in json.dumps(out, ensure_ascii=False) or error.message in str(out)
    if client in (openai_chat, responses):
        assert description.problems("ErrorResponse", out) == []


def status_of(exchange: Exchange) -> int:
    """What the client is to see: a key that is refused is not the client's, an unknown model is not found."""
    if b"model_not_found" in exchange.resp:
        return 404
    return {401: 502, 403: 502}.get(exchange.status, exchange.status)


def test_the_checks_would_notice(description: Description) -> None:
    assert description.problems("ResponseStreamEvent", {"type": "response.output_text.delta", "delta": "x"}) != []
    assert description.problems("Response", {"id": "x"}) != []
    for check, wrong in ((check_anthropic, b"{}"), (check_gemini, b'{"candidate":[]}'), (check_responses, b"{}")):
        with pytest.raises(pydantic.ValidationError):
            check(wrong, stream=False)
    with pytest.raises(pydantic.ValidationError):
        check_ollama(b'{"message":1}', stream=False)
