"""Requests written for a Responses provider, from every client's dialect, side by side in golden/responses."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.dialects import anthropic, gemini, ollama, openai_chat, responses
from app.domain.faults import FaultError
from app.domain.hub import ChatRequest
from dialects.translating import anthropic_request, openai_request

CLIENTS = {side.NAME: side for side in (openai_chat, anthropic, gemini, ollama)}
CASES = json.loads((Path(__file__).parent / "golden" / "responses" / "requests.json").read_text("utf-8"))


_SOUND = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}


def written(request: ChatRequest, model: str = "gpt-x") -> dict[str, Any]:
    body: dict[str, Any] = json.loads(responses.write_request(request, model).body)
    return body


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_request_of_another_dialect(case: dict[str, Any]) -> None:
    request = CLIENTS[case["client"]].read_request(json.dumps(case["sent"]).encode())
    out = responses.write_request(request, "gpt-x")
    assert json.loads(out.body) == case["written"]
    assert list(out.dropped) == case["dropped"]
    assert out.path == "/responses"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]}, "file_id"),
        ({"messages": [{"role": "user", "content": [{"type": "video", "video": "x"}]}]}, "video"),
        ({"messages": [{"role": "user", "content": [_SOUND]}]}, "input_audio"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    with pytest.raises(FaultError) as refused:
        responses.write_request(openai_request(**more), "m")
    assert param in str(refused.value.fault.param)


def test_words_of_a_cousins_own_are_left_out_and_named() -> None:
    groqs = openai_request(reasoning_effort="default", service_tier="on_demand")
    out = responses.write_request(groqs, "m")
    assert not {"reasoning", "service_tier"} & set(json.loads(out.body))
    assert out.dropped == ("service_tier", "reasoning_effort")
    assert written(openai_request(service_tier="flex"))["service_tier"] == "flex"


def test_tools_of_another_provider_are_refused() -> None:
    request = anthropic_request(tools=[{"type": "web_search_20250305", "name": "web_search"}])
    with pytest.raises(FaultError, match="web_search"):
        responses.write_request(request, "m")


@pytest.mark.parametrize(
    ("model", "thinks"),
    [("gpt-5-codex", True), ("o3-pro", True), ("openai/o4-mini", True), ("gpt-oss-20b", True), ("gpt-4o", False)],
)
def test_sealed_thoughts_are_asked_of_models_that_have_them(model: str, thinks: bool) -> None:
    assert ("include" in written(openai_request(), model)) is thinks


def test_a_stream_is_asked_for_and_nothing_is_stored() -> None:
    body = written(openai_request(stream=True))
    assert (body["stream"], body["store"]) == (True, False)
    assert "stream_options" not in body


def test_a_temperature_above_the_range_becomes_its_top() -> None:
    out = responses.write_request(openai_request(temperature=3), "m")
    assert (json.loads(out.body)["temperature"], out.dropped) == (2, ("temperature",))


def test_every_recorded_client_is_understood(client_requests: list[dict[str, Any]]) -> None:
    sides = {"/v1/chat/completions": openai_chat, "/v1/messages": anthropic, "/api/chat": ollama}
    seen = 0
    for recorded in client_requests:
        side = sides.get(recorded["path"].partition("?")[0])
        if side is not None and isinstance(recorded["body"], dict):
            tools = [tool for tool in recorded["body"].get("tools") or [] if isinstance(tool, dict)]  # some are cut
            sent = {**recorded["body"], "tools": tools}
            body = written(side.read_request(json.dumps(sent).encode()))
            assert body["input"]
            assert len(body.get("tools", [])) == len(tools)
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("length", [64, 65])
def test_the_name_of_a_user_has_at_most_64_characters(length: int) -> None:
    user = "u" * length
    for request in (anthropic_request(metadata={"user_id": user}), openai_request(user=user)):
        sent = written(request)["user"]
        assert len(sent) == 64
        assert (sent == user) is (length == 64)
