"""Hub events as lines of JSON: every line whole, calls whole and in order, one last line."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import openai_chat
from app.dialects.ollama_writer import EventWriter, generate_frame
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Counted,
    Ended,
    Finish,
    Finished,
    RefusalDelta,
    Started,
    StreamEvent,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import Usage
from dialects.ollama_rig import golden, lines_of, ollama_request
from dialects.translating import openai_stream

END: list[StreamEvent] = [Finished(Finish.STOP), Counted(Usage(fresh_input=7, cache_read=20, output=9)), Ended()]


def write(*events: StreamEvent, **more: Any) -> list[dict[str, Any]]:
    return lines_of(EventWriter(ollama_request(**more)).write([*events, *END]))


@pytest.mark.parametrize("case", golden("streams"))
def test_golden(case: dict[str, Any]) -> None:
    reader = openai_chat.event_reader()
    events = reader.feed(openai_stream(*case["deltas"], finish=case["finish"]))
    ticks = iter((0, 1, 3))
    stream = EventWriter(ollama_request(), clock=lambda: next(ticks)).write(events)
    assert [line | {"created_at": "1970-01-01T00:00:05Z"} for line in lines_of(stream)] == case["ollama"]


def test_the_last_line_counts_what_was_read_from_a_cache_too() -> None:
    *_, last = write(Started("id", "other", 5), TextDelta("a"))
    assert (last["done"], last["done_reason"], last["model"]) == (True, "stop", "m")
    assert (last["prompt_eval_count"], last["eval_count"]) == (27, 9)
    assert last["total_duration"] == last["prompt_eval_duration"] + last["eval_duration"]


def test_a_refusal_is_words_and_other_answers_are_left_out() -> None:
    lines = write(RefusalDelta("No."), TextDelta("other", choice=1))
    assert [line["message"]["content"] for line in lines] == ["No.", ""]


def test_thoughts_nobody_wants_are_left_out() -> None:
    assert len(write(ThoughtDelta("Hm"), TextDelta("a"), think=False)) == 2
    assert write(ThoughtDelta("Hm"), TextDelta("a"))[0]["message"]["thinking"] == "Hm"


def test_a_call_that_nobody_ended_is_sent_at_the_finish() -> None:
    first, last = write(CallStarted(3, "c", "f"))
    assert first["message"]["tool_calls"] == [{"id": "c", "function": {"index": 0, "name": "f", "arguments": {}}}]
    assert last["done"]


def test_generated_text_has_no_message() -> None:
    stream = EventWriter(ollama_request(), generate_frame).write([ThoughtDelta("Hm"), TextDelta("a"), *END])
    first, second, last = lines_of(stream)
    assert (first["thinking"], first["response"], second["response"]) == ("Hm", "", "a")
    assert "message" not in last


def test_nothing_follows_the_end() -> None:
    writer = EventWriter(ollama_request())
    writer.write(END)
    assert writer.write([TextDelta("late"), Ended()]) == b""


@given(st.data())
def test_interleaved_calls_come_whole_and_in_order(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    whole = [json.dumps({"text": data.draw(st.text(max_size=8)), "at": at}) for at in range(count)]
    left = {at: [text[i : i + 5] for i in range(0, len(text), 5)] for at, text in enumerate(whole)}
    events: list[StreamEvent] = [CallStarted(at, f"c{at}", f"f{at}") for at in range(count)]
    while left:
        at = data.draw(st.sampled_from(sorted(left)))
        events.append(CallDelta(at, left[at].pop(0)))
        if not left[at]:
            del left[at]
            if data.draw(st.booleans()):
                events.append(CallEnded(at))
    lines = write(*events)
    calls = list(itertools.chain.from_iterable(line["message"].get("tool_calls", []) for line in lines))
    assert [call["id"] for call in calls] == [f"c{at}" for at in range(count)]
    assert [call["function"]["index"] for call in calls] == list(range(count))
    assert [call["function"]["arguments"] for call in calls] == [json.loads(text) for text in whole]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
