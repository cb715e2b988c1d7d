"""The sans-IO reader gives the same reply however its bytes are cut."""

import gc
from contextlib import suppress
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.net.reply import CUT_SHORT, HEAD_LIMIT_BYTES, NO_RESPONSE, ReplyReader

REPLIES = (
    b"HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 6\r\n\r\nabcdef",
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3;x=y\r\ndef\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nabcdef",
)


@given(st.sampled_from(REPLIES), st.lists(st.integers(1, 140)))
def test_any_cut_gives_the_same_reply(raw: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    reader = ReplyReader()
    body = b""
    for start, end in pairwise(edges):
        reader.feed(memoryview(raw)[start:end])
        body += reader.take()
    assert reader.end() is None
    assert (reader.status, body, reader.complete, reader.touched) == (200, b"abcdef", True, True)


@given(st.binary(max_size=200), st.sampled_from((b"", b"HTTP/1.1 200 OK\r\n", REPLIES[1][:90])))
def test_garbage_raises_nothing_but_our_errors(garbage: bytes, before: bytes) -> None:
    reader = ReplyReader()
    try:
        reader.feed(memoryview(before + garbage))
    except (httpx.RemoteProtocolError, httpx.DecodingError):
        return
    reader.end()


def test_an_end_too_early_says_where() -> None:
    reader = ReplyReader()
    assert str(reader.end()) == NO_RESPONSE
    reader.feed(memoryview(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc"))
    assert str(reader.end()) == CUT_SHORT
    assert reader.take() == b"abc"
    assert reader.take() == b""


def test_the_limit_of_a_head_is_exact() -> None:
    def read(size: int) -> None:
        reader = ReplyReader()
        reader.feed(memoryview(b"HTTP/1.1 200 OK\r\nx: "))
        value = b"a" * size
        for at in range(0, size, 50_000):
            reader.feed(memoryview(value[at : at + 50_000]))
        reader.feed(memoryview(b"\r\n\r\n"))

    read(HEAD_LIMIT_BYTES - 100)
    with pytest.raises(httpx.RemoteProtocolError, match="64 kB"):
        read(HEAD_LIMIT_BYTES)


def test_headers_that_frame_or_encode_are_set_apart() -> None:
    reader = ReplyReader()
    reader.feed(memoryview(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\nX-A: b\r\n\r\n"))
    assert reader.notable == {b"content-encoding": b"gzip", b"content-length": b"1"}
    assert (b"x-a", b"b") in reader.headers


@pytest.mark.parametrize("raw", REPLIES)
def test_a_reply_that_is_over_leaves_nothing_for_the_garbage_collector(raw: bytes) -> None:
    gc.collect()
    reader = ReplyReader()
    reader.feed(memoryview(raw))
    assert reader.end() is None
    del reader
    assert gc.collect() == 0


def test_what_follows_a_reply_spoils_the_connection() -> None:
    reader = ReplyReader()
    reader.feed(memoryview(REPLIES[0]))
    assert reader.keep_alive
    reader.feed(memoryview(b"HTTP/1.1 200 OK\r\n"))
    assert (reader.keep_alive, reader.take()) == (False, b"abcdef")


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nxyz", b"xyz"])
def test_what_stands_behind_a_reply_is_no_body_of_it(more: bytes) -> None:
    reader = ReplyReader()
    with suppress(httpx.RemoteProtocolError):
        reader.feed(memoryview(REPLIES[0] + more))
    assert (reader.take(), reader.complete, reader.keep_alive) == (b"abcdef", True, False)


def test_a_reply_without_a_body_has_none_whatever_comes() -> None:
    reader = ReplyReader(bodyless=True)
    reader.feed(memoryview(REPLIES[0]))
    assert (reader.take(), reader.complete, reader.keep_alive) == (b"", True, False)
