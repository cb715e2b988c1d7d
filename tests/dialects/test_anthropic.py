"""The Anthropic dialect as the engine uses it: routing, passthrough and what every module of a dialect must have."""

import inspect
import json
from typing import Any

import pytest

from app.dialects import anthropic
from app.dialects.dialect import Dialect
from app.dialects.translator import Translator
from app.domain.chat import Operation
from app.domain.faults import FaultError, InBandError

BODY = (
    b'{ "model":"acme/m", "max_tokens":1e2, "messages":[], "stream":true,'
    b' "metadata":{"user_id":"user_1_account__session_5e0a7c1e-2f3b-4a4c-9d5e-6f708192a3b4"},'
    b' "new":123456789012345678901234567890 }'
)


@pytest.mark.parametrize("protocol", [Dialect, Translator])
def test_the_module_has_the_protocols_names(protocol: type) -> None:
    for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            parameters = [p for p in inspect.signature(wanted).parameters if p != "self"]
            assert list(inspect.signature(getattr(anthropic, name)).parameters) == parameters
    for name in protocol.__annotations__:
        assert getattr(anthropic, name)


def test_what_routing_needs() -> None:
    request = anthropic.parse_request(BODY)
    assert (request.operation, request.model, request.stream) == (Operation.CHAT, "acme/m", True)
    assert request.affinity == "5e0a7c1e-2f3b-4a4c-9d5e-6f708192a3b4"
    assert request.wants_usage


@pytest.mark.parametrize(
    ("user", "session"),
    [
        ("alice", ""),
        ("user_1_session_2", ""),
        ("alice_session_5e0a7c1e-2f3b-4a4c-9d5e-6f708192a3b4_of_old", ""),
        ('{"device_id":"d","account_uuid":"","session_id":"s-1"}', "s-1"),
        ('{"device_id":"d"}', ""),
        ('{"session_id":1}', ""),
        ('{"session_id":"s-1"', ""),
        ("{\ud800", ""),
        ("{" * 100_000, ""),
        (["s"], ""),
        (None, ""),
    ],
)
def test_a_user_is_no_conversation_unless_it_names_one(user: object, session: str) -> None:
    sent = {"model": "m", "messages": [], "metadata": {"user_id": user}}
    assert anthropic.parse_request(json.dumps(sent).encode()).affinity == session


def test_only_the_name_of_the_model_changes() -> None:
    request = anthropic.parse_request(BODY)
    assert anthropic.build_request(request, "acme/m") == BODY
    assert anthropic.build_request(request, "m") == BODY.replace(b'"acme/m"', b'"m"')


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{", None),
        (b'{"messages":[]}', "model"),
        (b'{"model":"%b","messages":[]}' % (b"m" * 513), "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":"x"}', "messages"),
        (b'{"model":"m","messages":[],"stream":1}', "stream"),
    ],
)
def test_what_cannot_be_routed_is_refused(body: bytes, param: str | None) -> None:
    with pytest.raises(FaultError) as refused:
        anthropic.parse_request(body)
    assert refused.value.fault.param == param


def test_every_recorded_answer_passes_with_its_usage(anthropic_exchanges: list[dict[str, Any]]) -> None:
    for exchange in anthropic_exchanges:
        body = json.dumps(exchange["req"]).encode()
        request = anthropic.parse_request(body)
        assert anthropic.build_request(request, exchange["req"]["model"]) == body
        if "stream" in exchange["kinds"]:
            continue
        reply = exchange["resp"].encode()
        if exchange["status"] == 200:
            read = anthropic.parse_reply(request, reply)
            assert read.body == reply
            assert read.usage.fresh_input == json.loads(reply)["usage"]["input_tokens"]


def test_an_error_with_status_200_is_one() -> None:
    with pytest.raises(InBandError):
        anthropic.parse_reply(anthropic.parse_request(BODY), b'{"type":"error","error":{"type":"overloaded_error"}}')


def test_counting() -> None:
    request = anthropic.parse_request(b'{"model":"m","messages":[{"role":"user","content":"x"}]}')
    assert anthropic.read_request(request.body).sampling.max_output is None
    assert anthropic.render_count(12) == b'{"input_tokens":12}'
    assert anthropic.COUNT_PATH == "/v1/messages/count_tokens"


def test_a_ping_keeps_the_stream_alive() -> None:
    assert anthropic.KEEPALIVE == b'event: ping\ndata: {"type":"ping"}\n\n'
