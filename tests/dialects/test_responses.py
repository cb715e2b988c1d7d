"""The Responses dialect as the engine uses it: routing, the protocols' names, and everything recorded."""

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from app.dialects import anthropic, gemini, ollama, openai_chat, responses
from app.dialects.dialect import Dialect
from app.dialects.translation import Translation
from app.dialects.translator import Translator
from app.domain.faults import FaultError, InBandError
from app.domain.hub_reply import Ended
from dialects.responses_rig import checked_items
from dialects.translating import sse_events

BODY = b'{ "model":"acme/m", "input":"Hi", "stream":true, "prompt_cache_key":"k" }'
CODEX = Path(__file__).parent / "golden" / "responses" / "codex_request.json"
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


@pytest.mark.parametrize("protocol", [Dialect, Translator])
def test_the_module_has_the_protocols_names(protocol: type) -> None:
    for name, wanted in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            parameters = [p for p in inspect.signature(wanted).parameters if p != "self"]
            assert list(inspect.signature(getattr(responses, name)).parameters) == parameters
    for name in protocol.__annotations__:
        assert getattr(responses, name)


def test_what_routing_needs() -> None:
    request = responses.parse_request(BODY)
    assert (request.model, request.stream, request.affinity, request.wants_usage) == ("acme/m", True, "k", True)
    assert responses.build_request(request, "m") == BODY.replace(b'"acme/m"', b'"m"')
    assert responses.KEEPALIVE.startswith(b":")


@pytest.mark.parametrize(
    ("body", "param"),
    [(b'{"input":"x"}', "model"), (b'{"model":"m"}', "input"), (b'{"model":"m","input":1}', "input")],
)
def test_what_cannot_be_routed_is_refused(body: bytes, param: str) -> None:
    with pytest.raises(FaultError) as refused:
        responses.parse_request(body)
    assert refused.value.fault.param == param


def test_an_answer_of_the_same_dialect_passes_with_its_usage() -> None:
    body = b'{"output":[{}],"usage":{"input_tokens":3,"output_tokens":2}}'
    reply = responses.parse_reply(responses.parse_request(BODY), body)
    assert (reply.body, reply.usage.fresh_input, reply.usage.output) == (body, 3, 2)
    with pytest.raises(InBandError):
        responses.parse_reply(responses.parse_request(BODY), b'{"error":{"message":"x"}}')


@pytest.mark.parametrize("provider", [openai_chat, anthropic, gemini, ollama], ids=lambda m: m.NAME)
def test_what_codex_sends_reaches_every_provider(provider: ModuleType) -> None:
    written = provider.write_request(responses.read_request(CODEX.read_bytes()), "model-x")
    for tool in ("exec_command", "apply_patch", "mcp__x__f"):
        assert f'"name":"{tool}"'.encode() in written.body
    assert b"web_search" not in written.body
    assert {"tools.web_search", "tools.format", "text.verbosity", "client_metadata"} <= set(written.dropped)
    assert not {"store", "include"} & set(written.dropped)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just({})),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_anything_in_any_place_is_read_or_refused_by_name(data: st.DataObject) -> None:
    sent = json.loads(CODEX.read_bytes())
    place, key = sent, data.draw(st.sampled_from(sorted(sent)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 3)):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(JSON)
    try:
        request = responses.read_request(json.dumps(sent).encode())
    except FaultError as refused:
        assert refused.fault.param  # noqa: PT017 - either is right
    else:
        assert responses.event_writer(request).write([Ended()])


def test_every_recorded_client_is_understood_by_every_provider(client_requests: list[dict[str, Any]]) -> None:
    sent = [request["body"] for request in client_requests if request["path"] == "/v1/responses"]
    assert len(sent) >= 9
    for body in sent:
        request = responses.read_request(json.dumps(body).encode())
        for provider in (openai_chat, anthropic):
            written = json.loads(provider.write_request(request, "model-x").body)
            assert written["messages"][-1]["role"] == "user"
            assert len(written.get("tools", [])) == len(body.get("tools", []))


def test_every_recorded_request_is_understood_or_refused_by_name(responses_exchanges: list[dict[str, Any]]) -> None:
    understood = 0
    for exchange in responses_exchanges:
        if not exchange["req"]:
            continue
        try:
            request = responses.read_request(json.dumps(exchange["req"]).encode())
            assert openai_chat.write_request(request, "m").body
            assert anthropic.write_request(request, "claude-sonnet-4-5").body
        except FaultError as refused:
            assert refused.fault.param  # noqa: PT017 - either is right
            continue
        understood += 1
    assert understood > len(responses_exchanges) / 2


@pytest.mark.parametrize("provider", [openai_chat, anthropic], ids=lambda m: m.NAME)
def test_every_recorded_answer_becomes_a_response(
    provider: ModuleType, exchanges: list[dict[str, Any]], anthropic_exchanges: list[dict[str, Any]]
) -> None:
    recorded = anthropic_exchanges if provider is anthropic else exchanges
    seen = 0
    for exchange in recorded:
        wanted = exchange["path"].endswith(("/chat/completions", "/v1/messages")) and exchange["status"] == 200
        if wanted and "error" not in exchange["kinds"]:
            seen += _as_response(provider, exchange)
    assert seen > 100


def _as_response(provider: ModuleType, exchange: dict[str, Any]) -> bool:
    """Write it for a Responses client and read it back by the types of the `openai` package."""
    data = exchange["resp"].encode()
    stream = "stream" in exchange["kinds"]
    request = responses.parse_request(json.dumps({"model": "m", "input": "x", "stream": stream}).encode())
    translation = Translation(responses, provider)
    if not stream:
        try:
            reply = provider.read_reply(data)
        except (FaultError, InBandError):
            return False
        response = Response.model_validate_json(translation.parse_reply(request, data).body)
        calls = [item for item in response.output if item.type == "function_call"]
        parts = reply.choices[0].parts
        assert [c.arguments for c in calls] == [p.arguments or "{}" for p in parts if hasattr(p, "arguments")]
        return True
    reader = translation.open_stream(request)
    out = reader.feed(data) + reader.finish()
    for event in sse_events(out):
        EVENT.validate_python(event)
    if reader.error is None and reader.complete:
        checked_items(out)
    return True
