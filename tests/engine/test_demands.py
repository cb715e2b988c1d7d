import dataclasses
import itertools
import json

import pytest

from app.dialects import anthropic, gemini, ollama, ollama_generate, openai_chat
from app.domain.chat import ApiRequest
from app.engine import demands


def request(**more: object) -> ApiRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]} | more
    return openai_chat.parse_request(json.dumps(body).encode())


DATA = "iVBORw0KGgo/+_-" + "A" * 400_000


def to_anthropic(*parts: object) -> ApiRequest:
    return anthropic.parse_request(
        json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]}).encode()
    )


def to_gemini(*parts: object, **more: object) -> ApiRequest:
    return gemini.parse_request(json.dumps({"contents": [{"role": "user", "parts": parts}]} | more).encode(), "m")


def to_ollama(images: object = None, **more: object) -> ApiRequest:
    message = {"role": "user", "content": "hello"} | ({} if images is None else {"images": images})
    return ollama.parse_request(json.dumps({"model": "m", "messages": [message]} | more).encode())


@pytest.mark.parametrize(
    ("more", "wants"),
    [
        ({}, False),
        ({"tools": []}, False),
        ({"tools": None}, False),
        ({"tools": [{"type": "function"}]}, True),
        ({"functions": [{"name": "f"}]}, True),
    ],
)
def test_tools_are_wanted_when_some_are_offered(more: dict[str, object], wants: bool) -> None:
    assert demands.wants_tools(request(**more)) is wants


def test_pictures_are_seen() -> None:
    assert not demands.wants_vision(request())
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}
    assert demands.wants_vision(request(messages=[{"role": "user", "content": [picture]}]))


@pytest.mark.parametrize(
    "asked",
    [
        to_anthropic({"type": "image", "source": {"type": "url", "url": "https://example.org/x.png"}}),
        to_gemini({"inlineData": {"mimeType": "image/png", "data": DATA}}),
        to_gemini({"inline_data": {"mime_type": "image/png", "data": DATA}}),
        to_gemini({"fileData": {"fileUri": "https://example.org/x.png"}}),
        to_gemini({"file_data": {"file_uri": "https://example.org/x.png"}}),
        to_ollama(["iVBORw0KGgo="]),
        ollama_generate.parse_request(b'{"model":"m","prompt":"x","images" : [ "iVBORw0KGgo=" ]}'),
    ],
)
def test_pictures_of_every_dialect_are_seen(asked: ApiRequest) -> None:
    assert demands.wants_vision(asked)


def test_words_that_are_no_pictures_are_not_taken_for_some() -> None:
    assert not demands.wants_vision(to_gemini({"text": '"inlineData": {"data": "x"} "images": ["a"] "fileData":{}'}))
    assert not demands.wants_vision(to_ollama([]))
    tool = {"parameters": {"properties": {"images": {"type": "array"}}, "required": ["images", "file_data"]}}
    assert not demands.wants_vision(request(tools=[{"type": "function", "function": tool}]))
    document = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}
    assert not demands.wants_vision(request(messages=[{"role": "user", "content": [document]}]))


def test_tokens_are_guessed_from_bytes_and_pictures_count_by_the_piece() -> None:
    words = "word " * 2000
    assert demands.input_tokens(request(messages=[{"role": "user", "content": words}])) == pytest.approx(2500, rel=0.02)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    content = [picture, picture, {"type": "text", "text": words}]
    assert demands.input_tokens(request(messages=[{"role": "user", "content": content}])) == pytest.approx(
        4500, rel=0.05
    )


@pytest.mark.parametrize(
    ("asked", "pictures"),
    [
        (to_anthropic(*[{"type": "image", "source": {"media_type": "image/png", "data": DATA}}] * 3), 3),
        (to_gemini({"inlineData": {"mimeType": "image/png", "data": DATA}}, {"text": "x"}), 1),
        (to_gemini({"inline_data": {"data": DATA, "mime_type": "image/png"}}), 1),
        (to_ollama([DATA]), 1),
        (to_ollama([DATA, DATA, DATA]), 3),
        (ollama_generate.parse_request(b'{"model":"m","prompt":"x","images":[\n"%s" ]}' % DATA.encode()), 1),
    ],
)
def test_pictures_of_every_dialect_count_by_the_piece(asked: ApiRequest, pictures: int) -> None:
    assert demands.input_tokens(asked) == pytest.approx(pictures * 1000, abs=200)


@pytest.mark.parametrize(
    "text",
    ['{"data": "' + "word " * 2000 + '"}', "data:" + "A" * 10_000, '"data":"' + "A" * 10_000 + '"', "数据" * 2000],
)
def test_a_text_counts_by_its_bytes_whatever_it_is_about(text: str) -> None:
    for part in ({"type": "text", "text": text}, {"type": "document", "source": {"type": "text", "data": "x " + text}}):
        asked = to_anthropic(part)
        assert demands.input_tokens(asked) == len(asked.body) // 4


def test_no_body_has_fewer_tokens_than_none() -> None:
    pieces = (b'"data":"' + b"A" * 200, b";base64,", b'"data:a;base64,', b'"images":[', b'"' + b"A" * 200, b'",', b'"')
    bodies = [b"".join(one) for one in itertools.product(pieces, repeat=4)]
    bodies += [b'"data":' + b" " * 100_000, b'"images" ' + b" " * 100_000]
    for body in bodies:
        assert demands.input_tokens(dataclasses.replace(request(), body=body)) >= 0


@pytest.mark.parametrize(
    ("asked", "tokens"),
    [
        (to_gemini({"text": "x"}, generationConfig={"temperature": 1, "maxOutputTokens": 9000}), 9000),
        (to_gemini({"text": "x"}, generation_config={"max_output_tokens": 9000, "top_k": 1}), 9000),
        (to_gemini({"text": '"generationConfig":{"maxOutputTokens":9000}'}), demands.ASSUMED_OUTPUT_TOKENS),
        (to_gemini({"text": "x"}, generationConfig=None), demands.ASSUMED_OUTPUT_TOKENS),
        (to_ollama(options={"num_predict": 9000}), 9000),
        (to_ollama(options={"num_predict": -1, "num_ctx": 8192}), demands.ASSUMED_OUTPUT_TOKENS),
        (to_ollama(options={"num_predict": 9e3}), demands.ASSUMED_OUTPUT_TOKENS),
        (to_ollama(options={"num_predict": 10**4000}), 10**8),
    ],
)
def test_the_limit_is_read_where_the_dialect_says_it(asked: ApiRequest, tokens: int) -> None:
    assert demands.output_tokens(asked) == tokens


@pytest.mark.parametrize(
    ("more", "tokens"),
    [
        ({}, demands.ASSUMED_OUTPUT_TOKENS),
        ({"max_tokens": 17}, 17),
        ({"max_completion_tokens": 18}, 18),
        ({"max_tokens": None}, demands.ASSUMED_OUTPUT_TOKENS),
        ({"max_tokens": -1}, demands.ASSUMED_OUTPUT_TOKENS),
    ],
)
def test_the_limit_of_the_answer_is_read(more: dict[str, object], tokens: int) -> None:
    assert demands.output_tokens(request(**more)) == tokens
