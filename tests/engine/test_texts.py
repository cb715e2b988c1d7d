"""What counts as text in requests, answers and streams."""

import json
from typing import Any

import pytest

from app.domain.chat import Operation
from app.engine import texts


def request(**members: Any) -> texts.Content:
    return texts.of_request(json.dumps({"model": "m"} | members).encode())


@pytest.mark.parametrize(
    ("members", "found", "tokens"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, ["a", "b"], 11),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}], "system": "s"}, ["a", "s"], 11),
        ({"input": "a", "instructions": "i", "reasoning": {"effort": "high"}, "include": ["x"]}, ["a", "i"], 11),
        ({"prompt": "a", "stop": ["\n"], "metadata": {"user": "me"}, "stream_options": {"x": "y"}}, ["a"], 7),
    ],
)
def test_messages_are_text_with_their_marks(members: dict[str, Any], found: list[str], tokens: int) -> None:
    content = request(**members)
    assert (content.texts, content.tokens, content.schema_bytes, content.exact) == (found, tokens, 0, True)


@pytest.mark.parametrize(
    "members",
    [
        {"messages": [{"role": "user", "content": "a", "name": "me"}]},
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
            ]
        },
        {"messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function"}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"data": "A" * 400_000}}]}]},
        {"messages": [{"role": "user", "content": [{"image_url": {"url": "data:image/png;base64,AAAA"}}]}]},
        {"messages": [{"role": "user", "content": "a", "images": ["A" * 400_000]}]},
        {"messages": [{"role": "user", "content": [{"image_url": {"url": "data:image/svg+xml,<svg a='b'/>"}}]}]},
    ],
)
def test_what_providers_put_words_around_is_not_exact(members: dict[str, Any]) -> None:
    content = request(**members)
    assert not content.exact
    assert content.estimate() < 1100


LINK = "https://example.org/" + "picture" * 9


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image", "source": {"type": "url", "url": LINK}},
        {"type": "image", "source": {"type": "file", "file_id": "file_" + "a" * 40}},
        {"type": "image_url", "image_url": {"url": LINK, "detail": "high"}},
        {"type": "image_url", "image_url": LINK},
        {"type": "input_image", "image_url": LINK, "detail": "auto"},
        {"type": "input_image", "file_id": "file_" + "a" * 40},
        {"fileData": {"mimeType": "image/png", "fileUri": LINK}},
        {"file_data": {"mime_type": "image/png", "file_uri": LINK}},
    ],
)
def test_a_picture_that_is_elsewhere_is_one_picture(part: dict[str, Any]) -> None:
    content = request(messages=[{"role": "user", "content": [part, {"type": "text", "text": "a"}]}])
    assert (content.texts, content.tokens, content.exact) == (["a"], 1007, False)


@pytest.mark.parametrize("kind", ["image", [], None])
def test_an_object_that_only_says_it_is_a_picture_is_text(kind: object) -> None:
    call = {"type": "tool_use", "id": "t", "name": "draw", "input": {"type": kind, "words": "a cat", "fileData": "x"}}
    assert request(messages=[{"role": "assistant", "content": [call]}]).texts == ["draw", "a cat", "x"]


def test_a_text_that_begins_like_a_picture_s_address_is_text() -> None:
    pasted = 'data: {"choices": [{"delta": {"content": "word"}}]}\n\n' * 1000
    assert request(messages=[{"role": "user", "content": pasted}]).texts == [pasted]
    assert request(messages=[{"role": "user", "content": "data: so ;base64, it is"}]).texts == []


def test_embeddings_have_no_marks() -> None:
    content = texts.of_request(b'{"model": "e", "input": ["a", "b"], "encoding_format": "float"}', Operation.EMBEDDINGS)
    assert (content.texts, content.tokens, content.exact) == (["a", "b"], 0, True)


def test_an_answer_is_what_it_says_not_what_it_repeats() -> None:
    answer = {
        "id": "resp_1", "instructions": "be kind", "tools": [{"type": "function", "name": "f"}],
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}],
        "usage": None,
    }  # fmt: skip
    content = texts.of_answer(json.dumps(answer).encode())
    assert (content.texts, content.exact) == (["a"], True)


@pytest.mark.parametrize(
    "stream",
    [
        b'data: {"id":"x","choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
        b'data: {"id":"x","choices":[{"delta":{"content":"Hel"}}]}\n\n'
        b'data: {"choices":[{"delta":{"content":"lo"}}]}\n\n'
        b"data: [DONE]\n\n",
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","role":"assistant","content":[]}}\n\n'
        b'event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
        b'"text":"Hello"}}\r\n\r\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
        b'{"model":"m","message":{"role":"assistant","content":"Hel"},"done":false}\n'
        b'{"model":"m","message":{"role":"assistant","content":"lo"},"done":true,"done_reason":"stop"}\n',
        b'[{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}]}\n'
        b',{"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}]}]\n',
        b'data: {"type":"response.output_text.delta","item_id":"m","delta":"Hello","logprobs":[]}\n\n'
        b'data: {"type":"response.output_text.done","text":"Hello"}\n\n'
        b'data: {"type":"response.completed","response":{"output":[{"content":[{"text":"Hello"}]}]}}\n\n',
    ],
)
def test_the_words_of_a_stream_are_joined(stream: bytes) -> None:
    assert texts.of_stream(stream).texts == ["Hello"]


def test_a_broken_event_is_passed_over() -> None:
    assert texts.of_stream(b'data: {"choi').texts == []
    assert texts.of_stream(b"data: {}\n\n: comment\n\ndata: 1\n\n").texts == []


def test_a_part_of_a_stream_stands_for_the_whole() -> None:
    assert texts.Content(["a" * 40], share=0.5).estimate() == 20


@pytest.mark.parametrize("levels", [100, 600, 900])
def test_what_is_nested_too_deeply_is_counted_as_far_as_it_can_be_read(levels: int) -> None:
    deep = b"[" * levels + b'"deep"' + b"]" * levels
    for found in (
        texts.of_request(b'{"messages":[{"role":"user","content":"flat"},{"role":"user","content":%b}]}' % deep),
        texts.of_answer(b'{"choices":["flat",%b]}' % deep),
        texts.of_stream(b'data: {"choices":["flat",%b]}\n\n' % deep),
    ):
        assert found.texts[0].startswith("flat")
        assert found.texts in (["flat", "deep"], ["flatdeep"]) or not found.exact
