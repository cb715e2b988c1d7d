"""Messages of the hub as Cohere's."""

from typing import Any

import pytest

from app.dialects.cohere_messages import Messages
from app.domain.faults import FaultError
from app.domain.hub import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Role,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)

CALL = ToolCall("look_1", "look", '{"a": 1}')
SENT = {"id": "look_1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}


def sent(*messages: Message, thinks: bool = False) -> tuple[list[dict[str, Any]], list[str]]:
    dropped: list[str] = []
    return Messages(ChatRequest("m", messages, "openai"), dropped, thinks=thinks).out, dropped


def answer(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def test_roles() -> None:
    out, _ = sent(
        Message(Role.SYSTEM, (Text("s"),)),
        Message(Role.DEVELOPER, (Text("d"),)),
        Message(Role.USER, (Text("u"),)),
        answer(Text("a"), Text("b")),
    )
    said = [("system", "s"), ("system", "d"), ("user", "u"), ("assistant", "ab")]
    assert [(m["role"], m["content"]) for m in out] == said


def test_what_a_model_says_beside_its_calls_is_its_plan() -> None:
    assert sent(answer(Text("I look."), CALL))[0] == [
        {"role": "assistant", "tool_plan": "I look.", "tool_calls": [SENT]},
    ]
    assert sent(answer(Thought("I look."), CALL))[0][0]["tool_plan"] == "I look."
    thinking = sent(answer(Thought("Hm."), Text("I look."), CALL), thinks=True)[0][0]
    assert thinking["content"] == [{"type": "thinking", "thinking": "Hm."}]
    assert thinking["tool_plan"] == "I look."
    assert sent(answer(ToolCall("1", "f")))[0][0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_thoughts_without_calls_are_left_out_and_named() -> None:
    out, dropped = sent(answer(Thought("Hm."), Text("Yes")))
    assert out == [{"role": "assistant", "content": "Yes"}]
    assert dropped == ["reasoning_content"]
    assert sent(answer(Text(" ")))[0] == []


def test_results_are_strings_and_pictures_follow() -> None:
    picture = Image(data="QUJD", media_type="image/png")
    results = Message(
        Role.TOOL, (ToolResult("look_1", (Text("42"), picture)), ToolResult("2", (Text("no"),), is_error=True))
    )
    out, _ = sent(results, Message(Role.USER, (Text("And?"),)))
    assert out == [
        {"role": "tool", "tool_call_id": "look_1", "content": "42"},
        {"role": "tool", "tool_call_id": "2", "content": "Error: no"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]},
        {"role": "user", "content": "And?"},
    ]


def test_parts_of_a_users_message() -> None:
    parts = (
        Text("a"),
        Text("b"),
        Text(" "),
        Image(url="https://x/a.png", detail="low"),
        Document(text="words", name="T"),
    )
    assert sent(Message(Role.USER, parts))[0][0]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
        {"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}},
        {"type": "text", "text": "T\n\nwords"},
    ]
    two = sent(Message(Role.USER, (Text("a"), Text("b"))))[0][0]["content"]
    assert two == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


def test_names_are_left_out_and_named() -> None:
    assert sent(Message(Role.USER, (Text("a"),), "Ann")) == ([{"role": "user", "content": "a"}], ["name"])


@pytest.mark.parametrize(
    "part",
    [
        Document(data="QUJD", media_type="application/pdf"),
        Audio("QUJD", "mp3"),
        Image(file_id="f"),
        Opaque("anthropic", {"type": "search_result"}),
    ],
)
def test_what_has_no_place_is_refused(part: Part) -> None:
    with pytest.raises(FaultError, match="cannot be said in the Cohere dialect"):
        sent(Message(Role.USER, (part,)))
    with pytest.raises(FaultError, match="cannot be said in the Cohere dialect"):
        sent(answer(part))
