"""Hub events as a Responses stream: every opened item closed, arguments equal, the whole answer at the end."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.dialects import openai_chat, responses
from app.dialects.responses_writer import EventWriter
from app.dialects.translation import Translation
from app.domain.hub import ToolCall
from app.domain.hub_reply import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Cited,
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
from dialects.responses_rig import checked_items, responses_request, words_of
from dialects.translating import call, openai_stream, sse_events

GOLDEN = Path(__file__).parent / "golden" / "responses"
END: list[StreamEvent] = [
    Finished(Finish.STOP),
    Counted(Usage(fresh_input=7, cache_read=20, output=9, reasoning=4)),
    Ended(),
]


def write(*events: StreamEvent, **more: Any) -> bytes:
    return EventWriter(responses_request(stream=True, **more)).write([*events, *END])


def test_the_whole_sequence() -> None:
    out = write(Started("chatcmpl-1", "c", 5), TextDelta("Good "), TextDelta("day"))
    assert out == (GOLDEN / "text.sse").read_bytes()
    assert checked_items(out)[0]["content"][0]["text"] == "Good day"


def test_thought_text_and_call() -> None:
    out = write(
        Started("chatcmpl-2", "c", 5),
        ThoughtDelta("Hm. "),
        ThoughtDelta(signature="S", origin="anthropic"),
        TextDelta("I look."),
        CallStarted(0, "c1", "f"),
        CallDelta(0, '{"a"'),
        CallDelta(0, ":1}"),
        CallEnded(0),
    )
    assert out == (GOLDEN / "thought_text_call.sse").read_bytes()
    items = checked_items(out)
    assert [item["type"] for item in items] == ["reasoning", "message", "function_call"]
    again = responses_request(input=items, stream=True).messages[0].parts
    assert (again[0].signature, again[0].origin, again[2].arguments) == ("S", "anthropic", '{"a":1}')  # type: ignore[union-attr]


def test_usage_and_limits() -> None:
    last = sse_events(write(TextDelta("x")))[-1]["response"]
    assert last["usage"]["input_tokens_details"]["cached_tokens"] == 20
    assert (last["usage"]["input_tokens"], last["usage"]["total_tokens"]) == (27, 36)
    assert last["usage"]["output_tokens_details"] == {"reasoning_tokens": 4}
    cut = EventWriter(responses_request()).write([TextDelta("x"), Finished(Finish.LENGTH), Ended()])
    last = sse_events(cut)[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_custom_tool_is_called_with_its_text() -> None:
    tools = [{"type": "custom", "name": "apply_patch"}]
    calls = [CallStarted(0, "c1", "apply_patch"), CallDelta(0, '{"inp'), CallDelta(0, 'ut":"a\\n"}')]
    (item,) = checked_items(write(*calls, tools=tools))
    assert (item["type"], item["call_id"], item["input"]) == ("custom_tool_call", "c1", "a\n")


def test_a_tool_of_a_namespace_is_called_by_its_own_name() -> None:
    tools = [{"type": "namespace", "name": "s", "tools": [{"type": "function", "name": "f"}]}]
    (item,) = checked_items(write(CallStarted(0, "c1", "s__f"), CallDelta(0, "{}"), tools=tools))
    assert (item["namespace"], item["name"]) == ("s", "f")


def test_the_signature_of_a_call_comes_back_with_it() -> None:
    items = checked_items(write(CallStarted(0, "c1", "f", signature="G"), CallDelta(0, "{}")))
    assert [item["type"] for item in items] == ["reasoning", "function_call"]
    (message,) = responses_request(input=items).messages
    assert message.parts == (ToolCall("c1", "f", "{}", signature="G"),)


def test_a_call_without_arguments_gets_an_object() -> None:
    (item,) = checked_items(write(CallStarted(0, "c1", "f")))
    assert item["arguments"] == "{}"


def test_arguments_are_incremental() -> None:
    writer = EventWriter(responses_request(stream=True))
    writer.write([CallStarted(0, "a", "f")])
    assert b'"delta":"{\\"x\\""' in writer.write([CallDelta(0, '{"x"')])


def test_refusal_citation_and_other_choices() -> None:
    note = Cited(Citation("openai", {}, "https://x", "X"))
    out = write(TextDelta("a"), note, RefusalDelta("No."), TextDelta("other", choice=1))
    (item,) = checked_items(out)
    assert item["content"][0]["annotations"][0]["url"] == "https://x"
    assert item["content"][1] == {"type": "refusal", "refusal": "No."}
    assert b"other" not in out


def test_an_empty_answer_is_whole() -> None:
    assert checked_items(write()) == []


@st.composite
def interleavings(draw: Any) -> tuple[dict[int, str], list[StreamEvent]]:
    """Parallel calls whose fragments come in any order, with words and thoughts between, ended or not."""
    values = st.dictionaries(st.text(max_size=3), st.one_of(st.integers(), st.text(max_size=4)), max_size=3)
    wanted = {n: json.dumps(draw(values)) for n in range(draw(st.integers(1, 4)))}
    left: dict[int, list[StreamEvent]] = {}
    for n, arguments in wanted.items():
        cut = draw(st.integers(0, len(arguments)))
        left[n] = [CallStarted(n, f"id{n}", "f"), CallDelta(n, arguments[:cut]), CallDelta(n, arguments[cut:])]
        left[n] += [CallEnded(n)] if draw(st.booleans()) else []
    events: list[StreamEvent] = []
    while any(left.values()):
        events.append(left[draw(st.sampled_from([n for n in left if left[n]]))].pop(0))
        if draw(st.integers(0, 3)) == 0:
            events.append(draw(st.sampled_from([TextDelta("t"), ThoughtDelta("h"), RefusalDelta("r")])))
    return wanted, events


@settings(max_examples=200, deadline=None)
@given(interleavings())
def test_any_interleaving_gives_whole_items_with_equal_arguments(case: tuple[dict[int, str], list[Any]]) -> None:
    wanted, events = case
    writer = EventWriter(responses_request(stream=True))
    items = checked_items(b"".join(writer.write([event]) for event in [*events, *END]))
    calls = {item["call_id"]: item["arguments"] for item in items if item["type"] == "function_call"}
    assert calls == {f"id{n}": arguments for n, arguments in wanted.items()}
    said = "".join(words_of(item) for item in items if item["type"] == "message")
    assert said == "".join(e.text for e in events if isinstance(e, TextDelta | RefusalDelta))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=40))
def test_any_chunking_gives_the_same_stream(sizes: list[int]) -> None:
    deltas = [{"content": "Hé"}, call(0, '{"a":', "x", "f"), call(1, "{}", "y", "g"), call(0, "1}")]
    data = openai_stream(*deltas, finish="tool_calls")
    body = b'{"model":"m","input":"x","stream":true}'

    def translated(pieces: list[bytes]) -> bytes:
        reader = Translation(responses, openai_chat).open_stream(responses.parse_request(body))
        return b"".join([reader.feed(piece) for piece in pieces]) + reader.finish()

    cuts, at = list[bytes](), 0
    for size in sizes:
        cuts.append(data[at : at + size])
        at += size
    assert translated([*cuts, data[at:]]) == translated([data])
