"""Hub events as an OpenAI stream."""

from app.dialects.openai_chat_chunks import EventWriter
from app.domain.hub_reply import (
    CallDelta,
    CallStarted,
    Counted,
    Ended,
    Finish,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThoughtDelta,
)
from app.domain.usage import Usage
from dialects.translating import openai_request, sse_events

USAGE = Counted(Usage(fresh_input=7, cache_read=20, output=9))


def test_text_with_usage_asked_for() -> None:
    writer = EventWriter(openai_request(stream=True, stream_options={"include_usage": True}))
    out = writer.write([Started("c", "m", 3), TextDelta("a"), TextDelta("b"), Finished(Finish.STOP), USAGE, Ended()])
    chunks = sse_events(out)
    assert [c["choices"][0]["delta"] for c in chunks[:3]] == [
        {"role": "assistant", "content": "a"},
        {"content": "b"},
        {},
    ]
    assert chunks[2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[3]["choices"] == []
    assert chunks[3]["usage"]["prompt_tokens"] == 27
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
    assert out.count(b"[DONE]") == 1


def test_no_usage_unless_asked_for() -> None:
    out = EventWriter(openai_request(stream=True)).write([TextDelta("a"), USAGE, Finished(Finish.STOP), Ended()])
    assert b"usage" not in out


def test_calls_count_from_nought_and_a_bare_one_gets_an_object() -> None:
    events = [
        CallStarted(3, "a", "f"),
        CallStarted(7, "b", "g"),
        CallDelta(7, '{"y":'),
        CallDelta(7, "2}"),
        Finished(Finish.STOP),
        Ended(),
    ]
    chunks = sse_events(EventWriter(openai_request(stream=True)).write(events))
    arguments = ["", ""]
    for chunk in chunks:
        for call in chunk["choices"][0]["delta"].get("tool_calls", []):
            arguments[call["index"]] += call["function"]["arguments"]
    assert arguments == ["{}", '{"y":2}']
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_thoughts_carry_their_signature_for_clients_that_send_it_back() -> None:
    events = [ThoughtDelta("Hm."), ThoughtDelta(signature="S", origin="anthropic")]
    chunks = sse_events(EventWriter(openai_request(stream=True)).write(events))
    assert chunks[0]["choices"][0]["delta"]["reasoning_content"] == "Hm."
    detail = chunks[1]["choices"][0]["delta"]["reasoning_details"][0]
    assert (detail["signature"], detail["format"]) == ("S", "anthropic-claude-v1")


def test_each_signed_thought_has_a_number_of_its_own() -> None:
    events = [ThoughtDelta(signature="S"), ThoughtDelta(sealed="E"), ThoughtDelta(signature="T", choice=1)]
    chunks = sse_events(EventWriter(openai_request(stream=True, n=2)).write(events))
    assert [c["choices"][0]["delta"]["reasoning_details"][0]["index"] for c in chunks] == [0, 1, 0]


def test_a_refusal_in_words_is_an_ordinary_end_and_one_without_a_filter() -> None:
    writer = EventWriter(openai_request(stream=True))
    chunks = sse_events(writer.write([RefusalDelta("No."), Finished(Finish.REFUSAL)]))
    assert chunks[0]["choices"][0]["delta"]["refusal"] == "No."
    assert chunks[1]["choices"][0]["finish_reason"] == "stop"
    chunks = sse_events(EventWriter(openai_request(stream=True)).write([Finished(Finish.REFUSAL)]))
    assert chunks[0]["choices"][0]["finish_reason"] == "content_filter"
