"""Gemini streams that pass through byte for byte."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.gemini_stream import GeminiStream
from dialects.translating import gemini_stream

STREAM = gemini_stream({"text": "Grüße"}, {"functionCall": {"name": "f", "args": {}}})


@given(st.lists(st.integers(1, 600), max_size=8))
def test_any_chunking_forwards_every_byte(cuts: list[int]) -> None:
    at = [0, *sorted(min(cut, len(STREAM)) for cut in cuts), len(STREAM)]
    reader = GeminiStream()
    assert b"".join(reader.feed(STREAM[a:b]) for a, b in pairwise(at)) + reader.finish() == STREAM
    assert (reader.committed, reader.complete, reader.error) == (True, True, None)
    assert (reader.usage.input, reader.usage.output) == (10, 5)


def test_it_is_committed_by_content_and_complete_by_a_finish_reason() -> None:
    reader = GeminiStream()
    reader.feed(gemini_stream({"text": ""}, finish=None))
    assert not reader.committed
    reader.feed(gemini_stream({"text": "a"}, finish=None))
    assert (reader.committed, reader.complete) == (True, False)
    reader.finish()
    assert not reader.complete


@pytest.mark.parametrize(
    "end",
    [b'data: {"error":{"code":500,"message":"x"}}\n\n', b"data: {x\n\n", b"data: 5\n\n", b'[{"error":{"code":500}}]'],
)
def test_nothing_at_or_behind_an_error_is_forwarded(end: bytes) -> None:
    begun = gemini_stream({"text": "a"}, finish=None)
    reader = GeminiStream()
    out = reader.feed(begun + end) + reader.finish() + reader.feed(begun)
    assert out == begun
    assert reader.error is not None
    assert (reader.complete, reader.ended) == (False, True)


def test_a_malformed_call_at_the_start_is_an_error_so_that_another_provider_can_answer() -> None:
    reader = GeminiStream()
    assert reader.feed(gemini_stream(finish="MALFORMED_FUNCTION_CALL")) == b""
    assert reader.error is not None


def test_a_last_event_without_its_blank_line_is_whole() -> None:
    reader = GeminiStream()
    out = reader.feed(STREAM.rstrip()) + reader.finish()
    assert out.rstrip() == STREAM.rstrip()
    assert reader.complete


def test_a_refused_prompt_completes_it() -> None:
    reader = GeminiStream()
    reader.feed(b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n')
    assert (reader.committed, reader.complete) == (True, True)
