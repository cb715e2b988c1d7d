"""A Gemini stream as a JSON array: valid however it is cut, each item in its own bytes."""

import json
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from app.dialects import sse
from app.dialects.gemini_array import ArrayFraming
from app.domain.chat import Answer

ITEMS = [b'{"a":1.50}', b'{ "b" : "\\u00e9" }']
EVENTS = b"data: " + ITEMS[0] + b"\r\n\r\ndata: {}\n\ndata: " + ITEMS[1] + b"\n\n: no\n\n"


@given(cuts=st.lists(st.integers(0, len(EVENTS)), max_size=6))
def test_any_cuts_give_the_same_array(cuts: list[int]) -> None:
    framing, at, out = ArrayFraming(), 0, b""
    for cut in (*sorted(cuts), len(EVENTS)):
        out += framing.feed(EVENTS[at:cut])
        at = cut
    out += framing.end()
    assert json.loads(out) == [json.loads(item) for item in ITEMS]
    assert all(item in out for item in ITEMS)


def test_a_stream_of_nothing_is_an_empty_array() -> None:
    framing = ArrayFraming()
    assert json.loads(framing.feed(b"data: {}\n\n") + framing.end()) == []


async def test_a_whole_stream_is_framed_and_closed() -> None:
    closed = []

    async def events() -> AsyncIterator[bytes]:
        try:
            yield EVENTS
            yield EVENTS
        finally:
            closed.append(True)

    framing = ArrayFraming()
    stream = framing.through(events())
    first = await anext(stream)
    await stream.aclose()
    assert closed == [True]
    assert len(json.loads(first + framing.end())) == 2

    class Plain:
        def __init__(self) -> None:
            self.left = [EVENTS]

        def __aiter__(self) -> "Plain":
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    again = ArrayFraming()
    out = b"".join([data async for data in again.through(Plain())])
    assert len(json.loads(out + again.end())) == 2


def test_a_refusal_is_an_array_too() -> None:
    assert json.loads(ArrayFraming.plain(Answer(400, (), b'{"error":{}}')).body) == [{"error": {}}]


def test_an_item_may_be_larger_than_what_a_provider_may_send() -> None:
    whole = b'{"candidates":[{"content":{"parts":[{"text":"%s"}]}}]}' % (b"x" * sse.MAX_EVENT_BYTES)
    framing = ArrayFraming()
    assert framing.feed(b"data: " + whole + b"\n\n") + framing.end() == b"[" + whole + b"\n]"
