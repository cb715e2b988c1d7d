"""Anthropic streams that pass through: byte for byte, with what must be known at their end."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.anthropic_stream import STOP, AnthropicStream
from app.dialects.dialect import StreamReader
from dialects.translating import anthropic_stream

STREAM = anthropic_stream(
    ({"type": "text", "text": ""}, [{"type": "text_delta", "text": 'an "error", message_stop'}]),
    ({"type": "tool_use", "id": "a", "name": "f", "input": {}}, [{"type": "input_json_delta", "partial_json": "{}"}]),
)


def test_the_stream_reader_has_the_protocols_attributes() -> None:
    for name in StreamReader.__annotations__:
        assert hasattr(AnthropicStream(), name)


def test_every_recorded_stream_passes_as_it_is(anthropic_exchanges: list[dict[str, Any]]) -> None:
    for exchange in anthropic_exchanges:
        if "stream" in exchange["kinds"]:
            reader, sent = AnthropicStream(), exchange["resp"].encode()
            out = reader.feed(sent)
            assert (out + reader.finish()).strip() == sent.strip()
            assert reader.complete
            assert reader.committed
            assert reader.usage.output


def test_the_first_content_commits() -> None:
    reader = AnthropicStream()
    at = STREAM.index(b"event: content_block_delta")
    reader.feed(b'event: ping\ndata: {"type":"ping"}\n\n' + STREAM[:at])
    assert not reader.committed
    reader.feed(STREAM[at:])
    assert reader.committed
    assert reader.ended
    assert (reader.usage.input, reader.usage.output) == (30, 9)


@pytest.mark.parametrize(
    "end",
    [
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
        b'data: {"error":{"message":"x"}}\n\n',
        b"data: {broken\n\n",
        b'{"type":"error","error":{"message":"unframed"}}',
    ],
)
def test_nothing_at_or_behind_an_error_is_forwarded(end: bytes) -> None:
    head = STREAM[: STREAM.index(b"event: message_delta")]
    reader = AnthropicStream()
    out = reader.feed(head + end) + reader.finish()
    assert out == head
    assert reader.error is not None
    assert (reader.complete, reader.ended) == (False, True)


def test_a_missing_end_mark_is_added_and_a_break_is_not_hidden() -> None:
    reader, at = AnthropicStream(), STREAM.index(b"event: message_stop")
    assert reader.feed(STREAM[:at]) + reader.finish() == STREAM[:at] + STOP
    reader, at = AnthropicStream(), STREAM.index(b"event: message_delta")
    assert reader.feed(STREAM[:at] + b"event: mess") + reader.finish() == STREAM[:at]
    assert not reader.complete


def test_nothing_behind_the_end_mark() -> None:
    reader = AnthropicStream()
    assert reader.feed(STREAM + STOP) == STREAM
    assert reader.feed(STOP) == b""
    assert reader.finish() == b""


@given(st.lists(st.integers(1, 1200), max_size=12))
def test_any_chunking_forwards_the_same(cuts: list[int]) -> None:
    at = [0, *sorted(min(cut, len(STREAM)) for cut in cuts), len(STREAM)]
    reader = AnthropicStream()
    assert b"".join(reader.feed(STREAM[a:b]) for a, b in pairwise(at)) + reader.finish() == STREAM
    assert reader.complete
