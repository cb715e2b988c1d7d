"""Typed fields, refusals by name and the arguments of calls."""

from types import ModuleType
from typing import Any

import msgspec
import pytest

from app.dialects import cohere, fields, gemini, ollama, openai_chat, responses
from app.domain.faults import FaultError, FaultKind
from app.domain.hub import ChatRequest, Message, Role
from dialects.translating import anthropic_request


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (fields.text, 1),
        (fields.number, "1"),
        (fields.number, True),
        (fields.integer, 1.5),
        (fields.flag, 1),
        (fields.child, []),
        (fields.objects, [1]),
        (fields.strings, [1]),
    ],
)
def test_a_wrong_type_is_refused_by_name(read: Any, value: object) -> None:
    with pytest.raises(FaultError, match="`x`") as refused:
        read({"x": value}, "x")
    assert refused.value.fault.kind is FaultKind.INVALID_REQUEST
    assert refused.value.fault.param == "x"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "names no `model`"),
        (" ", "names no"),
        ("m" * 513, "longer than 512 characters"),
        ("a\nb", "not plain text"),
    ],
)
def test_what_cannot_be_a_model_is_refused(name: str, message: str) -> None:
    with pytest.raises(FaultError, match=message) as refused:
        fields.check_model(name, "Name one.")
    assert (refused.value.fault.param, refused.value.fault.remedy) == ("model", "Name one.")


def test_a_model_may_have_a_long_name() -> None:
    fields.check_model("m" * fields.LONGEST_MODEL, "Name one.")


def test_missing_and_null_say_nothing() -> None:
    for sent in ({}, {"x": None}):
        assert fields.text(sent, "x") == ""
        assert fields.number(sent, "x") is fields.integer(sent, "x") is fields.flag(sent, "x") is None
        assert (fields.child(sent, "x"), fields.objects(sent, "x"), fields.strings(sent, "x")) == ({}, [], ())


def test_a_whole_float_is_an_integer_and_a_string_a_list_of_one() -> None:
    assert fields.integer({"x": 4.0}, "x") == 4
    assert fields.strings({"x": "a"}, "x") == ("a",)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"1"])
def test_a_body_must_be_an_object(body: bytes) -> None:
    with pytest.raises(FaultError):
        fields.parse_object(body)


def test_fields_of_one_dialect_are_named_and_those_that_matter_refused() -> None:
    request = ChatRequest("m", (Message(Role.USER, (), extras={"prefix": True}),), "openai", extras={"store": False})
    assert fields.foreign(request, "Anthropic messages") == ["store", "prefix"]
    with pytest.raises(FaultError, match="`modalities`"):
        fields.foreign(ChatRequest("m", (), "openai", extras={"modalities": ["audio"]}), "Anthropic messages")


@pytest.mark.parametrize("provider", [cohere, gemini, ollama, openai_chat, responses])
def test_cache_marks_are_named_wherever_they_are(provider: ModuleType) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    text = {"type": "text", "text": "a", **mark}
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": "c", "content": "r"}
    for at in range(5):
        tools = [{"name": "f", "input_schema": {"type": "object"}, **(mark if at == 1 else {})}]
        told = result | (mark if at == 2 else {"content": [text]} if at == 3 else {})
        turns = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [told]}]
        request = anthropic_request(tools=tools, messages=turns, **({"system": [text]} if at == 4 else {}))
        assert fields.cache_marks(request) == (["cache_control"] if at else [])
        assert ("cache_control" in provider.write_request(request, "m").dropped) is (at > 0)


def test_an_empty_search_is_asked_for_and_words_alone_are_how_it_is_anyway() -> None:
    with pytest.raises(FaultError, match="`web_search_options`"):
        fields.foreign(ChatRequest("m", (), "openai", extras={"web_search_options": {}}), "Gemini")
    for said in ({"web_search_options": None}, {"modalities": ["text"]}, {"functions": []}):
        assert fields.foreign(ChatRequest("m", (), "openai", extras=said), "Gemini") == list(said)


def test_arguments_stay_as_the_model_wrote_them() -> None:
    big = '{"n": 123456789012345678901234567890, "é":"\\u00e9"}'
    assert msgspec.json.encode(fields.arguments_object(big)).decode() == big
    assert fields.arguments_object("") == {}
    assert fields.arguments_object("  ") == {}
    for broken in ("[1]", '{"a"', "words"):
        assert fields.arguments_object(broken) == {"_raw": broken}


def test_arguments_are_one_line_for_streams_of_lines() -> None:
    written = msgspec.json.encode(fields.arguments_object('{\r\n  "a": "x\\ny",\n  "b": [1,\n2]\n}'))
    assert written == b'{    "a": "x\\ny",   "b": [1, 2] }'
