"""Messages of the hub as Gemini's contents."""

from typing import Any

import pytest

from app.dialects import gemini
from app.domain.faults import FaultError
from dialects.translating import anthropic_request, openai_request, to_gemini

UNSIGNED = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
USER = {"role": "user", "content": "Hi"}


def call(call_id: str, arguments: str = "{}", name: str = "f") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def contents(*messages: dict[str, Any], model: str = "gemini-2.5-flash") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = to_gemini(model, messages=list(messages))["contents"]
    return found


def test_instructions_go_in_front_and_later_ones_stay_in_their_place() -> None:
    body = to_gemini(messages=[{"role": "system", "content": "A"}, USER, {"role": "developer", "content": "B"}, USER])
    assert body["systemInstruction"] == {"parts": [{"text": "A"}]}
    words = [part["text"] for part in body["contents"][0]["parts"]]
    assert words == ["Hi", "<system>\nB\n</system>", "Hi"]
    alone = to_gemini(messages=[{"role": "system", "content": "A"}])
    assert alone["contents"] == [{"role": "user", "parts": [{"text": "A"}]}]
    assert "systemInstruction" not in alone


def test_results_stand_in_the_order_of_their_calls_and_words_behind_them() -> None:
    answer = {"role": "assistant", "content": None, "tool_calls": [call("a", '{"x": 1}'), call("b")]}
    results = [{"role": "tool", "tool_call_id": i, "content": i} for i in ("b", "a")]
    turns = contents(USER, answer, *results, USER)
    assert [turn["role"] for turn in turns] == ["user", "model", "user"]
    assert turns[1]["parts"][0] == {"functionCall": {"name": "f", "args": {"x": 1}}}
    said = [part.get("functionResponse", part) for part in turns[2]["parts"]]
    assert [part["response"]["output"] for part in said[:2]] == ["a", "b"]
    assert said[2] == {"text": "Hi"}
    one = anthropic_request(
        messages=[
            {"role": "assistant", "content": [{"type": "tool_use", "id": i, "name": i, "input": {}} for i in "ab"]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": i, "content": "1"} for i in "ba"]},
        ]
    )
    import json

    written = json.loads(gemini.write_request(one, "m").body)["contents"]
    assert written[0]["role"] == "user"
    assert [part["functionResponse"]["name"] for part in written[2]["parts"]] == ["a", "b"]


def test_results_that_are_objects_stay_objects_and_failures_are_told() -> None:
    request = anthropic_request(
        messages=[
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": "no"}],
            },
        ]
    )
    assert b'{"functionResponse":{"name":"f","response":{"error":"no"}}}' in gemini.write_request(request, "m").body
    answer = {"role": "assistant", "tool_calls": [call("a")]}
    turns = contents(USER, answer, {"role": "tool", "tool_call_id": "a", "content": '{"n": 1}'})
    assert turns[2]["parts"][0]["functionResponse"]["response"] == {"n": 1}


def test_a_result_without_a_call_is_refused() -> None:
    with pytest.raises(FaultError, match="belongs to no call"):
        contents(USER, {"role": "tool", "tool_call_id": "zz", "content": "1"})


def test_the_first_call_of_a_turn_is_signed_for_models_that_need_it() -> None:
    answer = {"role": "assistant", "tool_calls": [call("a"), call("b")]}
    results = [{"role": "tool", "tool_call_id": i, "content": "1"} for i in ("a", "b")]
    parts = contents(USER, answer, *results, model="gemini-3-flash-preview")[1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [UNSIGNED, None]
    assert "thoughtSignature" not in contents(USER, answer, *results)[1]["parts"][0]


def test_arguments_that_are_no_object() -> None:
    answer = {"role": "assistant", "tool_calls": [call("a", ""), call("b", "{half")]}
    parts = contents(USER, answer)[1]["parts"]
    assert [part["functionCall"]["args"] for part in parts] == [{}, {"_raw": "{half"}]


def test_pictures_files_and_sound() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.jpg?z"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
        {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "mp3"}},
    ]
    assert contents({"role": "user", "content": content})[0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://x/y.jpg?z", "mimeType": "image/jpeg"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "BBBB"}},
        {"inlineData": {"mimeType": "audio/mpeg", "data": "CCCC"}},
    ]
    with pytest.raises(FaultError, match="file_id"):
        contents({"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]})


def test_foreign_thoughts_are_left_out_and_named() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "A"}
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [thinking]}]
    written = gemini.write_request(anthropic_request(messages=messages), "m")
    assert written.dropped == ("reasoning_content",)
    assert b"Hm." not in written.body


def test_an_answer_in_front_gets_a_lead_in() -> None:
    turns = contents({"role": "assistant", "content": "Hello"}, USER)
    assert [turn["role"] for turn in turns] == ["user", "model", "user"]
    assert gemini.write_request(openai_request(), "m").dropped == ()
