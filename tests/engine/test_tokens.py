"""Estimates where a provider does not count."""

import json

import pytest

from app.dialects import openai_chat, openai_embeddings
from app.domain.chat import Operation
from app.domain.usage import NO_USAGE, Usage, UsageSource
from app.engine import tokens

TEXT = "The quick brown fox jumps over the lazy dog. " * 40  # 401 tokens of o200k
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": TEXT}]}).encode()
REPLY = json.dumps({"id": "x", "choices": [{"message": {"role": "assistant", "content": TEXT}}]}).encode()


def test_a_prompt_is_estimated_by_its_text() -> None:
    assert tokens.input_tokens(BODY) == pytest.approx(401, rel=0.15)


def test_names_and_ids_are_no_text() -> None:
    assert tokens.input_tokens(b'{"model": "a-very-long-name-of-a-model", "messages": []}') < 10


def test_tools_cost_tokens() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"path": {"type": "string"}}}}}
    with_tool = json.dumps(json.loads(BODY) | {"tools": [tool]}).encode()
    assert tokens.input_tokens(with_tool) > tokens.input_tokens(BODY) + 10


def test_a_picture_is_not_counted_by_its_bytes() -> None:
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    assert tokens.input_tokens(json.dumps({"messages": [{"role": "user", "content": [url]}]}).encode()) < 1100


def test_tokens_given_as_numbers_are_counted() -> None:
    assert tokens.input_tokens(json.dumps({"model": "e", "input": list(range(500))}).encode()) >= 500


def test_what_cannot_be_read_is_counted_by_its_bytes() -> None:
    assert tokens.input_tokens(b"x" * 400) == 100
    assert tokens.output_tokens(b"not json") == 0


def test_a_plain_answer_by_its_text_and_a_stream_by_its_events() -> None:
    request = openai_chat.parse_request(BODY)
    plain = tokens.estimate(NO_USAGE, request, REPLY, 0)
    assert plain.output == pytest.approx(401, rel=0.15)
    assert plain.source is UsageSource.ESTIMATE
    assert tokens.estimate(NO_USAGE, request, b"", 37).output == 37


def test_what_the_provider_said_stays() -> None:
    known = Usage(fresh_input=7, source=UsageSource.PROVIDER)
    assert tokens.estimate(known, openai_chat.parse_request(BODY), REPLY, 0).input == 7


def test_embeddings_have_no_output() -> None:
    request = openai_embeddings.parse_request(b'{"model": "e", "input": "hello"}')
    assert tokens.estimate(NO_USAGE, request, REPLY, 0).output is None
    assert tokens.is_complete(Usage(3), Operation.EMBEDDINGS)
    assert not tokens.is_complete(Usage(3), Operation.CHAT)
