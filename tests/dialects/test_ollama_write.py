"""Requests written for an Ollama provider: the same in its own dialect, refused or named where it lacks a word."""

import json
from typing import Any

import pytest

from app.dialects import ollama
from app.domain.faults import FaultError
from dialects.ollama_rig import golden, ollama_request
from dialects.translating import anthropic_request, openai_request


@pytest.mark.parametrize("case", golden("requests"))
def test_in_its_own_dialect_a_request_stays_the_same(case: dict[str, Any]) -> None:
    sent = case["ollama"]
    written = ollama.write_request(ollama.read_request(json.dumps(sent).encode()), "m")
    assert json.loads(written.body) == {"stream": True, **sent}
    assert written.path == "/api/chat"
    assert not written.dropped


def test_every_recorded_request_stays_the_same(client_requests: list[dict[str, Any]]) -> None:
    for recorded in client_requests:
        if recorded["path"] == "/api/chat":
            sent = recorded["body"]
            written = json.loads(ollama.write_request(ollama_request(**sent), sent["model"]).body)
            bare = {key: value for key, value in sent.items() if value or value is False}
            bare["messages"] = [{k: v for k, v in turn.items() if k != "images" or v} for turn in sent["messages"]]
            assert written == bare


def test_an_openai_request() -> None:
    more: dict[str, Any] = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "r"},
        ],
        "max_tokens": 5,
        "stop": "END",
        "reasoning_effort": "xhigh",
        "user": "u",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
    }
    written = ollama.write_request(openai_request(**more), "llama")
    body = json.loads(written.body)
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "content": "r", "tool_call_id": "a"},
    ]
    assert body["options"] == {"stop": ["END"], "num_predict": 5}
    assert (body["think"], body["format"], body["stream"]) == ("high", "json", False)
    assert set(written.dropped) == {"user", "parallel_tool_calls"}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"n": 2}, "n"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools: f"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/a"}}]}]},
            "messages: image_url",
        ),
    ],
)
def test_what_would_change_the_answer_is_refused(more: dict[str, Any], param: str) -> None:
    with pytest.raises(FaultError) as refused:
        ollama.write_request(openai_request(**more), "llama")
    assert refused.value.fault.param == param


def test_a_failed_result_says_so_and_thoughts_come_along() -> None:
    blocks = [{"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "tool_use", "id": "a", "name": "f"}]
    result = {"type": "tool_result", "tool_use_id": "a", "content": "boom", "is_error": True}
    turns = [{"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
    first, second = json.loads(ollama.write_request(anthropic_request(messages=turns), "llama").body)["messages"]
    assert first["thinking"] == "Hm"
    assert second == {"role": "tool", "content": "Error: boom", "tool_call_id": "a"}
