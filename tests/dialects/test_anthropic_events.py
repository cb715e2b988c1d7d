"""Provider streams of Anthropic into hub events."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.anthropic_events import EventReader
from app.domain.hub_reply import Counted, Ended, Failed, Finish, Finished, Started, TextDelta, ThoughtDelta
from dialects.translating import anthropic_stream, called

THINKING = ({"type": "thinking", "thinking": "", "signature": ""}, [{"type": "thinking_delta", "thinking": "Hm."}])
TOOL = {"type": "tool_use", "id": "a", "name": "f", "input": {}}


def arguments(*pieces: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def text(*pieces: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]


def read(stream: bytes) -> list[Any]:
    reader = EventReader()
    return [*reader.feed(stream), *reader.finish()]


def test_every_recorded_stream_is_read(anthropic_exchanges: list[dict[str, Any]]) -> None:
    streams = [e for e in anthropic_exchanges if "stream" in e["kinds"]]
    assert len(streams) > 15
    for exchange in streams:
        events = read(exchange["resp"].encode())
        assert sum(isinstance(event, Finished) for event in events) == 1
        assert (type(events[0]), type(events[-1])) == (Started, Ended)
        assert sum(isinstance(event, Counted) for event in events) == 2


def test_a_signature_comes_whole_at_the_end_of_its_block() -> None:
    signed = (THINKING[0], [*THINKING[1], *({"type": "signature_delta", "signature": s} for s in ("A", "B"))])
    events = read(anthropic_stream(signed, text("a")))
    assert [e for e in events if isinstance(e, ThoughtDelta)] == [
        ThoughtDelta("Hm.", origin="anthropic"),
        ThoughtDelta(signature="AB", origin="anthropic"),
    ]


def test_half_a_signature_is_never_kept() -> None:
    signed = (THINKING[0], [*THINKING[1], {"type": "signature_delta", "signature": "A"}])
    stream = anthropic_stream(signed)
    events = read(stream[: stream.index(b"event: content_block_stop")])
    assert not any(isinstance(e, ThoughtDelta) and e.signature for e in events)


def test_calls_and_blocks_of_the_providers_own_tools() -> None:
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    events = read(
        anthropic_stream((server, arguments('{"q":1}')), (TOOL, arguments("", '{"x"', ":1}")), stop="tool_use")
    )
    assert called(events) == [("a", "f", '{"x":1}')]
    assert Finished(Finish.TOOL_CALLS) in events


@pytest.mark.parametrize(
    "end",
    [
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
        b"event: ping\ndata: {broken\n\n",
        b'{"type":"error","error":{"message":"unframed"}}',
    ],
)
def test_an_error_in_the_middle_ends_it(end: bytes) -> None:
    stream = anthropic_stream(text("a"))
    events = read(stream[: stream.index(b"event: message_delta")] + end)
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Finished) for event in events)


def test_pings_and_the_unknown_are_passed_over() -> None:
    ping = b'event: ping\ndata: {"type":"ping"}\n\nevent: new\ndata: {"type":"new"}\n\n: comment\n\n'
    assert read(ping + anthropic_stream(text("a"))) == read(anthropic_stream(text("a")))


@given(st.lists(st.integers(1, 1200), max_size=12), st.booleans())
def test_any_chunking_gives_the_same_events(cuts: list[int], crlf: bool) -> None:
    stream = anthropic_stream(THINKING, text("Grüße 🙂"), (TOOL, arguments('{"ü":', "1}")), stop="tool_use")
    stream = stream.replace(b"\n", b"\r\n") if crlf else stream
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = EventReader()
    assert [e for a, b in pairwise(at) for e in reader.feed(stream[a:b])] + list(reader.finish()) == read(stream)
    assert TextDelta("Grüße 🙂") in read(stream)
