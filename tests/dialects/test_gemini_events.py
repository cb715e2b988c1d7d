"""Provider streams of Gemini into hub events."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.gemini_events import EventReader
from app.domain.hub_reply import Counted, Failed, Finish, Finished, Started, TextDelta, ThoughtDelta
from app.domain.usage import NO_USAGE
from dialects.translating import called, gemini_stream

CALL = {"functionCall": {"name": "f", "args": {"ü": 1}}, "thoughtSignature": "S"}
THOUGHT = {"text": "Hm.", "thought": True}


def read(stream: bytes) -> list[Any]:
    reader = EventReader()
    return [*reader.feed(stream), *reader.finish()]


def framed(exchange: dict[str, Any]) -> bytes:
    """The recorded stream; a list of answers, which is asked for without `alt=sse`, becomes events."""
    body: str = exchange["resp"]
    if not body.startswith("["):
        return body.encode()
    return b"".join(b"data: " + json.dumps(item).encode() + b"\n\n" for item in json.loads(body))


def test_every_recorded_stream_is_read(gemini_exchanges: list[dict[str, Any]]) -> None:
    streams = [e for e in gemini_exchanges if e["path"].endswith("streamGenerateContent")]
    assert len(streams) == 14
    for exchange in streams:
        stream = framed(exchange)
        events = read(stream)
        answers = [json.loads(line[5:]) for line in stream.splitlines() if line.startswith(b"data:")]
        parts = [p for a in answers for p in a["candidates"][0].get("content", {}).get("parts", [])]
        assert isinstance(events[0], Started)
        assert sum(isinstance(event, Finished) for event in events) == 1
        words = "".join(p.get("text", "") for p in parts if not p.get("thought"))
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == words
        calls = [p["functionCall"]["args"] for p in parts if "functionCall" in p]
        assert [json.loads(arguments) for _, _, arguments in called(events)] == calls
        usage = NO_USAGE
        for event in events:
            usage = usage.most(event.usage) if isinstance(event, Counted) else usage
        last = answers[-1]["usageMetadata"]
        assert usage.output == last.get("candidatesTokenCount", 0) + last.get("thoughtsTokenCount", 0)


def test_calls_come_whole_with_ids_and_signatures() -> None:
    events = read(gemini_stream(THOUGHT, CALL, CALL))
    assert called(events) == [
        ("call_gemini_R_0", "f", '{"\\u00fc":1}'),
        ("call_gemini_R_1", "f", '{"\\u00fc":1}'),
    ]
    assert Finished(Finish.TOOL_CALLS) in events
    assert ThoughtDelta("Hm.", origin="gemini") in events


def test_usage_is_the_largest_and_finish_comes_once() -> None:
    stream = gemini_stream({"text": "a"})
    events = read(stream + gemini_stream({"text": "late"}))
    assert sum(isinstance(event, Finished) for event in events) == 1
    assert TextDelta("late") not in events
    usage = NO_USAGE
    for event in events:
        usage = usage.most(event.usage) if isinstance(event, Counted) else usage
    assert (usage.fresh_input, usage.cache_read, usage.output, usage.reasoning) == (6, 4, 5, 2)


@pytest.mark.parametrize(
    "end",
    [
        b'data: {"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}\r\n\r\n',
        b"data: {broken\n\n",
        b'[{"error":{"code":503,"message":"unframed"}}]',
        b'data: {"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}\n\n',
    ],
)
def test_an_error_in_the_middle_ends_it(end: bytes) -> None:
    events = read(gemini_stream({"text": "a"}, finish=None) + end)
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Finished) for event in events)


def test_a_refused_prompt_is_filtered() -> None:
    assert Finished(Finish.FILTER) in read(b'data: {"promptFeedback":{"blockReason":"OTHER"}}\n\n')


def test_a_stream_cut_short_is_not_finished() -> None:
    events = read(gemini_stream({"text": "a"}, finish=None) + b'data: {"candidates": [')
    assert not any(isinstance(event, Finished | Failed) for event in events)


@given(st.lists(st.integers(1, 900), max_size=12), st.booleans())
def test_any_chunking_gives_the_same_events(cuts: list[int], crlf: bool) -> None:
    stream = gemini_stream(THOUGHT, {"text": "Grüße 🙂"}, CALL)
    stream = stream if crlf else stream.replace(b"\r\n", b"\n")
    at = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = EventReader()
    assert [e for a, b in pairwise(at) for e in reader.feed(stream[a:b])] + list(reader.finish()) == read(stream)
    assert TextDelta("Grüße 🙂") in read(stream)
