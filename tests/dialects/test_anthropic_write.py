"""Hub requests as Anthropic messages: limits, sampling, tools, thinking, structured output."""

import json
from typing import Any

import pytest

from app.dialects import anthropic
from app.dialects.anthropic_write import max_output
from app.domain.faults import FaultError
from app.domain.hub import ChatRequest
from dialects.translating import anthropic_request, gemini_request, openai_request, to_anthropic

TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"$defs": {"x": {}}}}} for name in ("f", "g")]


def dropped(model: str = "claude-sonnet-4-5", **more: Any) -> tuple[str, ...]:
    return anthropic.write_request(openai_request(**more), model).dropped


def written(request: ChatRequest, model: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(anthropic.write_request(request, model).body)
    return body


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-sonnet-latest", 8192),
        ("claude-sonnet-4-5", 64_000),
        ("anthropic/claude-opus-4-1", 32_000),
        ("claude-opus-4-6", 64_000),
        ("kimi-k2", 8192),
    ],
)
def test_the_limit_is_the_models_when_none_is_given(model: str, tokens: int) -> None:
    assert max_output(model) == tokens
    assert to_anthropic()["max_tokens"] == 64_000
    assert to_anthropic(max_completion_tokens=5)["max_tokens"] == 5


def test_temperature_is_cut_and_goes_without_top_p() -> None:
    body = to_anthropic(temperature=1.7, top_p=0.5)
    assert (body["temperature"], "top_p" in body) == (1, False)
    assert dropped(temperature=1.7, top_p=0.5) == ("temperature", "top_p")
    assert to_anthropic(top_p=0.5)["top_p"] == 0.5


def test_stop_strings() -> None:
    assert to_anthropic(stop="END")["stop_sequences"] == ["END"]
    assert "stop_sequences" not in to_anthropic(stop=["\n"])
    assert dropped(stop=["\n", "END"]) == ("stop",)


def test_tuning_is_dropped_and_named() -> None:
    assert dropped(seed=1, presence_penalty=1, logprobs=True, prompt_cache_key="k", store=True) == (
        "store",
        "seed",
        "presence_penalty",
        "logprobs",
        "prompt_cache_key",
    )


@pytest.mark.parametrize("more", [{"n": 2}, {"logit_bias": {"50256": -100}}, {"modalities": ["audio"]}])
def test_what_would_change_the_answer_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(FaultError, match=f"`{next(iter(more))}`"):
        to_anthropic(**more)


def test_the_user_is_metadata() -> None:
    assert to_anthropic(user="u")["metadata"] == {"user_id": "u"}


def test_tools_keep_their_schema_and_choices_are_spelled() -> None:
    body = to_anthropic(tools=TOOLS, tool_choice="required", parallel_tool_calls=False)
    assert body["tools"][0] == {"name": "f", "input_schema": {"type": "object", "$defs": {"x": {}}}}
    assert body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert to_anthropic(tools=TOOLS, parallel_tool_calls=False)["tool_choice"] == {
        "type": "auto",
        "disable_parallel_tool_use": True,
    }
    assert to_anthropic(tools=TOOLS, tool_choice="none")["tool_choice"] == {"type": "none"}
    named = {"type": "function", "function": {"name": "g"}}
    assert to_anthropic(tools=TOOLS, tool_choice=named)["tool_choice"] == {"type": "tool", "name": "g"}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named]}}
    assert [tool["name"] for tool in to_anthropic(tools=TOOLS, tool_choice=allowed)["tools"]] == ["g"]


def test_calls_of_the_past_need_their_tools() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    body = to_anthropic(messages=[{"role": "assistant", "tool_calls": [call]}])
    assert [tool["name"] for tool in body["tools"]] == ["f"]
    assert body["tool_choice"] == {"type": "none"}


def test_custom_and_foreign_tools_are_refused() -> None:
    for tool in ({"type": "custom", "custom": {"name": "patch"}}, {"type": "openrouter:web_search"}):
        with pytest.raises(FaultError, match="cannot be said"):
            to_anthropic(tools=[tool])


def test_effort_becomes_a_budget_below_the_limit() -> None:
    body = to_anthropic(reasoning_effort="low", max_tokens=500, temperature=0.2)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert body["max_tokens"] == 1524
    assert "temperature" not in body
    assert dropped(reasoning_effort="low", temperature=0.2) == ("temperature",)
    assert "thinking" not in to_anthropic(reasoning_effort="none")


@pytest.mark.parametrize(
    ("model", "effort", "given", "budget", "limit"),
    [
        ("claude-opus-4-1", "high", 16_000, 24_576, 32_000),
        ("claude-opus-4-1", "xhigh", None, 30_976, 32_000),
        ("claude-opus-4-1", "xhigh", 30_000, 30_976, 32_000),
        ("claude-opus-4-1", "high", 40_000, 24_576, 40_000),
        ("claude-sonnet-4-5", "xhigh", 32_000, 32_768, 64_000),
        ("claude-sonnet-4-5", "high", 16_000, 24_576, 40_576),
        ("claude-sonnet-4-5", "high", 25_000, 23_976, 25_000),
        ("claude-sonnet-4-5", "low", 1100, 1024, 2124),
        ("claude-sonnet-4-5", "low", 2048, 1024, 2048),
        ("claude-sonnet-4-5", "minimal", 1, 1024, 1025),
        ("kimi-k2", "high", 5000, 7168, 8192),
    ],
)
def test_the_limit_grows_for_thoughts_up_to_what_the_model_can_do(
    model: str, effort: str, given: int | None, budget: int, limit: int
) -> None:
    body = written(openai_request(reasoning_effort=effort, max_completion_tokens=given), model)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (budget, limit)


def test_newer_models_think_by_effort() -> None:
    body = written(openai_request(reasoning_effort="xhigh"), "claude-opus-4-6")
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})


@pytest.mark.parametrize(
    ("reasoning", "display"),
    [({"effort": "high"}, "summarized"), ({"effort": "high", "exclude": True}, "omitted")],
)
@pytest.mark.parametrize("model", ["claude-opus-4-7", "claude-sonnet-5", "anthropic.claude-opus-5-20260701-v1:0"])
def test_models_that_hide_their_thoughts_are_asked_for_them(
    model: str, reasoning: dict[str, Any], display: str
) -> None:
    assert written(openai_request(reasoning=reasoning), model)["thinking"] == {"type": "adaptive", "display": display}
    assert written(openai_request(reasoning=reasoning), "claude-opus-4-6")["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    "request_",
    [
        openai_request(reasoning_effort="none"),
        openai_request(reasoning={"enabled": False}),
        gemini_request(generationConfig={"thinkingConfig": {"thinkingBudget": 0}}),
    ],
)
def test_models_that_think_of_themselves_are_told_not_to(request_: ChatRequest) -> None:
    for model in ("claude-opus-5", "claude-sonnet-5-20260701"):
        assert written(request_, model)["thinking"] == {"type": "disabled"}
        assert "thinking" not in written(openai_request(), model)
        assert "thinking" not in written(openai_request(reasoning_effort="whatever"), model)
    for model in ("claude-opus-4-7", "claude-sonnet-4-5", "claude-3-5-sonnet-latest"):
        assert "thinking" not in written(request_, model)


def test_newer_models_take_no_sampling() -> None:
    config = {"temperature": 0, "topP": 0.95, "topK": 64}
    for thinking in ({}, {"thinkingBudget": 0}, {"thinkingBudget": -1}):
        request = gemini_request(generationConfig=config | {"thinkingConfig": thinking})
        given = anthropic.write_request(request, "claude-opus-4-8")
        assert not {"temperature", "top_p", "top_k"} & json.loads(given.body).keys()
        assert {"temperature", "top_p", "top_k"} <= set(given.dropped)
    assert written(gemini_request(generationConfig=config), "claude-opus-4-6")["top_k"] == 64
    assert written(anthropic_request(temperature=0.5), "claude-opus-4-8")["temperature"] == 0.5


def test_thinking_gives_way_to_a_forced_tool_and_to_an_unsigned_step() -> None:
    assert dropped(reasoning_effort="high", tools=TOOLS, tool_choice="required") == ("reasoning_effort",)
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    step = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "x"}]
    assert "reasoning_effort" in dropped(reasoning_effort="high", tools=TOOLS, messages=step)


def test_structured_output() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {}}}}
    assert to_anthropic(response_format=form)["output_config"]["format"]["schema"]["additionalProperties"] is False
    assert "JSON" in to_anthropic(response_format={"type": "json_object"})["system"]
