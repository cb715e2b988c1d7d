"""The Ollama dialect as the engine uses it: routing, passthrough and what every module of a dialect must have."""

import inspect
import json
from types import ModuleType
from typing import Any

import pytest

from app.dialects import ollama, ollama_generate
from app.dialects.dialect import Dialect
from app.dialects.translator import Translator
from app.domain.chat import Operation
from app.domain.faults import FaultError, InBandError

BODY = b'{ "model":"acme/m", "messages":[{"role":"user","content":"x"}], "new":123456789012345678901234567890 }'


@pytest.mark.parametrize("module", [ollama, ollama_generate])
@pytest.mark.parametrize("protocol", [Dialect, Translator])
def test_the_module_has_the_protocols_names(module: ModuleType, protocol: type) -> None:
    for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            parameters = [p for p in inspect.signature(wanted).parameters if p != "self"]
            assert list(inspect.signature(getattr(module, name)).parameters) == parameters
    assert {*protocol.__annotations__} <= {*dir(module)}


def test_what_routing_needs() -> None:
    request = ollama.parse_request(BODY)
    assert (request.operation, request.model, request.stream) == (Operation.CHAT, "acme/m", True)
    assert request.stream_type == b"application/x-ndjson"
    assert not ollama.parse_request(BODY.replace(b'"new":', b'"stream":false, "new":')).stream


def test_only_the_name_of_the_model_changes() -> None:
    request = ollama.parse_request(BODY)
    assert ollama.build_request(request, "acme/m") == BODY
    assert ollama.build_request(request, "m") == BODY.replace(b'"acme/m"', b'"m"')


def test_no_keepalive_for_who_reads_lines() -> None:
    assert ollama.KEEPALIVE == b""


def test_an_answer_passes_with_its_usage() -> None:
    body = (
        b'{"model":"m","message":{"role":"assistant","content":"x"},"done":true,"prompt_eval_count":5,"eval_count":2}'
    )
    reply = ollama.parse_reply(ollama.parse_request(BODY), body)
    assert (reply.body, reply.usage.input, reply.usage.output) == (body, 5, 2)
    with pytest.raises(InBandError):
        ollama.parse_reply(ollama.parse_request(BODY), b'{"error":"no memory"}')
    with pytest.raises(FaultError):
        ollama.parse_reply(ollama.parse_request(BODY), b"[]")


def test_every_recorded_request_is_routed_and_read(client_requests: list[dict[str, Any]]) -> None:
    found = [request for request in client_requests if request["path"] in ("/api/chat", "/api/generate")]
    assert len(found) >= 6
    for request in found:
        module = ollama if request["path"] == "/api/chat" else ollama_generate
        body = json.dumps(request["body"]).encode()
        assert module.parse_request(body).stream is request["body"]["stream"]
        assert module.read_request(body).model == "gpt-4o"
