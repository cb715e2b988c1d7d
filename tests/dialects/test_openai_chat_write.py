"""Hub requests as OpenAI chat: Anthropic clients with OpenAI providers, and cousins' quirks."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from app.dialects import gemini, openai_chat
from app.dialects.openai_chat import Quirks
from app.dialects.openai_chat_write import write_detail
from app.domain.faults import FaultError
from app.domain.hub import Sampling, Thought
from app.providers.catalog import CATALOG
from dialects.translating import anthropic_request, openai_request, to_openai

PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}


def test_system_tools_and_limits() -> None:
    body = to_openai(
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        tools=[{"name": "f", "description": "d", "input_schema": {"type": "object", "$defs": {"x": {}}}}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        stop_sequences=["END"],
        stream=True,
        metadata={"user_id": "u"},
    )
    assert body == {
        "model": "gpt",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": {"type": "object", "$defs": {"x": {}}}},
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "stop": ["END"],
        "max_tokens": 100,
        "user": "u",
    }


def test_tool_results_come_first_and_their_pictures_behind_them() -> None:
    results = [
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "seen"}, PNG]},
        {"type": "tool_result", "tool_use_id": "b", "is_error": True, "content": "no such file"},
        {"type": "text", "text": "Go on."},
    ]
    calls = [{"type": "tool_use", "id": i, "name": "f", "input": {}} for i in ("a", "b")]
    messages = to_openai(messages=[{"role": "assistant", "content": calls}, {"role": "user", "content": results}])
    assert [m["role"] for m in messages["messages"]] == ["assistant", "tool", "tool", "user", "user"]
    assert messages["messages"][1]["content"] == "seen"
    assert messages["messages"][2]["content"] == "Error: no such file"
    assert messages["messages"][3]["content"][0]["image_url"]["url"] == "data:image/png;base64,QUJD"


def test_arguments_keep_their_bytes() -> None:
    body = (
        b'{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a",'
        b'"name":"f","input":{"b": 123456789012345678901234567890, "a": "\\u00e9"}}]}]}'
    )
    written = openai_chat.write_request(openai_chat_side(body), "gpt").body
    call = json.loads(written)["messages"][0]["tool_calls"][0]
    assert call["function"]["arguments"] == '{"b": 123456789012345678901234567890, "a": "\\u00e9"}'


QUIRKS = {row.id: row.cousin for row in CATALOG}


def openai_chat_side(body: bytes) -> Any:
    from app.dialects import anthropic

    return anthropic.read_request(body)


def test_thinking_becomes_effort_and_thoughts_go_where_the_cousin_wants_them() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "S"}
    request = anthropic_request(
        thinking={"type": "enabled", "budget_tokens": 31999},
        messages=[{"role": "assistant", "content": [thinking, {"type": "text", "text": "a"}]}],
    )
    plain = openai_chat.write_request(request, "gpt")
    assert json.loads(plain.body)["reasoning_effort"] == "high"
    assert "thinking" in plain.dropped
    for kind, name in (("deepseek", "reasoning_content"), ("groq", "reasoning")):
        body = json.loads(openai_chat.write_request(request, "m", QUIRKS[kind]).body)
        assert body["messages"][0][name] == "Hm."
    detail = json.loads(openai_chat.write_request(request, "m", QUIRKS["openrouter"]).body)["messages"][0]
    assert detail["reasoning_details"][0]["signature"] == "S"
    assert detail["reasoning_details"][0]["format"] == "anthropic-claude-v1"


def test_quirks_are_data() -> None:
    request = anthropic_request(top_k=5, system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}])
    plain = openai_chat.write_request(request, "gpt")
    assert plain.dropped == ("cache_control", "top_k")
    written = json.loads(openai_chat.write_request(request, "m", Quirks("limit", top_k=True, cache_marks=True)).body)
    assert (written["limit"], written["top_k"]) == (100, 5)
    assert written["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_odds_are_left_out_and_named_since_no_other_dialect_gets_them_back() -> None:
    asked = b'{"contents":[{"parts":[{"text":"Hi"}]}],"generationConfig":{"responseLogprobs":true,"logprobs":3}}'
    written = openai_chat.write_request(gemini.read_request(asked), "gpt")
    assert written.dropped == ("logprobs", "top_logprobs")
    assert b"logprobs" not in written.body


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "a", "name": "web_search", "input": {}},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}},
    ],
)
def test_what_openai_has_no_word_for_is_refused_never_silent(block: dict[str, Any]) -> None:
    with pytest.raises(FaultError, match="cannot be said"):
        to_openai(messages=[{"role": "user", "content": [block]}])


TWO = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


@pytest.mark.parametrize("kind", ["deepseek", "groq", "openai", "openrouter"])
def test_texts_alone_are_one_string_in_every_role(kind: str) -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    results = [
        {"type": "tool_result", "tool_use_id": "c", "content": TWO},
        {"type": "tool_result", "tool_use_id": "c", "content": TWO, "is_error": True},
    ]
    words = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "w"}}
    request = anthropic_request(
        system=TWO,
        messages=[
            {"role": "user", "content": [*TWO, words]},
            {"role": "assistant", "content": [*TWO, call]},
            {"role": "user", "content": [*results, *TWO]},
        ],
    )
    told = json.loads(openai_chat.write_request(request, "m", QUIRKS[kind]).body)["messages"]
    assert [(message["role"], message["content"]) for message in told] == [
        ("system", "a\n\nb"),
        ("user", "a\n\nb\n\nw"),
        ("assistant", "ab"),
        ("tool", "a\n\nb"),
        ("tool", "Error: a\n\nb"),
        ("user", "a\n\nb"),
    ]


def test_texts_stay_apart_beside_a_picture_for_ones_own_and_with_cache_marks() -> None:
    apart = [*TWO, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]
    assert to_openai(messages=[{"role": "user", "content": [*TWO, PNG]}])["messages"][0]["content"] == apart
    own = json.loads(openai_chat.write_request(openai_request(messages=[{"role": "user", "content": TWO}]), "m").body)
    assert own["messages"][0]["content"] == TWO
    marked = [TWO[0], TWO[1] | {"cache_control": {"type": "ephemeral"}}]
    for kind, content in (("openrouter", marked), ("deepseek", "a\n\nb")):
        written = openai_chat.write_request(anthropic_request(system=marked), "m", QUIRKS[kind])
        assert json.loads(written.body)["messages"][0]["content"] == content


def test_documents() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}}
    words = {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "w"}}
    content = to_openai(messages=[{"role": "user", "content": [pdf, words]}])["messages"][0]["content"]
    assert content[0]["file"] == {"filename": "document.pdf", "file_data": "data:application/pdf;base64,QUJD"}
    assert content[1] == {"type": "text", "text": "T\n\nw"}


def test_fields_of_one_dialect_are_named_when_left_out() -> None:
    written = openai_chat.write_request(anthropic_request(service_tier="auto"), "gpt")
    assert written.dropped == ("service_tier",)
    assert openai_chat.write_request(openai_request(store=False), "gpt").dropped == ()


@pytest.mark.parametrize(("kind", "warmest"), [("zhipu", 1.0), ("moonshot", 1.0), ("mistral", 1.5), ("openai", 2.0)])
def test_a_temperature_is_brought_into_the_provider_s_range_and_named(kind: str, warmest: float) -> None:
    for asked, dropped in ((2.5, ("temperature",)), (0.7, ())):
        written = openai_chat.write_request(anthropic_request(temperature=asked), "m", QUIRKS[kind])
        assert json.loads(written.body)["temperature"] == min(asked, warmest)
        assert written.dropped == dropped


def test_ids_of_calls_are_nine_letters_and_digits_where_that_is_wanted() -> None:
    call = {"type": "tool_use", "id": "toolu_01A", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_01A", "content": "42"}
    words = {"type": "text", "text": "Go on."}
    request = anthropic_request(
        messages=[{"role": "assistant", "content": [call]}, {"role": "user", "content": [result, words]}]
    )
    answer, told, between, said = json.loads(openai_chat.write_request(request, "m", QUIRKS["mistral"]).body)[
        "messages"
    ]
    call_id = answer["tool_calls"][0]["id"]
    assert re.fullmatch("[a-zA-Z0-9]{9}", call_id)
    assert told["tool_call_id"] == call_id
    assert (between["role"], said) == ("assistant", {"role": "user", "content": "Go on."})
    plain = json.loads(openai_chat.write_request(request, "m").body)["messages"]
    assert [message["role"] for message in plain] == ["assistant", "tool", "user"]
    assert plain[1]["tool_call_id"] == "toolu_01A"


MARK = {"cache_control": {"type": "ephemeral"}}
MARKED_RESULTS: list[tuple[dict[str, Any], Any, Any]] = [
    ({"content": "big"}, [{"type": "text", "text": "big", **MARK}], "big"),
    ({"content": "no", "is_error": True}, [{"type": "text", "text": "Error: no", **MARK}], "Error: no"),
    ({"content": TWO}, [TWO[0], TWO[1] | MARK], "a\n\nb"),
    ({"content": []}, "", ""),
]


@pytest.mark.parametrize(("result", "marked", "plain"), MARKED_RESULTS)
def test_the_mark_of_a_result_is_at_its_last_words_or_named(result: dict[str, Any], marked: Any, plain: Any) -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    sent = {"type": "tool_result", "tool_use_id": "a", **result, **MARK}
    request = anthropic_request(
        messages=[{"role": "assistant", "content": [call]}, {"role": "user", "content": [sent]}]
    )
    for kind, content in (("openrouter", marked), ("openai", plain)):
        written = openai_chat.write_request(request, "m", QUIRKS[kind])
        assert json.loads(written.body)["messages"][1]["content"] == content
        assert written.dropped == (() if isinstance(content, list) else ("cache_control",))


def test_the_mark_of_a_call_has_no_place_and_is_named() -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {}, **MARK}
    request = anthropic_request(messages=[{"role": "assistant", "content": [call]}])
    for kind in ("openrouter", "openai"):
        assert openai_chat.write_request(request, "m", QUIRKS[kind]).dropped == ("cache_control",)


@pytest.mark.parametrize("more", [[], [{"type": "text", "text": "Go on."}]])
def test_an_answer_stands_between_a_result_and_its_picture_too_where_that_is_wanted(more: list[dict[str, Any]]) -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "seen"}, PNG]}
    turns = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result, *more]}]
    request = anthropic_request(messages=turns)
    for kind, between in (("mistral", ["assistant"]), ("groq", [])):
        told = json.loads(openai_chat.write_request(request, "m", QUIRKS[kind]).body)["messages"]
        roles = [message["role"] for message in told]
        assert roles == ["assistant", "tool", *between, "user", *(["user"] if more else [])]


def test_ids_of_calls_have_at_most_40_characters_and_those_of_ones_own_stay() -> None:
    call_id = "chatcmpl-tool-0123456789abcdef0123456789abcdef"
    call = {"type": "tool_use", "id": call_id, "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": call_id, "content": "42"}
    said, told = to_openai(messages=[{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}])[
        "messages"
    ]
    assert said["tool_calls"][0]["id"] == told["tool_call_id"]
    assert len(told["tool_call_id"]) == 40
    own = {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    request = openai_request(messages=[{"role": "assistant", "content": None, "tool_calls": [own]}])
    written = json.loads(openai_chat.write_request(request, "m").body)
    assert written["messages"][0]["tool_calls"][0]["id"] == call_id


@pytest.mark.parametrize("length", [64, 65])
def test_the_name_of_a_user_has_at_most_64_characters(length: int) -> None:
    user = "u" * length
    sent = to_openai(metadata={"user_id": user})["user"]
    assert len(sent) == 64
    assert (sent == user) is (length == 64)
    assert json.loads(openai_chat.write_request(openai_request(user=user), "m").body)["user"] == user


def test_a_seed_goes_by_the_name_the_cousin_has_for_it() -> None:
    request = replace(anthropic_request(), sampling=Sampling(seed=7))
    assert json.loads(openai_chat.write_request(request, "m", QUIRKS["mistral"]).body)["random_seed"] == 7
    assert json.loads(openai_chat.write_request(request, "m").body)["seed"] == 7


def test_a_cousin_that_wants_thoughts_with_calls_gets_them_even_empty() -> None:
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    request = anthropic_request(
        messages=[
            {"role": "assistant", "content": [thinking, call]},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": "Words."},
        ]
    )
    told = json.loads(openai_chat.write_request(request, "m", QUIRKS["deepseek"]).body)["messages"]
    assert [message.get("reasoning_content") for message in told if message["role"] == "assistant"] == ["Hm.", "", None]


def test_a_signature_goes_to_geminis_models_only() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"}}}]},
    ]
    chat = gemini.read_request(json.dumps({"contents": contents}).encode())
    signed = {"google": {"thought_signature": "c2ln"}}
    for model, extra in (("gpt-5", None), ("google/gemini-3-flash", signed)):
        written = openai_chat.write_request(chat, model)
        (call,) = json.loads(written.body)["messages"][1]["tool_calls"]
        assert call.get("extra_content") == extra


@pytest.mark.parametrize(
    ("kind", "budget", "word"),
    [("mistral", 31999, "high"), ("groq", 40000, "high"), ("xai", 9000, "medium"), ("openai", 40000, "xhigh")],
)
def test_effort_in_the_cousins_own_words(kind: str, budget: int, word: str) -> None:
    request = anthropic_request(thinking={"type": "enabled", "budget_tokens": budget})
    assert json.loads(openai_chat.write_request(request, "m", QUIRKS[kind]).body)["reasoning_effort"] == word
    off = anthropic_request(thinking={"type": "disabled"})
    written = openai_chat.write_request(off, "m", QUIRKS[kind])
    told = json.loads(written.body).get("reasoning_effort")
    assert told == "none" if kind in ("mistral", "openai") else written.dropped == ("reasoning_effort",)


def test_recorded_reasoning_details_come_back_as_they_were(exchanges: list[dict[str, Any]]) -> None:
    seen = 0
    for exchange in exchanges:
        if exchange["provider"] != "openrouter" or exchange["status"] != 200 or "stream" in exchange["kinds"]:
            continue
        details = json.loads(exchange["resp"])["choices"][0].get("message", {}).get("reasoning_details")
        if not details:
            continue
        parts = openai_chat.read_reply(exchange["resp"].encode()).choices[0].parts
        thoughts = [part for part in parts if isinstance(part, Thought)]
        for at, (sent, thought) in enumerate(zip(details, thoughts, strict=True)):
            told = write_detail(thought, at)
            for said in (told, sent):
                said.pop("index")  # which counts the pieces of one item as one, or does not
            assert {key: value for key, value in told.items() if value} == {
                key: value for key, value in sent.items() if value and value != "unknown"
            }
            seen += 1
    assert seen >= 10
