"""Plain answers of Gemini: every recorded one is read, and written for all clients."""

import json
from typing import Any

import pytest

from app.dialects import anthropic, gemini, openai_chat
from app.domain.faults import FaultError, InBandError
from app.domain.hub import Image, Opaque, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Citation, Finish
from app.domain.usage import Usage
from dialects.translating import anthropic_request, gemini_request, openai_request

BROKEN = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")


def body(*parts: dict[str, Any], finish: str = "STOP", **more: Any) -> bytes:
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish}
    return json.dumps({"candidates": [candidate], "responseId": "R", **more}).encode()


def test_every_recorded_answer_is_read_and_written(gemini_exchanges: list[dict[str, Any]]) -> None:
    count = 0
    for exchange in gemini_exchanges:
        sent = json.loads(exchange["resp"]) if "stream" not in exchange["kinds"] else {}
        if "candidates" not in sent:
            continue
        if sent["candidates"][0].get("finishReason") in BROKEN:
            with pytest.raises(InBandError):
                gemini.read_reply(exchange["resp"].encode())
            continue
        read = gemini.read_reply(exchange["resp"].encode())
        check_usage(read.usage, sent["usageMetadata"])
        parts = sent["candidates"][0].get("content", {}).get("parts", [])
        wanted = [p["functionCall"]["args"] for p in parts if "functionCall" in p]
        calls = [part for part in read.choices[0].parts if isinstance(part, ToolCall)]
        assert [json.loads(call.arguments) for call in calls] == wanted
        words = "".join(p["text"] for p in parts if "text" in p and not p.get("thought"))
        finish = "tool_calls" if wanted else "stop"
        message = json.loads(openai_chat.write_reply(read, openai_request()))["choices"][0]
        assert [json.loads(c["function"]["arguments"]) for c in message["message"].get("tool_calls", [])] == wanted
        assert (message["message"]["content"] or "") == words
        if sent["candidates"][0].get("finishReason", "STOP") == "STOP":
            assert message["finish_reason"] == finish
        blocks = json.loads(anthropic.write_reply(read, anthropic_request()))["content"]
        assert [b["input"] for b in blocks if b["type"] == "tool_use"] == wanted
        back = json.loads(gemini.write_reply(read, gemini_request()))["candidates"][0]["content"]["parts"]
        assert [p["functionCall"]["args"] for p in back if "functionCall" in p] == wanted
        count += 1
    assert count > 170


def check_usage(usage: Usage, sent: dict[str, Any]) -> None:
    thoughts = sent.get("thoughtsTokenCount", 0)
    assert usage.input == sent["promptTokenCount"] + sent.get("toolUsePromptTokenCount", 0)
    assert (usage.output or 0) == sent.get("candidatesTokenCount", 0) + thoughts
    assert (usage.reasoning or 0) == thoughts
    assert (usage.input or 0) + (usage.output or 0) == sent["totalTokenCount"]


def test_calls_without_ids_get_stable_ones_and_stop_means_tool_calls() -> None:
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "S"}
    read = gemini.read_reply(body({"text": "Hm", "thought": True}, call, call)).choices[0]
    assert read.finish is Finish.TOOL_CALLS
    assert read.parts == (
        Thought("Hm", origin="gemini"),
        ToolCall("call_gemini_R_0_1", "f", "{}", signature="S"),
        ToolCall("call_gemini_R_0_2", "f", "{}", signature="S"),
    )


def test_pictures_are_read_but_for_those_of_thoughts() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "-_AA"}}
    draft = picture | {"thought": True}
    parts = gemini.read_reply(body(picture | {"thoughtSignature": "S"}, draft)).choices[0].parts
    assert parts[:2] == (Image(data="+/AA", media_type="image/png"), Thought(signature="S", origin="gemini"))
    assert parts[2:] == (Opaque("gemini", draft),)


def test_openai_clients_can_carry_the_signature_of_a_call_and_of_words() -> None:
    call = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "S"}
    read = gemini.read_reply(body({"text": "Hi", "thoughtSignature": "T"}, call))
    message = json.loads(openai_chat.write_reply(read, openai_request()))["choices"][0]["message"]
    assert message["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "S"}}
    history = [message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "1"}]
    written = json.loads(gemini.write_request(openai_request(messages=history), "gemini-3-pro").body)
    parts = next(turn for turn in written["contents"] if turn["role"] == "model")["parts"]
    assert {part.get("thoughtSignature") for part in parts} >= {"S", "T"}


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"])
def test_what_google_withholds_is_filtered(reason: str) -> None:
    assert gemini.read_reply(body(finish=reason)).choices[0].finish is Finish.FILTER


def test_a_refused_prompt_is_filtered() -> None:
    read = gemini.read_reply(b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3}}')
    assert (read.choices[0].finish, read.usage.input) == (Finish.FILTER, 3)
    message = json.loads(openai_chat.write_reply(read, openai_request()))["choices"][0]
    assert message["finish_reason"] == "content_filter"


@pytest.mark.parametrize("reason", BROKEN)
def test_a_malformed_call_is_an_error_never_a_stop(reason: str) -> None:
    with pytest.raises(InBandError, match=reason):
        gemini.read_reply(body(finish=reason))


def test_errors() -> None:
    for sent in (b'{"error":{"code":503,"message":"x"}}', b'[{"error":{"code":503,"message":"x"}}]'):
        with pytest.raises(InBandError):
            gemini.read_reply(sent)
    for sent in (b"<html>", b"[]", b'{"candidates":[]}'):
        with pytest.raises(FaultError):
            gemini.read_reply(sent)


def test_parts_of_its_own_and_sources() -> None:
    code = {"executableCode": {"code": "1", "language": "PYTHON"}}
    grounding = {"groundingChunks": [{"web": {"uri": "https://x", "title": "X"}}]}
    sent = json.loads(body(code, {"text": "a"}))
    sent["candidates"][0]["groundingMetadata"] = grounding
    choice = gemini.read_reply(json.dumps(sent).encode()).choices[0]
    assert choice.parts == (Opaque("gemini", code), Text("a"))
    assert (choice.citations[0].url, choice.citations[0].title) == ("https://x", "X")


def test_what_gemini_clients_get() -> None:
    parts = (Thought("Hm", "A", origin="anthropic"), Text("a"), ToolCall("t1", "f", '{"x": 1}'))
    usage = Usage(fresh_input=7, cache_read=3, output=9, reasoning=4)
    reply = ChatReply("id", "gpt", (Choice(parts, Finish.TOOL_CALLS),), usage)
    back = json.loads(gemini.write_reply(reply, gemini_request()))
    assert back["candidates"][0]["content"]["parts"] == [
        {"text": "a"},
        {"functionCall": {"id": "t1", "name": "f", "args": {"x": 1}}},
    ]
    assert back["candidates"][0]["finishReason"] == "STOP"
    assert back["usageMetadata"] == {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 3,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 4,
        "totalTokenCount": 19,
    }
    shown = gemini_request(generationConfig={"thinkingConfig": {"includeThoughts": True}})
    first = json.loads(gemini.write_reply(reply, shown))["candidates"][0]["content"]["parts"][0]
    assert first == {"text": "Hm", "thought": True}


def test_sources_of_another_dialect_become_grounding() -> None:
    cited = (Citation("perplexity", {}, "https://a.example", "A"), Citation("perplexity", {}, "https://b.example"))
    cited += (Citation("anthropic", {"type": "char_location"}),)
    reply = ChatReply("R", "m", (Choice((Text("x"),), Finish.STOP, citations=cited),))
    candidate = json.loads(gemini.write_reply(reply, openai_request()))["candidates"][0]
    assert candidate["groundingMetadata"]["groundingChunks"] == [
        {"web": {"uri": "https://a.example", "title": "A"}},
        {"web": {"uri": "https://b.example", "title": "https://b.example"}},
    ]
