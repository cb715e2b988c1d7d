"""Messages of the hub as input items: order, ids, and what stays in a message."""

from typing import Any

from app.dialects.responses_input import Input
from app.domain.hub import ChatRequest, Message, Role, Text, Thought, ToolCall, ToolResult
from dialects.translating import openai_request


def items(*messages: Message) -> list[dict[str, Any]]:
    return Input(ChatRequest("m", messages, "openai"), []).items


def test_words_between_calls_keep_their_place() -> None:
    parts = (Text("a"), ToolCall("1", "f", "{}"), Text("b"), Text("c"), ToolCall("2", "f", "{}"))
    kinds = [item["type"] for item in items(Message(Role.ASSISTANT, parts))]
    assert kinds == ["message", "function_call", "message", "message", "function_call"]


def test_a_thought_without_a_seal_is_left_out_and_named() -> None:
    dropped: list[str] = []
    message = Message(Role.ASSISTANT, (Thought("Hm."), Text("a")))
    assert len(Input(ChatRequest("m", (message,), "openai"), dropped).items) == 1
    assert dropped == ["thinking"]


def test_the_result_of_a_custom_call_says_so() -> None:
    call = Message(Role.ASSISTANT, (ToolCall("1", "patch", "text", custom=True),))
    result = Message(Role.TOOL, (ToolResult("1", (Text("ok"),)),))
    assert [item["type"] for item in items(call, result)] == ["custom_tool_call", "custom_tool_call_output"]


def test_words_behind_a_result_are_the_users() -> None:
    result = Message(Role.TOOL, (ToolResult("1", (Text("ok"),)), Text("and?")))
    assert items(result)[1] == {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "and?"}],
    }


def test_a_failed_result_says_so_once() -> None:
    for said, sent in (("broken", "Error: broken"), ("Error: x", "Error: x")):
        result = ToolResult("1", (Text(said),), is_error=True)
        assert items(Message(Role.TOOL, (result,)))[0]["output"] == sent


def test_a_speakers_name_is_left_out_and_named() -> None:
    dropped: list[str] = []
    Input(openai_request(messages=[{"role": "user", "name": "Ann", "content": "Hi"}]), dropped)
    assert dropped == ["name"]


def test_ids_are_cut_to_64_characters_the_same_for_call_and_result() -> None:
    long = "x" * 80
    call, result = ToolCall(long, "f", "{}"), ToolResult(long, (Text("1"),))
    said, told = items(Message(Role.ASSISTANT, (call,)), Message(Role.TOOL, (result,)))
    assert said["call_id"] == told["call_id"]
    assert len(said["call_id"]) == 64


def test_empty_words_beside_a_call_are_left_out() -> None:
    call = ToolCall("c1", "f", "{}")
    assert [item["type"] for item in items(Message(Role.ASSISTANT, (Text(""), call)))] == ["function_call"]
