"""The stream reader: golden files of every quirk, any chunking, real recordings."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dialects import sse
from app.dialects.openai_stream import DONE, OpenAIStream
from app.dialects.openai_usage import parse_usage
from app.domain.faults import FaultError, FaultKind
from app.domain.usage import NO_USAGE


def play(
    sent: bytes, *, wants_usage: bool = True, n: int = 1, reads: list[int] | None = None
) -> tuple[bytes, OpenAIStream]:
    """Send the bytes in reads of these sizes, the last one repeated, and end the stream."""
    reader = OpenAIStream(forward_usage=wants_usage, n=n)
    out = []
    at = 0
    sizes = iter(reads or [len(sent) or 1])
    size = 1
    while at < len(sent):
        size = next(sizes, size)
        out.append(reader.feed(sent[at : at + size]))
        at += size
    out.append(reader.finish())
    return b"".join(out), reader


def known(reader: OpenAIStream) -> dict[str, Any]:
    return {
        "committed": reader.committed,
        "complete": reader.complete,
        "ended": reader.ended,
        "error": reader.error,
        "usage": reader.usage,
    }


def test_golden(golden_stream: dict[str, Any]) -> None:
    out, reader = play(golden_stream["sent"], wants_usage=golden_stream["wants_usage"], n=golden_stream["n"])
    assert out == golden_stream["forwarded"]
    assert (reader.committed, reader.complete) == (golden_stream["committed"], golden_stream["complete"])
    error = {k: v for k, v in asdict(reader.error).items() if v not in ("", None)} if reader.error else None
    assert error == golden_stream["error"]
    usage = golden_stream["usage"]
    assert {"input": reader.usage.input, "output": reader.usage.output} == (usage or {"input": None, "output": None})


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_any_chunking_and_line_end_gives_the_same(golden_stream: dict[str, Any], line_end: bytes, size: int) -> None:
    sent = golden_stream["sent"].replace(b"\n", line_end)
    asked = {"wants_usage": golden_stream["wants_usage"], "n": golden_stream["n"]}
    whole, at_once = play(sent, **asked)
    cut, in_pieces = play(sent, reads=[size], **asked)
    assert cut == whole
    assert known(in_pieces) == known(at_once)
    assert sse_data(whole) == sse_data(golden_stream["forwarded"])


def sse_data(stream: bytes) -> list[bytes | None]:
    return [event.data for piece in sse.pieces(stream) if (event := sse.parse_event(piece)).data is not None]


_EVENTS = st.lists(
    st.sampled_from(
        [
            b'data: {"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}',
            'data: {"choices":[{"delta":{"content":"é🚀 data: x"},"finish_reason":null}],"usage":null}'.encode(),
            b'data:{"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": null}]}',
            b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
            b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}',
            b'data: {"choices":[]}',
            b'event: error\ndata: {"message":"x"}',
            b'data: {"choices":[{"index":0,"error":{"message":"x"}}]}',
            b'data: {"choices":[{',
            b": comment",
            b"id: 3",
            b"data: [DONE]",
            b"data:",
            b'data: {"choices":[{"index":0,"text":"x","finish_reason":"stop"}]}',
            b"\xef\xbb\xbfdata: {}",
            b"",
        ]
    ),
    max_size=12,
)
_BLANKS = st.lists(
    st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n", b"\n\n\n", b"\n", b"\r\r\n"]), max_size=12
)


@settings(max_examples=400, deadline=None)
@given(_EVENTS, _BLANKS, st.lists(st.integers(1, 90), max_size=30), st.booleans())
def test_chunking_never_matters(events: list[bytes], blanks: list[bytes], reads: list[int], wants_usage: bool) -> None:
    sent = b"".join(event + (blanks[i] if i < len(blanks) else b"\n\n") for i, event in enumerate(events))
    whole, at_once = play(sent, wants_usage=wants_usage)
    cut, in_pieces = play(sent, wants_usage=wants_usage, reads=reads)
    assert cut == whole
    assert known(in_pieces) == known(at_once)
    assert whole.count(b"[DONE]") <= 1


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=10))
def test_garbage_never_raises_or_commits(sent: bytes, reads: list[int]) -> None:
    _, reader = play(sent, reads=reads)
    assert not reader.committed


def test_nothing_behind_the_end_is_looked_at() -> None:
    reader = OpenAIStream(forward_usage=True)
    assert reader.feed(DONE) == DONE
    assert reader.ended
    assert reader.feed(b"data: {\n\n") == b""
    assert reader.finish() == b""
    assert reader.error is None


def test_an_event_above_the_cap_is_a_fault() -> None:
    reader = OpenAIStream(forward_usage=True)
    reads = [b"data: " + b"x" * 65536] * 16
    with pytest.raises(FaultError) as caught:
        b"".join(map(reader.feed, reads))
    assert caught.value.fault.kind is FaultKind.TOO_LARGE


def test_a_block_above_the_cap_of_small_events_is_none() -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 1000 + b'"},"finish_reason":null}]}\n\n'
    block = event * 1200
    assert len(block) > sse.MAX_EVENT_BYTES
    assert play(block + block, reads=[len(event), len(block)])[0] == block + block


def test_deep_nesting_is_malformed_not_a_crash() -> None:
    content = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    out, reader = play(content + b'data: {"x":' + b"[" * 100_000 + b"\n\n", reads=[len(content)])
    assert out == content
    assert reader.error is not None


def test_every_recorded_stream_passes_byte_for_byte(exchanges: list[dict[str, Any]]) -> None:
    streams = [e for e in exchanges if "stream" in e["kinds"]]
    assert len(streams) > 30
    broken = []
    for exchange in streams:
        sent = exchange["resp"].encode()
        for reads in (None, [1], [100], [4096]):
            out, reader = play(sent, reads=reads)
            if reader.error is None:
                assert (out, reader.complete) == (sent, True), exchange["id"]
            else:
                assert sent.startswith(out[:500]), exchange["id"]
                assert reader.error.message, exchange["id"]
                assert not reader.complete
            assert reader.committed, exchange["id"]
            assert reader.usage == recorded_usage(sent), exchange["id"]
        if reader.error is not None:
            broken.append(exchange["provider"])
    assert sorted(broken) == ["groq", "groq", "openrouter"]


def recorded_usage(stream: bytes) -> Any:
    """The last usage in a recording, read without any of the reader's machinery."""
    found = NO_USAGE
    for line in stream.splitlines():
        if line.startswith(b"data: {"):
            chunk = json.loads(line[6:])
            usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
            found = parse_usage(usage) if usage else found
    return found


def test_a_recorded_stream_without_the_wish_for_usage_loses_that_chunk_only(exchanges: list[dict[str, Any]]) -> None:
    for exchange in exchanges:
        if "stream" in exchange["kinds"] and exchange["provider"] == "openai":
            sent = exchange["resp"].encode()
            out, _ = play(sent, wants_usage=False)
            kept = [p for p in sse.pieces(sent) if b'"choices":[],"usage":{' not in p]
            assert out == b"".join(kept), exchange["id"]


@pytest.mark.parametrize(
    "event", [b'{"choices":[{"delta":{"content":"\xff"}}]}', b'{"\xff":1,"choices":[{"delta":{"content":"x"}}]}']
)
def test_an_event_with_bytes_that_are_not_utf8_passes_as_it_is(event: bytes) -> None:
    sent = b"data: " + event + b"\n\n"
    for reads in ([len(sent)], [1]):
        reader = OpenAIStream(forward_usage=True, n=1)
        out, at = b"", 0
        while at < len(sent):
            out += reader.feed(sent[at : at + reads[0]])
            at += reads[0]
        assert (out, reader.committed, reader.error) == (sent, True, None)
