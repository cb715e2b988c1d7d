"""Plain answers, written for Ollama's clients and read from an Ollama."""

import json
from typing import Any

import pytest

from app.dialects import ollama, ollama_generate, ollama_reply, openai_chat
from app.domain.faults import FaultError, InBandError
from app.domain.hub import Text, Thought, ToolCall
from app.domain.hub_reply import Finish
from dialects.ollama_rig import golden, ollama_request


@pytest.mark.parametrize("case", golden("replies"))
def test_golden(case: dict[str, Any]) -> None:
    reply = openai_chat.read_reply(json.dumps(case["openai"]).encode())
    assert json.loads(ollama.write_reply(reply, ollama_request())) == case["ollama"]


def test_arguments_keep_their_bytes() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"n": 1.10}'}}
    body = {"choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    written = ollama.write_reply(openai_chat.read_reply(json.dumps(body).encode()), ollama_request())
    assert b'"arguments":{"n": 1.10}' in written


@pytest.mark.parametrize("case", golden("replies"))
def test_what_was_written_is_read_again(case: dict[str, Any]) -> None:
    body = json.dumps(case["ollama"]).encode()
    again = json.loads(ollama.write_reply(ollama.read_reply(body), ollama_request()))
    assert again == case["ollama"]


def test_thoughts_nobody_wants_are_left_out() -> None:
    body = b'{"message":{"role":"assistant","content":"x","thinking":"Hm"},"done":true}'
    reply = ollama.read_reply(body)
    assert reply.choices[0].parts == (Thought("Hm", origin="ollama"), Text("x"))
    assert "thinking" not in json.loads(ollama.write_reply(reply, ollama_request(think=False)))["message"]


def test_a_generated_text() -> None:
    body = b'{"model":"m","response":"x","done":true,"done_reason":"length","eval_count":2}'
    reply = ollama.read_reply(body)
    assert (reply.choices[0].finish, reply.usage.output, reply.usage.input) == (Finish.LENGTH, 2, None)
    written = json.loads(ollama_generate.write_reply(reply, ollama_request()))
    assert (written["response"], written["done_reason"], written["eval_count"]) == ("x", "length", 2)
    assert "message" not in written


def test_calls_without_ids_get_different_ones() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "f", "arguments": {}}}]
    body = json.dumps({"message": {"content": "", "tool_calls": calls}, "done": True}).encode()
    choice = ollama.read_reply(body).choices[0]
    ids = {part.id for part in choice.parts if isinstance(part, ToolCall)}
    assert len(ids) == 2
    assert choice.finish is Finish.TOOL_CALLS


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"message":{"content":5}}'])
def test_nonsense_is_a_bad_reply(body: bytes) -> None:
    with pytest.raises(FaultError):
        ollama.read_reply(body)


def test_an_error_in_spite_of_its_status() -> None:
    with pytest.raises(InBandError):
        ollama.read_reply(b'{"error":"no"}')


def test_times() -> None:
    assert ollama_reply.write_time(5) == "1970-01-01T00:00:05Z"
    assert ollama_reply.write_time(0, lambda: 7.9) == "1970-01-01T00:00:07Z"
    assert ollama_reply.read_time("2024-05-01T10:00:00.123456789Z") == 1714557600
    assert ollama_reply.read_time("soon") == ollama_reply.read_time(None) == 0
