"""Cohere's streams into hub events, however they are cut, and out again for every client."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import anthropic, cohere, openai_chat
from app.dialects.translation import TranslatedStream
from app.domain.hub_reply import (
    Cited,
    Counted,
    Ended,
    Failed,
    Finish,
    Finished,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from dialects.translating import anthropic_request, called, checked_blocks, openai_request, sse_events


def event(kind: str, at: int | None = None, **message: Any) -> dict[str, Any]:
    return {"type": kind} | ({"index": at} if at is not None else {}) | {"delta": {"message": message}}


def call(at: int, call_id: str, name: str, *arguments: str, listed: bool = False) -> list[dict[str, Any]]:
    def calls(value: dict[str, Any]) -> Any:
        return [value] if listed else value

    start = {"id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    deltas = [event("tool-call-delta", at, tool_calls=calls({"function": {"arguments": one}})) for one in arguments]
    return [event("tool-call-start", at, tool_calls=calls(start)), *deltas, {"type": "tool-call-end", "index": at}]


def end(reason: str = "COMPLETE", **more: Any) -> dict[str, Any]:
    usage = {"billed_units": {"input_tokens": 7, "output_tokens": 3}, "tokens": {"input_tokens": 500}}
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": usage, **more}}


START = {"id": "m1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}
WORDS = [
    START,
    event("content-start", 0, content={"type": "thinking", "thinking": ""}),
    event("content-delta", 0, content={"thinking": "Hm."}),
    {"type": "content-end", "index": 0},
    event("content-start", 1, content={"type": "text", "text": ""}),
    event("content-delta", 1, content={"text": "Hé"}),
    event("content-delta", 1, content={"text": "llo"}),
    event("citation-start", 0, citations={"text": "Hé", "sources": [{"document": {"url": "https://a.example"}}]}),
    {"type": "citation-end", "index": 0},
    {"type": "debug", "prompt": "x"},
    end(),
]
CALLS = [
    START,
    event("tool-plan-delta", tool_plan="I look "),
    event("tool-plan-delta", tool_plan="twice."),
    *call(0, "look_1", "look", '{"a"', ":1}"),
    *call(1, "wait_2", "wait", listed=True),
    end("TOOL_CALL"),
]


def stream(events: list[dict[str, Any]], newline: bytes = b"\n") -> bytes:
    lines = [(one["type"].encode(), json.dumps(one, ensure_ascii=False).encode()) for one in events]
    return b"".join(b"event: %b%bdata: %b%b%b" % (kind, newline, data, newline, newline) for kind, data in lines)


def read(data: bytes, cuts: list[int] | None = None) -> list[StreamEvent]:
    reader = cohere.event_reader()
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    events = [found for a, b in pairwise(places) for found in reader.feed(data[a:b])]
    return [*events, *reader.finish()]


def test_words_thoughts_sources_and_usage() -> None:
    events = read(stream(WORDS) + b"data: [DONE]\n\n")
    assert [type(one) for one in events] == [
        Started,
        ThoughtDelta,
        TextDelta,
        TextDelta,
        Cited,
        Counted,
        Finished,
        Ended,
    ]
    assert events[0] == Started("m1")
    assert events[1] == ThoughtDelta("Hm.", origin="cohere")
    counted = next(one for one in events if isinstance(one, Counted))
    assert (counted.usage.input, counted.usage.output) == (7, 3)
    assert Finished(Finish.STOP) in events


def test_a_plan_is_a_thought_and_calls_are_told_apart() -> None:
    events = read(stream(CALLS))
    assert "".join(one.text for one in events if isinstance(one, ThoughtDelta)) == "I look twice."
    assert called(events) == [("look_1", "look", '{"a":1}'), ("wait_2", "wait", "")]
    assert Finished(Finish.TOOL_CALLS) in events


@given(
    st.lists(st.integers(0, 5000), max_size=12),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([WORDS, CALLS]),
)
def test_however_it_is_cut(cuts: list[int], newline: bytes, events: list[dict[str, Any]]) -> None:
    assert read(stream(events, newline), cuts) == read(stream(events))


def test_a_broken_answer_is_an_error() -> None:
    for last in (
        end("ERROR"),
        end("TIMEOUT"),
        {"type": "error", "message": "overloaded"},
    ):
        events = read(stream([*WORDS[:6], last]))
        assert isinstance(events[-1], Failed)
        assert not any(isinstance(one, Finished) for one in events)
    told = read(stream([START, end("ERROR", error="the model is gone")]))[-1]
    assert isinstance(told, Failed)
    assert told.error.message == "the model is gone"
    assert isinstance(read(b"data: {no json}\n\n")[-1], Failed)
    assert isinstance(read(b'{"message":"invalid api token"}')[-1], Failed)


def test_an_answer_that_was_cut_off_is_not_complete() -> None:
    events = read(stream(WORDS[:-1]))
    assert not any(isinstance(one, Finished | Ended | Failed) for one in events)


@pytest.mark.parametrize("events", [WORDS, CALLS])
def test_clients_get_whole_streams(events: list[dict[str, Any]]) -> None:
    out = TranslatedStream(cohere.event_reader(), anthropic.event_writer(anthropic_request(stream=True)))
    blocks = checked_blocks(out.feed(stream(events)) + out.finish())
    assert out.complete
    assert blocks
    chat = TranslatedStream(cohere.event_reader(), openai_chat.event_writer(openai_request(stream=True)))
    chunks = sse_events(chat.feed(stream(events)) + chat.finish())
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]]
