"""Hub events as an Anthropic stream: one open block, every opened block closed, arguments equal."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.dialects.anthropic_writer import EventWriter
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
from dialects.translating import anthropic_request, checked_blocks, sse_events

END: list[StreamEvent] = [Finished(Finish.STOP), Counted(Usage(fresh_input=7, cache_read=20, output=9)), Ended()]


def write(*events: StreamEvent) -> bytes:
    return EventWriter(anthropic_request(stream=True)).write([*events, *END])


def test_the_whole_sequence() -> None:
    events = sse_events(write(Started("msg_1", "c"), TextDelta("a"), TextDelta("b")))
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert events[-2]["usage"]["input_tokens"] == 7
    assert events[-2]["usage"]["cache_read_input_tokens"] == 20


def test_a_second_thought_after_text_has_a_block_of_its_own() -> None:
    blocks = checked_blocks(write(ThoughtDelta("a"), TextDelta("b"), ThoughtDelta("c"), CallStarted(0, "x", "f")))
    assert [(b["type"], b["said"]) for b in blocks] == [
        ("thinking", "a"),
        ("text", "b"),
        ("thinking", "c"),
        ("tool_use", ""),
    ]
    assert blocks[-1]["partial"] == "{}"


def test_a_signature_closes_its_thought_and_foreign_ones_are_left_out() -> None:
    own = ThoughtDelta(signature="S", origin="anthropic")
    blocks = checked_blocks(
        write(
            ThoughtDelta("a"),
            own,
            ThoughtDelta("b"),
            ThoughtDelta(signature="G", origin="gemini"),
            ThoughtDelta(sealed="D", origin="anthropic"),
            ThoughtDelta(sealed="X", origin="responses"),
        )
    )
    assert [(b["type"], b["said"], b["signature"]) for b in blocks] == [
        ("thinking", "a", "S"),
        ("thinking", "b", ""),
        ("redacted_thinking", "", ""),
    ]


def test_arguments_are_incremental_while_a_call_is_alone() -> None:
    writer = EventWriter(anthropic_request(stream=True))
    writer.write([CallStarted(0, "a", "f")])
    assert b'{\\"x\\"' in writer.write([CallDelta(0, '{"x"')])


def test_a_later_call_waits_until_the_earlier_is_whole() -> None:
    writer = EventWriter(anthropic_request(stream=True))
    writer.write([CallStarted(0, "a", "f"), CallDelta(0, '{"x":{"y":')])
    assert writer.write([CallStarted(1, "b", "g"), CallDelta(1, "{}")]) == b""
    out = writer.write([CallDelta(0, "1}}")])
    assert b'"b"' in out
    assert out.index(b"content_block_stop") < out.index(b'"id":"b"')


def test_refusal_and_other_choices() -> None:
    out = EventWriter(anthropic_request()).write(
        [RefusalDelta("No."), TextDelta("other", choice=1), Finished(Finish.REFUSAL), Ended()]
    )
    assert checked_blocks(out)[0]["said"] == "No."
    assert b"other" not in out
    assert b'"stop_reason":"refusal"' in out


def test_an_empty_answer_is_a_whole_message() -> None:
    assert [e["type"] for e in sse_events(write())] == ["message_start", "message_delta", "message_stop"]


@st.composite
def interleavings(draw: Any) -> tuple[dict[int, str], list[StreamEvent]]:
    """Parallel calls whose fragments come in any order, with text between, ended or not."""
    count = draw(st.integers(1, 4))
    values = st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.text(max_size=4)), max_size=3)
    wanted = {n: json.dumps(draw(values)) for n in range(count)}
    left: dict[int, list[StreamEvent]] = {}
    for n, arguments in wanted.items():
        cut = draw(st.integers(0, len(arguments)))
        left[n] = [CallStarted(n, f"id{n}", "f"), CallDelta(n, arguments[:cut]), CallDelta(n, arguments[cut:])]
        if draw(st.booleans()):
            left[n].append(CallEnded(n))
    events: list[StreamEvent] = []
    while any(left.values()):
        n = draw(st.sampled_from([n for n in left if left[n]]))
        events.append(left[n].pop(0))
        if draw(st.integers(0, 5)) == 0:
            events.append(draw(st.sampled_from([TextDelta("t"), ThoughtDelta("h")])))
    return wanted, events


@settings(max_examples=300, deadline=None)
@given(interleavings())
def test_any_interleaving_gives_whole_blocks_with_equal_arguments(case: tuple[dict[int, str], list[Any]]) -> None:
    wanted, events = case
    writer = EventWriter(anthropic_request(stream=True))
    out = b"".join(writer.write([event]) for event in [*events, *END])
    calls = {b["id"]: b["partial"] for b in checked_blocks(out) if b["type"] == "tool_use"}
    assert calls == {f"id{n}": arguments for n, arguments in wanted.items()}
    said = "".join(b["said"] for b in checked_blocks(out) if b["type"] == "text")
    assert said == "".join(e.text for e in events if isinstance(e, TextDelta))
    assert sse_events(out)[-2]["delta"]["stop_reason"] == "tool_use"
