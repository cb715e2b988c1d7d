"""Plain answers of Anthropic: every recorded one is read, and written for both clients."""

import json
from typing import Any

import pytest

from app.dialects import anthropic, openai_chat
from app.domain.faults import FaultError, InBandError
from app.domain.hub import Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Finish
from app.domain.usage import Usage
from dialects.translating import anthropic_request, openai_request


def test_every_recorded_answer_is_read_and_written(anthropic_exchanges: list[dict[str, Any]]) -> None:
    count = 0
    for exchange in anthropic_exchanges:
        if exchange["status"] != 200 or "stream" in exchange["kinds"]:
            continue
        sent = json.loads(exchange["resp"])
        read = anthropic.read_reply(exchange["resp"].encode())
        usage = sent["usage"]
        assert read.usage.input == sum(usage[k] for k in usage if k.endswith("input_tokens"))
        back = json.loads(anthropic.write_reply(read, anthropic_request()))
        wanted = [{k: v for k, v in b.items() if k not in ("caller", "citations")} for b in sent["content"]]
        given = [{k: v for k, v in b.items() if k not in ("caller", "citations")} for b in back["content"]]
        assert given == [b for b in wanted if b.get("text", "x")]
        assert (back["stop_reason"], back["stop_sequence"]) == (sent["stop_reason"], sent["stop_sequence"])
        message = json.loads(openai_chat.write_reply(read, openai_request()))["choices"][0]
        calls = [json.loads(c["function"]["arguments"]) for c in message["message"].get("tool_calls", [])]
        assert calls == [b["input"] for b in sent["content"] if b["type"] == "tool_use"]
        count += 1
    assert count > 100


def test_input_keeps_its_bytes() -> None:
    body = b'{"content":[{"type":"tool_use","id":"a","name":"f","input":{"b": 1e2, "a":"\\u00e9"}}]}'
    call = anthropic.read_reply(body).choices[0].parts[0]
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"b": 1e2, "a":"\\u00e9"}'


def test_openai_clients_get_signatures_they_can_send_back() -> None:
    choice = Choice((Thought("Hm.", "S", origin="anthropic"), Text("a")), Finish.STOP)
    reply = ChatReply("msg_1", "c", (choice,), Usage(fresh_input=7, cache_read=20, output=9))
    message = json.loads(openai_chat.write_reply(reply, openai_request()))["choices"][0]["message"]
    assert message["reasoning_content"] == "Hm."
    back = openai_request(messages=[message]).messages[0]
    assert back.parts[0] == Thought("Hm.", "S", origin="anthropic")


def test_foreign_signatures_never_reach_an_anthropic_client() -> None:
    choice = Choice((Thought("Hm.", "G", origin="gemini"), Thought(sealed="X", origin="responses")), Finish.LENGTH)
    back = json.loads(anthropic.write_reply(ChatReply("", "", (choice,)), anthropic_request()))
    assert back["content"] == [{"type": "thinking", "thinking": "Hm.", "signature": ""}]
    assert (back["stop_reason"], back["model"], back["id"]) == ("max_tokens", "m", "msg_0")


def test_errors() -> None:
    with pytest.raises(InBandError):
        anthropic.read_reply(b'{"type":"error","error":{"message":"x"}}')
    for body in (b"<html>", b"[]", b'{"id":"x"}'):
        with pytest.raises(FaultError):
            anthropic.read_reply(body)
