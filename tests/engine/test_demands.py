import json

import pytest

from app.dialects import openai_chat
from app.domain.chat import ApiRequest
from app.engine import demands


def request(**more: object) -> ApiRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]} | more
    return openai_chat.parse_request(json.dumps(body).encode())


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


def test_tokens_are_guessed_from_bytes_and_pictures_count_by_the_piece() -> None:
    words = "word " * 2000
    assert demands.input_tokens(request(messages=[{"role": "user", "content": words}])) == pytest.approx(2500, rel=0.02)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    content = [picture, picture, {"type": "text", "text": words}]
    assert demands.input_tokens(request(messages=[{"role": "user", "content": content}])) == pytest.approx(
        4500, rel=0.05
    )


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
