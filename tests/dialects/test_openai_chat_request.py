"""OpenAI chat requests into the hub, and the identity of a round trip on everything recorded."""

import json
from typing import Any

import pytest

from app.dialects import openai_chat
from app.domain.faults import FaultError
from app.domain.hub import Audio, ChoiceMode, Document, Image, Opaque, Role, Shape, Text, Thought, ToolCall, ToolResult
from dialects.translating import openai_request

EMPTY = (
    ("description", ""),
    ("reasoning_content", ""),
    ("stream", False),
    ("tools", []),
    ("content", ""),
    ("content", []),
)


def same(value: Any) -> Any:
    """What a request says, without the spellings that mean the same."""
    if isinstance(value, list):
        return [same(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {key: same(item) for key, item in value.items() if item is not None and key != "stream_options"}
    match out:
        case {"content": [{"type": "text", "text": text, **rest}]} if not rest:
            out["content"] = text
        case {"stop": str(text)}:
            out["stop"] = [text]
        case {"function": _}:
            out.setdefault("type", "function")
    if out.get("tool_choice") == "any":
        out["tool_choice"] = "required"
    return {key: item for key, item in out.items() if (key, item) not in EMPTY}


def test_a_round_trip_says_the_same_for_every_recorded_request(exchanges: list[dict[str, Any]]) -> None:
    sent = [e["req"] for e in exchanges if e["path"].endswith("chat/completions") and isinstance(e["req"], dict)]
    assert len(sent) > 200
    for body in sent:
        written = openai_chat.write_request(openai_chat.read_request(json.dumps(body).encode()), body["model"])
        assert same(json.loads(written.body)) == same(body)
        assert written.dropped == ()


def test_a_stop_string_becomes_a_list() -> None:
    assert openai_request(stop="END").sampling.stop == ("END",)


def test_the_newer_name_of_the_limit_wins() -> None:
    assert openai_request(max_tokens=1, max_completion_tokens=2).sampling.max_output == 2


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
            Image(data="QUJD", media_type="image/png", detail="low"),
        ),
        ({"type": "image_url", "image_url": "https://x/y.png"}, Image(url="https://x/y.png")),
        ({"type": "input_audio", "input_audio": {"data": "QQ", "format": "wav"}}, Audio("QQ", "wav")),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            Document(data="QUJD", media_type="application/pdf", name="a.pdf"),
        ),
        ({"type": "video_url", "video_url": {}}, Opaque("openai", {"type": "video_url", "video_url": {}})),
    ],
)
def test_every_part_has_its_place_and_unknown_ones_are_kept(part: dict[str, Any], read: object) -> None:
    assert openai_request(messages=[{"role": "user", "content": [part]}]).messages[0].parts == (read,)


def test_a_tool_turn() -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"n":1}'}}]
    request = openai_request(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "assistant", "content": None, "tool_calls": calls, "reasoning_content": "Hm."},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "ok"}]},
        ]
    )
    assert [m.role for m in request.messages] == [Role.DEVELOPER, Role.ASSISTANT, Role.TOOL]
    assert request.messages[1].parts == (Thought("Hm."), ToolCall("a", "f", '{"n":1}'))
    assert request.messages[2].parts == (ToolResult("a", (Text("ok"),)),)


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        ("none", ChoiceMode.NONE, ()),
        ("any", ChoiceMode.REQUIRED, ()),
        ({"type": "function", "function": {"name": "f"}}, ChoiceMode.REQUIRED, ("f",)),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            ChoiceMode.AUTO,
            ("f",),
        ),
    ],
)
def test_tool_choice(choice: object, mode: ChoiceMode, names: tuple[str, ...]) -> None:
    read = openai_request(tool_choice=choice).tool_choice
    assert (read.mode, read.names) == (mode, names)


def test_the_form_of_the_answer() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": {"$defs": {}}}}
    read = openai_request(response_format=form).format
    assert read is not None
    assert (read.shape, read.name, read.strict, read.schema) == (Shape.SCHEMA, "n", True, {"$defs": {}})


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "user", "content": 5}]},
        {"messages": [{"role": "user", "content": [5]}]},
        {"tool_choice": "maybe"},
        {"response_format": {"type": "poem"}},
        {"tools": [{"type": "function", "function": {}}]},
        {"temperature": "hot"},
    ],
)
def test_nonsense_is_refused_by_name(body: dict[str, Any]) -> None:
    with pytest.raises(FaultError) as refused:
        openai_request(**body)
    assert refused.value.fault.param
