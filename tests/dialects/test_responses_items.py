"""The input of a Responses request as messages."""

from typing import Any

import pytest

from app.dialects.responses_items import read_input, sealed
from app.domain.faults import FaultError
from app.domain.hub import Document, Image, Message, Refusal, Role, Text, Thought, ToolCall, ToolResult

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"n": 1}'}


def items(*given: dict[str, Any]) -> tuple[Message, ...]:
    return read_input({"input": list(given)})[0]


def test_a_text_and_instructions() -> None:
    assert read_input({"input": "Hi", "instructions": "Be brief."})[0] == (
        Message(Role.SYSTEM, (Text("Be brief."),)),
        Message(Role.USER, (Text("Hi"),)),
    )


def test_one_turn_of_the_model_is_one_message() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "p", "input": "x"}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}]}
    messages = items(
        thought | {"encrypted_content": "E"},
        said,
        CALL,
        custom,
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]},
    )
    assert messages[0].parts == (
        Thought("t", sealed="E", origin="responses", id="rs_1"),
        Text("a"),
        ToolCall("c1", "f", '{"n": 1}'),
        ToolCall("c2", "p", '{"input":"x"}'),
    )
    assert [message.parts[0] for message in messages[1:]] == [
        ToolResult("c1", (Text("1"),)),
        ToolResult("c2", (Text("2"),)),
    ]


def test_roles_and_parts() -> None:
    parts = [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,BBBB", "filename": "f.pdf"},
        {"type": "refusal", "refusal": "no"},
    ]
    user, developer = items({"role": "user", "content": parts}, {"role": "developer", "content": "d"})
    assert user.parts == (
        Image(data="AAAA", media_type="image/png", detail="low"),
        Image(url="https://x/y.png"),
        Document(data="BBBB", media_type="application/pdf", name="f.pdf"),
        Refusal("no"),
    )
    assert developer.role is Role.DEVELOPER


def test_a_foreign_thought_comes_back_whole() -> None:
    thought = Thought("t", signature="S", origin="anthropic", id="rs_1")
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}]}
    (message,) = items(item | {"encrypted_content": sealed(thought)})
    assert message.parts == (thought,)
    assert sealed(Thought("t")) == ""
    assert sealed(Thought(sealed="E", origin="responses")) == "E"
    (broken,) = items(item | {"encrypted_content": "switchtower.?"})
    assert broken.parts[0] == Thought("t", sealed="switchtower.?", origin="responses", id="rs_1")


def test_past_searches_are_left_out_and_named() -> None:
    messages, dropped = read_input(
        {"input": [{"type": "web_search_call", "id": "ws"}, {"role": "user", "content": ""}]}
    )
    assert (len(messages), dropped) == (1, ["input.web_search_call"])
    made = {"type": "image_generation_call", "id": "ig_R_0", "status": "completed", "result": "QUJD"}
    messages, dropped = read_input({"input": [made, {"role": "user", "content": "Larger."}]})
    assert (len(messages), dropped) == (1, ["input.image_generation_call"])


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"type": "item_reference", "id": "x"}, "item itself"),
        ({"type": "computer_call"}, "computer_call"),
        ({"role": "nobody", "content": ""}, "role"),
        ({"role": "user", "content": [{"type": "hologram"}]}, "hologram"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "image_url"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "file_data"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(item: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultError, match=words) as refused:
        items(item)
    assert (refused.value.fault.param or "").startswith("input[0]")
