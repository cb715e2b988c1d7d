"""Hub requests as Cohere's chat: names, ranges, tools, form, thinking."""

import json
from typing import Any

import pytest

from app.dialects import cohere
from app.domain.faults import FaultError
from dialects.translating import anthropic_request, openai_request

TOOL = {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "wait"}}


def write(model: str = "command-a-03-2025", **more: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    written = cohere.write_request(openai_request(**more), model)
    assert written.path == "/v2/chat"
    return json.loads(written.body), written.dropped


def test_a_whole_request() -> None:
    body, dropped = write(
        stream=True, temperature=0.5, top_p=0.9, top_k=40, seed=7, max_tokens=100, stop=["END"], tools=[TOOL, OTHER]
    )
    assert body == {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "tools": [
            {**TOOL},
            {"type": "function", "function": {"name": "wait", "parameters": {"type": "object", "properties": {}}}},
        ],
        "temperature": 0.5,
        "p": 0.9,
        "k": 40,
        "seed": 7,
        "max_tokens": 100,
        "stop_sequences": ["END"],
    }
    assert dropped == ()


def test_what_is_out_of_range_is_brought_into_it_and_named() -> None:
    body, dropped = write(temperature=1.5, top_p=1, frequency_penalty=-1, presence_penalty=2, stop=list("abcdef"))
    assert (body["temperature"], body["p"], body["frequency_penalty"], body["presence_penalty"]) == (
        1.0,
        0.99,
        0.0,
        1.0,
    )
    assert len(body["stop_sequences"]) == 5
    assert set(dropped) == {"temperature", "top_p", "frequency_penalty", "presence_penalty", "stop"}


@pytest.mark.parametrize(
    ("choice", "names", "word"),
    [
        ("auto", ["look", "wait"], None),
        ("none", ["look", "wait"], "NONE"),
        ("required", ["look", "wait"], "REQUIRED"),
        ({"type": "function", "function": {"name": "look"}}, ["look"], "REQUIRED"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [OTHER]}}, ["wait"], None),
    ],
)
def test_tool_choice(choice: Any, names: list[str], word: str | None) -> None:
    body, dropped = write(tools=[TOOL, OTHER], tool_choice=choice, parallel_tool_calls=False)
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert body.get("tool_choice") == word
    assert dropped == ("parallel_tool_calls",)


def test_strict_tools_are_strict_together() -> None:
    strict = {"type": "function", "function": {"name": "look", "strict": True}}
    assert write(tools=[strict])[0]["strict_tools"] is True


def test_the_form_of_the_answer() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert write(response_format=form)[0]["response_format"] == {"type": "json_object", "json_schema": schema}
    assert write(response_format={"type": "json_object"})[0]["response_format"] == {"type": "json_object"}
    assert "response_format" not in write(response_format={"type": "text"})[0]


def test_thinking_is_asked_of_models_that_can() -> None:
    thinker = "command-a-reasoning-08-2025"
    assert write(thinker, reasoning_effort="high")[0]["thinking"] == {"type": "enabled", "token_budget": 24576}
    assert write(thinker, reasoning_effort="none")[0]["thinking"] == {"type": "disabled"}
    assert "thinking" not in write(thinker)[0]
    assert write(reasoning_effort="high")[1] == ("reasoning_effort",)
    assert write(reasoning_effort="none") == write()
    adaptive = anthropic_request(thinking={"type": "adaptive"})
    assert json.loads(cohere.write_request(adaptive, thinker).body)["thinking"] == {"type": "enabled"}


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"n": 2}, "n"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"tools": [{"type": "custom", "custom": {"name": "patch"}}]}, "tools: patch"),
        ({"tools": [{"type": "web_search"}]}, "tools: web_search"),
    ],
)
def test_what_would_change_the_answer_is_refused(more: dict[str, Any], name: str) -> None:
    with pytest.raises(FaultError) as refused:
        write(**more)
    assert refused.value.fault.param == name


def test_what_only_tunes_is_left_out_and_named() -> None:
    assert set(write(user="u", logprobs=True, top_logprobs=2, prompt_cache_key="k", store=True)[1]) == {
        "user",
        "logprobs",
        "top_logprobs",
        "prompt_cache_key",
        "store",
    }
