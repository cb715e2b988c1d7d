"""A provider's own Responses stream passes byte for byte."""

import json
from typing import Any

import pytest

from app.dialects.responses_stream import ResponsesStream


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


CREATED = {"type": "response.created", "response": {"id": "r"}}
DELTA = {"type": "response.output_text.delta", "delta": "a"}
USAGE = {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 3}
COMPLETED = {"type": "response.completed", "response": {"id": "r", "usage": USAGE}}


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_it_passes_whatever_the_reads(size: int) -> None:
    data = stream(CREATED, DELTA, COMPLETED)
    reader = ResponsesStream()
    out = b"".join(reader.feed(data[at : at + size]) for at in range(0, len(data), size)) + reader.finish()
    assert out == data
    assert (reader.committed, reader.complete, reader.ended, reader.error) == (True, True, True, None)
    assert (reader.usage.fresh_input, reader.usage.cache_read, reader.usage.output) == (3, 2, 3)


def test_the_beginning_is_no_content() -> None:
    reader = ResponsesStream()
    reader.feed(stream(CREATED))
    assert not reader.committed


@pytest.mark.parametrize(
    "last",
    [
        stream({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "m"}}}),
        stream({"type": "error", "code": "c", "message": "m"}),
        b"data: nonsense\n\n",
        b"data: [1]\n\n",
    ],
)
def test_errors_are_not_forwarded(last: bytes) -> None:
    reader = ResponsesStream()
    assert reader.feed(stream(DELTA) + last + stream(COMPLETED)) == stream(DELTA)
    assert reader.error is not None
    assert not reader.complete


def test_a_truncated_stream_is_not_complete() -> None:
    reader = ResponsesStream()
    reader.feed(stream(DELTA)[:-4])
    assert reader.finish() == b""
    assert not reader.complete


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_last_event_that_lacks_its_blank_line_counts(end: bytes) -> None:
    reader = ResponsesStream()
    whole = stream(DELTA, COMPLETED)
    out = reader.feed(whole[:-2] + end)
    assert out + reader.finish() == whole
    assert (reader.complete, reader.usage.output) == (True, 3)


UNFRAMED = b'{"error":{"message":"Too many requests.",\n "type":"requests","code":"rate_limit_exceeded"}}'


@pytest.mark.parametrize("body", [UNFRAMED, b"data: " + UNFRAMED.replace(b"\n", b"") + b"\n\n"])
def test_an_error_instead_of_a_stream_is_one(body: bytes) -> None:
    reader = ResponsesStream()
    assert reader.feed(body) + reader.finish() == b""
    assert reader.error is not None
    assert (reader.error.code, reader.error.message) == ("rate_limit_exceeded", "Too many requests.")
    assert not reader.committed


def test_a_body_that_is_no_stream_is_no_content() -> None:
    reader = ResponsesStream()
    assert reader.feed(b'{"object":"response","output":[]}') + reader.finish() == b""
    assert (reader.committed, reader.complete, reader.error) == (False, False, None)


def test_the_ids_under_which_it_is_kept() -> None:
    for created, kept in (
        ({"id": "resp_1", "conversation": {"id": "conv_1"}}, ("resp_1", "conv_1")),
        ({"store": False}, ()),
    ):
        reader = ResponsesStream()
        reader.feed(stream({"type": "response.created", "response": created}, DELTA))
        assert reader.kept == kept


@pytest.mark.parametrize("data", [b'{"type":"response.output_text.delta"', b'{"type":"response.output_text.delta"}}'])
def test_what_looks_quiet_and_is_no_json_is_an_error(data: bytes) -> None:
    reader = ResponsesStream()
    assert reader.feed(stream(DELTA, DELTA) + b"data: " + data + b"\n\n") == stream(DELTA, DELTA)
    assert reader.error is not None


def test_a_message_that_is_only_begun_is_no_content_yet() -> None:
    stream = ResponsesStream()
    begun = [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}},
        {"type": "response.output_item.added", "output_index": 1, "item": {"type": "message", "content": []}},
        {"type": "response.content_part.added", "output_index": 1, "part": {"type": "output_text", "text": ""}},
    ]
    sent = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in begun)
    assert stream.feed(sent) == sent
    assert not stream.committed
    stream.feed(b'data: {"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}\n\n')
    assert stream.committed
