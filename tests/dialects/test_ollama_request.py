"""Requests of Ollama's clients in the hub language, side by side with what a provider of OpenAI's dialect gets."""

import json
from typing import Any

import pytest

from app.dialects import ollama, ollama_generate, openai_chat
from app.domain.faults import FaultError
from app.domain.hub import Image, Role, Text, ToolCall, ToolResult
from dialects.ollama_rig import golden, ollama_request


@pytest.mark.parametrize("case", golden("requests"))
def test_golden(case: dict[str, Any]) -> None:
    request = ollama.read_request(json.dumps(case["ollama"], separators=(",", ":")).encode())
    written = openai_chat.write_request(request, "gpt")
    assert json.loads(written.body) == case["openai"]
    assert sorted(written.dropped) == sorted(case["dropped"])


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"messages": [{"role": "critic"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"format": "xml"}, "format"),
        ({"think": 5}, "think"),
        ({"options": {"temperature": "hot"}}, "temperature"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ],
)
def test_what_cannot_be_read_is_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(FaultError) as refused:
        ollama_request(**more)
    assert refused.value.fault.param == param


def test_arguments_keep_their_bytes() -> None:
    calls = b'[{"function":{"name":"f","arguments":{"n":1.10}}}]'
    body = b'{"model":"m","messages":[{"role":"assistant","tool_calls":%b}]}' % calls
    (call,) = ollama.read_request(body).messages[0].parts
    assert isinstance(call, ToolCall)
    assert call.arguments == '{"n":1.10}'


def test_results_find_their_calls_by_id_by_name_and_by_order() -> None:
    calls = [{"id": "x", "function": {"name": "f"}}, {"function": {"name": "f"}}, {"function": {"name": "g"}}]
    results = [{"role": "tool", "content": "1"}, {"role": "tool", "name": "g", "content": "2"}]
    results += [{"role": "tool", "tool_call_id": "x", "content": "3"}, {"role": "tool", "content": "4"}]
    results.sort(key=lambda turn: "tool_call_id" not in turn)
    read = ollama_request(messages=[{"role": "assistant", "content": "", "tool_calls": calls}, *results])
    found = [part.call_id for message in read.messages for part in message.parts if isinstance(part, ToolResult)]
    assert found == ["x", "call_made_1", "call_made_2", "call_made_3"]


def test_no_limit_is_none() -> None:
    assert ollama_request(options={"num_predict": -1}).sampling.max_output is None
    assert ollama_request(options={"num_predict": 5}).sampling.max_output == 5


def test_a_prompt_is_a_conversation_of_one_turn() -> None:
    body = {"model": "m", "prompt": "What?", "system": "Be brief.", "images": ["iVBORw0"], "options": {"seed": 1}}
    request = ollama_generate.read_request(json.dumps(body).encode())
    assert [message.role for message in request.messages] == [Role.SYSTEM, Role.USER]
    assert request.messages[1].parts == (Text("What?"), Image(data="iVBORw0", media_type="image/png"))
    assert (request.stream, request.sampling.seed) == (True, 1)


@pytest.mark.parametrize("key", ["suffix", "context"])
def test_what_no_chat_model_can_be_told_is_refused(key: str) -> None:
    with pytest.raises(FaultError) as refused:
        ollama_generate.read_request(json.dumps({"model": "m", "prompt": "x", key: ["1"]}).encode())
    assert refused.value.fault.param == key
