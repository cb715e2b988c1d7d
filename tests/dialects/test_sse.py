"""Event streams: framing of every kind, cut anywhere, capped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import sse
from app.dialects.sse import Event
from app.domain.faults import FaultError, FaultKind


def decode(stream: bytes, size: int = 0) -> list[Event]:
    decoder = sse.Decoder()
    size = size or len(stream) or 1
    return [event for at in range(0, len(stream), size) for event in decoder.feed(stream[at : at + size])]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 5])
def test_decode(line_end: str, size: int) -> None:
    text = (
        "\ufeffdata: first\n\n: comment\n\ndata:two\ndata: lines\nid: 7\n\nevent: ping\ndata\n\nevent: alone\n\n"
        "data: Grüße 🚀\nevent:named\nretry: 3\n\n:\n\n"
    )
    # a stream framed with CR alone shows its last event only when another byte proves that no LF follows
    events = decode((text.replace("\n", line_end) + "x").encode(), size)
    assert events == [
        Event(b"first"),
        Event(b"two\nlines"),
        Event(b"", b"ping"),
        Event("Grüße 🚀".encode(), b"named"),
    ]


def test_only_one_space_is_taken_off() -> None:
    assert decode(b"data:  x\n\n") == [Event(b" x")]


def test_half_an_event_is_kept() -> None:
    splitter = sse.Splitter()
    assert splitter.feed(b"data: a\n\ndata: b") == b"data: a\n\n"
    assert splitter.feed(b"c\n") == b""
    assert splitter.feed(b"\nda") == b"data: bc\n\n"
    assert splitter.rest() == b"da"
    assert splitter.rest() == b""


def test_a_carriage_return_at_the_end_waits_for_its_line_feed() -> None:
    splitter = sse.Splitter()
    assert splitter.feed(b"data: a\r\n\r") == b""
    assert splitter.feed(b"\ndata: b\r\r") == b"data: a\r\n\r\n"
    assert splitter.feed(b"x") == b"data: b\r\r"


def test_mixed_line_ends() -> None:
    assert list(sse.pieces(b"a\n\r\nb\r\r\nc\r\n\nd\n\n\n")) == [b"a\n\r\n", b"b\r\r\n", b"c\r\n\n", b"d\n\n", b"\n"]


@given(st.lists(st.sampled_from([b"data: x", b"\n", b"\r", b"\r\n", b": c", b"z"]), max_size=40), st.integers(1, 9))
def test_splitting_loses_nothing_and_reads_the_same(parts: list[bytes], size: int) -> None:
    stream = b"".join(parts)
    splitter = sse.Splitter()
    out = b"".join(splitter.feed(stream[at : at + size]) for at in range(0, len(stream), size))
    assert out + splitter.rest() == stream
    assert b"".join(sse.pieces(stream)) == stream
    assert decode(stream, size) == decode(stream, 1)


@given(st.binary(max_size=80), st.sampled_from(["", "error"]), st.integers(1, 9))
def test_what_is_encoded_is_decoded(data: bytes, name: str, size: int) -> None:
    lines = b"\n".join(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    assert decode(sse.encode(data, name), size) == [Event(lines, name.encode())]


def test_encode() -> None:
    assert sse.encode(b"{}") == b"data: {}\n\n"
    assert sse.encode(b"a\nb", "ping") == b"event: ping\ndata: a\ndata: b\n\n"


@pytest.mark.parametrize("size", [0, 65536, 1024 * 1024])
def test_an_event_above_one_mebibyte_is_refused(size: int) -> None:
    stream = b"data: a\n\ndata: " + b"x" * sse.MAX_EVENT_BYTES + b"\n\n"
    with pytest.raises(FaultError, match="more than 1 MiB") as caught:
        decode(stream, size)
    assert caught.value.fault.kind is FaultKind.TOO_LARGE


def test_an_event_of_just_one_mebibyte_passes() -> None:
    event = b"data: " + b"x" * (sse.MAX_EVENT_BYTES - 8) + b"\n\n"
    assert len(event) == sse.MAX_EVENT_BYTES
    assert len(decode(event * 2)) == 2
    assert len(decode(event * 2, 65536)) == 2


def test_an_event_with_a_picture_may_be_larger() -> None:
    picture = b'data: {"choices":[{"delta":{"images":[{"image_url":{"url":"data:image/png;base64,' + b"A" * 3_000_000
    event = picture + b'"}}]}}]}\n\n'
    splitter = sse.Splitter()
    out = b"".join(splitter.feed(event[at : at + 65_536]) for at in range(0, len(event), 65_536))
    assert out == event
    assert sse.Splitter().feed(event) == event
    with pytest.raises(FaultError, match="16 MiB"):
        sse.Splitter().feed(picture + b"A" * sse.MAX_IMAGE_EVENT_BYTES)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_a_boundary_is_the_next_one_between_two_events(end: bytes) -> None:
    block = end.join((b"data: 1", b"data: 22", b"data: 333", b""))
    first = len(b"data: 1" + end)
    second = first + len(b"data: 22" + end)
    assert [sse.boundary(block, at) for at in (0, first, second)] == [first, second, len(block)]
    assert sse.boundary(b"data: 1", 0) == len(b"data: 1")
