"""The rules of Anthropic's turns: order, joining, blanks, ids, pictures, cache marks."""

import base64
from typing import Any

import pytest

from app.dialects import anthropic
from app.dialects.anthropic_blocks import limit_marks, safe_id
from app.domain.faults import FaultError
from dialects.translating import openai_request, to_anthropic


def tool_call(call_id: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": arguments}}


def result(call_id: str, content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_results_are_merged_into_one_turn_before_what_the_user_says() -> None:
    user = {"role": "user", "content": "Go on."}
    assistant = {"role": "assistant", "content": " ", "tool_calls": [tool_call("a"), tool_call("b", "")]}
    turns = to_anthropic(messages=[{"role": "user", "content": "Hi"}, assistant, result("a"), user, result("b")])
    assert [turn["role"] for turn in turns["messages"]] == ["user", "assistant", "user"]
    assert turns["messages"][1]["content"] == [
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        {"type": "tool_use", "id": "b", "name": "f", "input": {}},
    ]
    assert [b["type"] for b in turns["messages"][2]["content"]] == ["tool_result", "tool_result", "text"]


def test_the_first_turn_is_the_users() -> None:
    turns = to_anthropic(messages=[{"role": "assistant", "content": "Hello."}])["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]


def test_a_request_of_instructions_only_is_said_by_the_user() -> None:
    body = to_anthropic(messages=[{"role": "system", "content": "Write a poem."}])
    assert body["messages"] == [{"role": "user", "content": "Write a poem."}]
    assert "system" not in body


def test_an_instruction_in_the_middle_stays_in_its_place() -> None:
    body = to_anthropic(
        messages=[
            {"role": "system", "content": "A"},
            {"role": "developer", "content": "B"},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Yes"},
            {"role": "system", "content": "C"},
        ]
    )
    assert [block["text"] for block in body["system"]] == ["A", "B"]
    assert body["messages"][2] == {"role": "user", "content": "<system>\nC\n</system>"}


def test_a_prefill_has_no_blank_at_its_end() -> None:
    prefill = {"role": "assistant", "content": "{ \n"}
    turns = to_anthropic(messages=[{"role": "user", "content": "JSON"}, prefill])["messages"]
    assert turns[-1]["content"] == "{"


@pytest.mark.parametrize("arguments", ['{"a"', "[1]", "words"])
def test_arguments_that_are_no_object_are_kept_raw(arguments: str) -> None:
    turns = to_anthropic(messages=[{"role": "assistant", "content": None, "tool_calls": [tool_call("a", arguments)]}])
    assert turns["messages"][1]["content"][0]["input"] == {"_raw": arguments}


def test_ids_fit_anthropics_pattern_and_stay_the_same() -> None:
    assert safe_id("toolu_01-a") == "toolu_01-a"
    assert safe_id("functions.f:0") == safe_id("functions.f:0") != safe_id("functions.f_0")
    turns = to_anthropic(messages=[{"role": "assistant", "tool_calls": [tool_call("a:b")]}, result("a:b")])["messages"]
    assert turns[1]["content"][0]["id"] == turns[2]["content"][0]["tool_use_id"] == safe_id("a:b")


def test_pictures_and_files() -> None:
    text = base64.b64encode(b"words").decode()
    parts = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "high"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": f"data:text/plain;base64,{text}"}},
    ]
    written = anthropic.write_request(openai_request(messages=[{"role": "user", "content": parts}]), "claude")
    assert written.dropped == ("detail",)
    content = to_anthropic(messages=[{"role": "user", "content": parts}])["messages"][0]["content"]
    assert [block["source"] for block in content] == [
        {"type": "base64", "media_type": "image/png", "data": "QUJD"},
        {"type": "url", "url": "https://x/y.png"},
        {"type": "base64", "media_type": "application/pdf", "data": "QUJD"},
        {"type": "text", "media_type": "text/plain", "data": "words"},
    ]
    assert content[2]["title"] == "a.pdf"


def test_a_picture_in_a_tool_result() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    turns = to_anthropic(messages=[{"role": "assistant", "tool_calls": [tool_call("a")]}, result("a", [image])])
    assert turns["messages"][2]["content"][0]["content"][0]["type"] == "image"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "QQ", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "data:application/zip;base64,QUJD"}},
        {"type": "video_url", "video_url": {"url": "https://x"}},
    ],
)
def test_what_anthropic_has_no_word_for_is_refused_never_silent(part: dict[str, Any]) -> None:
    with pytest.raises(FaultError, match="cannot be said"):
        to_anthropic(messages=[{"role": "user", "content": [part]}])


def test_at_most_four_cache_marks_with_their_ttl() -> None:
    marks = [{"type": "text", "text": str(n), "cache_control": {"type": "ephemeral", "ttl": "1h"}} for n in range(7)]
    body = to_anthropic(messages=[{"role": "user", "content": marks}])
    kept = [block["text"] for block in body["messages"][0]["content"] if "cache_control" in block]
    assert kept == ["0", "1", "5", "6"]
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert not limit_marks([], [], [])


def test_thoughts_of_others_do_not_come_back() -> None:
    request = openai_request(messages=[{"role": "assistant", "content": "a", "reasoning_content": "Hm."}])
    written = anthropic.write_request(request, "claude")
    assert b"Hm." not in written.body
    assert "reasoning_content" in written.dropped
    detail = {"type": "reasoning.text", "text": "Hm.", "signature": "S", "format": "anthropic-claude-v1"}
    body = to_anthropic(messages=[{"role": "assistant", "content": "a", "reasoning_details": [detail]}])
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm.", "signature": "S"}
