"""Provider streams of OpenAI chat into hub events, with the quirks that break others."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.openai_chat_events import EventReader
from app.domain.hub_reply import (
    Cited,
    Counted,
    Ended,
    Failed,
    Finish,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThoughtDelta,
)
from dialects.translating import call, called, openai_stream


def read(stream: bytes, *, think_tags: bool = False) -> list[Any]:
    reader = EventReader(think_tags=think_tags)
    return [*reader.feed(stream), *reader.finish()]


def test_every_recorded_stream_is_read(exchanges: list[dict[str, Any]]) -> None:
    streams = [e for e in exchanges if e["path"].endswith("chat/completions") and "stream" in e["kinds"]]
    assert len(streams) > 30
    for exchange in streams:
        events = read(exchange["resp"].encode())
        assert sum(isinstance(event, Finished) for event in events) <= 1
        assert isinstance(events[-1], Ended | Failed)
        for _, _, arguments in called(events):
            json.loads(arguments)


def test_parallel_calls_keep_their_indexes_when_they_interleave() -> None:
    stream = openai_stream(
        call(0, "", "a", "f"), call(1, "", "b", "g"), call(0, '{"x":'), call(1, '{"y":'), call(0, "1}"), call(1, "2}")
    )
    assert called(read(stream)) == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


@pytest.mark.parametrize(
    "deltas",
    [
        [call(0, "{}", "a", "f"), call(0, '{"x":1}')],  # an extra {} in front
        [call(0, '{"x"', "a", "f"), call(0, ":1}", "a", "f")],  # id and name again in every chunk
        [call(None, '{"x"', "a", "f"), call(None, ":1}")],  # no index
        [call(0, '{"x"', "a"), call(0, ":1}", "", "f")],  # the name comes later
        [call(0, '{"x":1}', "a", "f")],  # all in one chunk
        [call(0, "", "a", "f"), call(0, ""), call(0, '{"x":1}')],  # empty fragments
    ],
)
def test_providers_that_spell_calls_in_their_own_way(deltas: list[dict[str, Any]]) -> None:
    events = read(openai_stream(*deltas))
    assert called(events) == [("a", "f", '{"x":1}')]
    assert Finished(Finish.TOOL_CALLS) in events


@pytest.mark.parametrize("first", ["", "{}"])
def test_an_empty_object_within_the_arguments_stays(first: str) -> None:
    fragments = ('{"a":', "{}", ',"b":', "{}", "}")
    deltas = [call(0, first, "c", "f"), *(call(0, fragment) for fragment in fragments)]
    assert called(read(openai_stream(*deltas))) == [("c", "f", '{"a":{},"b":{}}')]


def test_new_ids_under_the_same_index_are_new_calls() -> None:
    events = read(openai_stream(call(0, '{"x":1}', "a", "f"), call(0, '{"y":2}', "b", "g")))
    assert called(events) == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


def test_a_call_without_arguments_keeps_a_lonely_object() -> None:
    assert called(read(openai_stream(call(0, "{}", "a", "f")))) == [("a", "f", "{}")]


def test_no_calls_never_finish_as_calls() -> None:
    events = read(openai_stream({"content": "a", "tool_calls": []}, finish="tool_calls"))
    assert Finished(Finish.STOP) in events


def test_reasoning_is_read_once_with_its_signature() -> None:
    detail = {"type": "reasoning.text", "text": "Hm", "signature": "S", "format": "anthropic-claude-v1"}
    events = read(openai_stream({"reasoning": "Hm", "reasoning_details": [detail]}, {"reasoning_content": "m"}))
    thoughts = [event for event in events if isinstance(event, ThoughtDelta)]
    assert [t.text for t in thoughts] == ["Hm", "", "m"]
    assert (thoughts[1].signature, thoughts[1].origin) == ("S", "anthropic")


def test_mistral_lists_and_think_tags() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "t"}]}, {"type": "text", "text": "a"}]
    events = read(openai_stream({"content": parts}))
    assert [e for e in events if isinstance(e, TextDelta | ThoughtDelta)] == [ThoughtDelta("t"), TextDelta("a")]
    events = read(openai_stream({"content": "<thi"}, {"content": "nk>t</think>a"}), think_tags=True)
    assert [e for e in events if isinstance(e, TextDelta | ThoughtDelta)] == [ThoughtDelta("t"), TextDelta("a")]


def test_refusals() -> None:
    events = read(openai_stream({"refusal": "No."}))
    assert RefusalDelta("No.") in events
    assert Finished(Finish.REFUSAL) in events


def test_a_chunk_without_choices_is_no_start() -> None:
    azure = b'data: {"id":"","choices":[],"prompt_filter_results":[]}\n\n'
    assert read(azure + openai_stream({"content": "a"}))[0] == Started("c1", "gpt", 5)


@pytest.mark.parametrize(
    "end",
    [
        b'data: {"error":{"message":"overloaded","code":529}}\n\n',
        b'event: error\ndata: {"message":"x"}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}\n\n',
        b"data: {broken\n\n",
        b'{"error":{"message":"unframed"}}',
    ],
)
def test_an_error_in_the_middle_ends_it(end: bytes) -> None:
    events = read(openai_stream({"content": "a"}, finish=None, done=False) + end)
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Finished) for event in events)


def test_a_break_invents_nothing() -> None:
    events = read(openai_stream({"content": "a"}, finish=None, done=False) + b'data: {"choices":[{"del')
    assert [type(event) for event in events] == [Started, TextDelta]


def test_usage_repeated_in_every_chunk_is_told_once() -> None:
    chunk = b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
    assert sum(isinstance(event, Counted) for event in read(chunk * 3)) == 1


@given(st.lists(st.integers(1, 900), max_size=12), st.booleans())
def test_any_chunking_gives_the_same_events(cuts: list[int], crlf: bool) -> None:
    stream = openai_stream({"role": "assistant"}, {"content": "Grüße 🙂"}, call(0, '{"ü":', "a", "f"), call(0, "1}"))
    stream = stream.replace(b"\n", b"\r\n") if crlf else stream
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = EventReader()
    events = [e for a, b in pairwise(at) for e in reader.feed(stream[a:b])]
    assert [*events, *reader.finish()] == read(stream)


def test_perplexitys_sources_are_named_once_when_the_answer_is_over() -> None:
    sources = [{"title": "A", "url": "https://a.example"}]
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "It "}}], "citations": ["https://a.example"]},
        {"choices": [{"index": 0, "delta": {"content": "rains."}}], "search_results": sources},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "search_results": sources},
    ]
    events = read(b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n")
    cited = [event.citation for event in events if isinstance(event, Cited)]
    assert [(one.url, one.title) for one in cited] == [("https://a.example", "A")]
    assert isinstance(events[events.index(Cited(cited[0])) + 1], Finished)
