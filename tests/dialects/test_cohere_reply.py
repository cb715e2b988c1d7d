"""Plain answers of Cohere: every recorded one is read, and written for all clients."""

import json
from typing import Any

import pytest

from app.dialects import anthropic, cohere, gemini, openai_chat, responses
from app.dialects.cohere_reply import read_usage
from app.domain.faults import FaultError, InBandError
from app.domain.hub import Text, Thought, ToolCall
from app.domain.hub_reply import Finish
from app.domain.usage import NO_USAGE
from dialects.translating import openai_request

USAGE = {"billed_units": {"input_tokens": 33, "output_tokens": 22}, "tokens": {"input_tokens": 1452.0}}


def body(message: dict[str, Any], finish: str = "COMPLETE", **more: Any) -> bytes:
    return json.dumps({"id": "c1", "finish_reason": finish, "message": message, "usage": USAGE, **more}).encode()


def test_every_recorded_answer_is_read_and_written(cohere_exchanges: list[dict[str, Any]]) -> None:
    recorded = [exchange for exchange in cohere_exchanges if exchange["path"] == "/v2/chat"]
    assert len(recorded) >= 3
    for exchange in recorded:
        sent = json.loads(exchange["resp"])
        reply = cohere.read_reply(exchange["resp"].encode())
        choice = reply.choices[0]
        billed = sent["usage"]["billed_units"]
        assert (reply.usage.input, reply.usage.output) == (billed["input_tokens"], billed["output_tokens"])
        words = [part["text"] for part in sent["message"].get("content", [])]
        assert [part.text for part in choice.parts if isinstance(part, Text)] == words
        calls = [part for part in choice.parts if isinstance(part, ToolCall)]
        told = sent["message"].get("tool_calls", [])
        assert [(call.id, call.name, call.arguments) for call in calls] == [
            (call["id"], call["function"]["name"], call["function"]["arguments"]) for call in told
        ]
        assert choice.finish is (Finish.TOOL_CALLS if told else Finish.STOP)
        for client in (openai_chat, anthropic, gemini, responses):
            assert json.loads(client.write_reply(reply, openai_request()))


def test_thoughts_words_plan_and_calls() -> None:
    content = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So."}]
    calls = [{"type": "function", "function": {"name": "look"}}]
    reply = cohere.read_reply(body({"content": content, "tool_plan": "I look.", "tool_calls": calls}, "TOOL_CALL"))
    thought, plan = Thought("Hm.", origin="cohere"), Thought("I look.", origin="cohere")
    assert reply.choices[0].parts == (thought, Text("So."), plan, ToolCall("call_0", "look", ""))


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("COMPLETE", Finish.STOP),
        ("STOP_SEQUENCE", Finish.STOP_SEQUENCE),
        ("MAX_TOKENS", Finish.LENGTH),
        ("ERROR_TOXIC", Finish.FILTER),
        ("TOOL_CALL", Finish.STOP),  # without any call
        ("NEVER_HEARD_OF", Finish.STOP),
    ],
)
def test_finish_reasons(word: str, finish: Finish) -> None:
    assert cohere.read_reply(body({"content": "x"}, word)).choices[0].finish is finish


def test_an_answer_that_failed_is_an_error() -> None:
    for reply in (body({"content": "half"}, "ERROR"), body({}, "TIMEOUT"), b'{"message":"no such model"}'):
        with pytest.raises(InBandError):
            cohere.read_reply(reply)
    for reply in (b"<html>", b"[]", b"{}"):
        with pytest.raises(FaultError):
            cohere.read_reply(reply)


def test_what_is_billed_counts_else_all_tokens() -> None:
    assert read_usage(USAGE).input == 33
    usage = read_usage({"tokens": {"input_tokens": 100.0, "output_tokens": 5}, "cached_tokens": 80})
    assert (usage.fresh_input, usage.cache_read, usage.output) == (20, 80, 5)
    assert read_usage({}) is read_usage(None) is NO_USAGE


def test_sources_have_the_address_of_their_document() -> None:
    document = {"type": "document", "id": "d", "document": {"url": "https://a.example", "title": "A"}}
    cited = {"start": 0, "end": 2, "text": "So", "sources": [{"type": "tool", "tool_output": {}}, document]}
    citations = cohere.read_reply(body({"content": "So.", "citations": [cited, {"sources": []}]})).choices[0].citations
    assert [(one.url, one.title) for one in citations] == [("https://a.example", "A"), ("", "")]
    assert citations[0].value == cited
