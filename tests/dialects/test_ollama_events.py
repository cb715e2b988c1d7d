"""Ollama streams read: the same events however they are cut, and what may pass through."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.ollama_events import EventReader, Lines, OllamaStream
from app.domain.faults import FaultError, FaultKind
from app.domain.hub_reply import Counted, Ended, Failed, Finish, Finished, Started, StreamEvent, TextDelta, ThoughtDelta
from dialects.ollama_rig import stream_of
from dialects.translating import called

LINES: list[dict[str, Any]] = [
    {"model": "m", "created_at": "1970-01-01T00:00:05Z", "message": {"content": "", "thinking": "Hm"}, "done": False},
    {"model": "m", "message": {"content": "Grüß"}, "done": False},
    {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": "ö"}}}]}, "done": False},
    {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, "done": False},
    {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 4, "eval_count": 2},
]
STREAM = stream_of(LINES)


def read(*reads: bytes) -> list[StreamEvent]:
    reader = EventReader()
    return [event for data in reads for event in reader.feed(data)] + reader.finish()


def test_every_kind_of_line() -> None:
    events = read(STREAM)
    assert events[:3] == [Started("", "m", 5), ThoughtDelta("Hm", origin="ollama"), TextDelta("Grüß")]
    assert [(name, json.loads(arguments)) for _, name, arguments in called(events)] == [("f", {"a": "ö"}), ("f", {})]
    assert len({call_id for call_id, _, _ in called(events)}) == 2
    assert isinstance(events[-3], Counted)
    assert events[-2:] == [Finished(Finish.TOOL_CALLS), Ended()]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_cut_gives_the_same_events_and_bytes(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    reads = [STREAM[start:end] for start, end in itertools.pairwise(edges)]
    assert read(*reads) == read(STREAM)
    along = OllamaStream()
    assert b"".join([along.feed(data) for data in reads]) + along.finish() == STREAM
    assert (along.committed, along.complete, along.ended, along.usage.output) == (True, True, True, 2)


def test_a_last_line_without_its_end_counts() -> None:
    assert read(STREAM.rstrip())[-1] == Ended()
    along = OllamaStream()
    assert along.feed(STREAM.rstrip()) + along.finish() == STREAM


def test_a_stream_without_its_end_is_not_complete() -> None:
    cut = stream_of(LINES[:2]) + b'{"message"'
    assert not [event for event in read(cut) if isinstance(event, Finished | Ended)]
    along = OllamaStream()
    assert along.feed(cut) + along.finish() == stream_of(LINES[:2])
    assert (along.committed, along.complete, along.error) == (True, False, None)


@pytest.mark.parametrize(("line", "code"), [(b"oops", FaultKind.MALFORMED_EVENT.value), (b'{"error":"no"}', "")])
def test_errors_end_it(line: bytes, code: str) -> None:
    sent = stream_of(LINES[:1]) + line + b"\n" + STREAM
    (last,) = read(sent)[-1:]
    assert isinstance(last, Failed)
    assert last.error.code == code
    along = OllamaStream()
    assert along.feed(sent) == stream_of(LINES[:1])
    assert along.error is not None
    assert along.ended


def test_a_message_of_another_shape_is_an_error() -> None:
    assert isinstance(read(b'{"message":{"content":5}}\n')[-1], Failed)


def test_nothing_behind_the_end_counts() -> None:
    assert read(STREAM + STREAM) == read(STREAM)


def test_a_line_without_content_commits_nothing() -> None:
    along = OllamaStream()
    along.feed(b'{"message":{"role":"assistant","content":""},"done":false}\n\n')
    assert not along.committed


def test_a_line_has_a_limit() -> None:
    with pytest.raises(FaultError) as refused:
        EventReader().feed(b"x" * (1024 * 1024 + 1))
    assert refused.value.fault.kind is FaultKind.TOO_LARGE


def test_a_line_that_comes_byte_by_byte_is_not_copied_each_time() -> None:
    lines = Lines()
    for _ in range(800_000):  # copied each time this would take minutes
        assert lines.feed(b"x") == []
    assert lines.feed(b"y\nz\n\nw") == [b"x" * 800_000 + b"y\n", b"z\n", b"\n"]
    assert (lines.rest(), lines.rest()) == (b"w", b"")
