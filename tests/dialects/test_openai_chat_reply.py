"""Plain answers of OpenAI chat: every recorded one is read, and written for both clients."""

import json
from typing import Any

import pytest

from app.dialects import anthropic, openai_chat
from app.dialects.openai_chat_reply import call_id, read_reply, write_usage
from app.domain.faults import FaultError, InBandError
from app.domain.hub import Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import Finish
from app.domain.usage import Usage
from dialects.translating import anthropic_request, openai_request


def reply(message: dict[str, Any], finish: str | None = "stop", **more: Any) -> bytes:
    return json.dumps({"id": "c1", "choices": [{"message": message, "finish_reason": finish}], **more}).encode()


def test_every_recorded_answer_is_read_and_written(exchanges: list[dict[str, Any]]) -> None:
    count = 0
    for exchange in exchanges:
        if not exchange["path"].endswith("chat/completions") or {"stream", "error"} & set(exchange["kinds"]):
            continue
        sent = json.loads(exchange["resp"])
        read = openai_chat.read_reply(exchange["resp"].encode())
        for choice, wanted in zip(read.choices, sent["choices"], strict=True):
            calls = [part for part in choice.parts if isinstance(part, ToolCall)]
            given = wanted["message"].get("tool_calls") or []
            assert [c.arguments for c in calls] == [c["function"]["arguments"] for c in given]
            assert (choice.finish is Finish.TOOL_CALLS) == bool(calls)
        assert read.usage.input == sent["usage"]["prompt_tokens"]
        assert json.loads(openai_chat.write_reply(read, openai_request()))["choices"]
        back = json.loads(anthropic.write_reply(read, anthropic_request()))
        inputs = [block["input"] for block in back["content"] if block["type"] == "tool_use"]
        first = sent["choices"][0]["message"].get("tool_calls") or []
        assert inputs == [json.loads(c["function"]["arguments"] or "{}") for c in first]
        count += 1
    assert count > 150


@pytest.mark.parametrize(
    ("message", "finish", "hub", "parts"),
    [
        ({"content": "a"}, None, Finish.STOP, (Text("a"),)),
        ({"content": "a", "tool_calls": []}, "tool_calls", Finish.STOP, (Text("a"),)),
        ({"content": None, "refusal": "No."}, "stop", Finish.REFUSAL, (Refusal("No."),)),
        ({"content": "a", "reasoning_content": "t"}, "length", Finish.LENGTH, (Thought("t"), Text("a"))),
        ({"content": "a", "reasoning": "t"}, "sensitive", Finish.FILTER, (Thought("t"), Text("a"))),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "t"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            "stop",
            Finish.STOP,
            (Thought("t", origin="mistral"), Text("a")),
        ),
        (
            {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
            "stop",
            Finish.TOOL_CALLS,
            (ToolCall("call_c1_0", "f", '{"a":1}'),),
        ),
    ],
)
def test_quirks(message: dict[str, Any], finish: str | None, hub: Finish, parts: tuple[object, ...]) -> None:
    choice = read_reply(reply(message, finish)).choices[0]
    assert (choice.finish, choice.parts) == (hub, parts)


def test_think_tags_are_a_switch() -> None:
    body = reply({"content": "<think>t</think>a"})
    assert read_reply(body).choices[0].parts == (Text("<think>t</think>a"),)
    assert read_reply(body, think_tags=True).choices[0].parts == (Thought("t"), Text("a"))


def test_errors() -> None:
    with pytest.raises(InBandError):
        read_reply(b'{"error":{"message":"overloaded"}}')
    with pytest.raises(FaultError):
        read_reply(b"<html>")


def test_usage_counts_cached_tokens_in() -> None:
    usage = write_usage(Usage(fresh_input=7, cache_read=20, cache_write=3, output=9, reasoning=4))
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (30, 9, 39)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 20, "cache_write_tokens": 3}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 4}


def test_missing_ids_are_made_stable() -> None:
    assert call_id("chatcmpl-Ab_1", 0) == "call_chatcmplAb1_0"
    assert call_id("", 2) == "call_2"


SOURCES = [{"title": "A", "url": "https://a.example", "date": "2026-01-02"}, {"title": "B", "url": "https://b.example"}]


def perplexity(**more: Any) -> bytes:
    message = {"role": "assistant", "content": "It rains.[1][2]"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": "p", "model": "sonar", "choices": [choice], **more}).encode()


def test_perplexitys_sources_are_annotations() -> None:
    addresses = ["https://a.example", "https://b.example"]
    for body, titles in (
        (perplexity(search_results=SOURCES, citations=addresses), ["A", "B"]),
        (perplexity(citations=addresses), ["", ""]),
    ):
        citations = openai_chat.read_reply(body).choices[0].citations
        assert [citation.url for citation in citations] == addresses
        assert [citation.title for citation in citations] == titles
    assert openai_chat.read_reply(perplexity(citations=None, search_results=[1])).choices[0].citations == ()
