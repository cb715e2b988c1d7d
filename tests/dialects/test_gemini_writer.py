"""Hub events as Gemini streams."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.dialects import anthropic, gemini, openai_chat
from app.dialects.translation import TranslatedStream
from app.domain.hub_reply import CallDelta, CallEnded, CallStarted, Ended, Finish, Finished, Started
from dialects.translating import (
    anthropic_stream,
    call,
    checked_blocks,
    gemini_request,
    gemini_stream,
    openai_request,
    openai_stream,
    sse_events,
)

SHOWS = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}


def parts(stream: bytes) -> list[dict[str, Any]]:
    found = [c["content"]["parts"] for event in sse_events(stream) for c in event["candidates"]]
    return [part for some in found for part in some if part != {"text": ""}]


def through(stream: bytes, **more: Any) -> bytes:
    translated = TranslatedStream(openai_chat.event_reader(), gemini.event_writer(gemini_request(**more)))
    return translated.feed(stream) + translated.finish()


def test_words_calls_finish_and_usage() -> None:
    out = through(openai_stream({"content": "Hi"}, call(0, '{"x"', "c1", "f"), call(0, ": 1}"), finish="tool_calls"))
    assert parts(out) == [{"text": "Hi"}, {"functionCall": {"id": "c1", "name": "f", "args": {"x": 1}}}]
    last = sse_events(out)[-1]
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"] == {"promptTokenCount": 10, "candidatesTokenCount": 3, "totalTokenCount": 13}
    assert (last["modelVersion"], last["responseId"]) == ("gpt", "c1")


def test_thoughts_come_when_they_are_asked_for() -> None:
    thinking = ({"type": "thinking", "thinking": ""}, [{"type": "thinking_delta", "thinking": "Hm."}])
    for more, wanted in (({}, []), (SHOWS, [{"text": "Hm.", "thought": True}])):
        translated = TranslatedStream(anthropic.event_reader(), gemini.event_writer(gemini_request(**more)))
        assert parts(translated.feed(anthropic_stream(thinking))) == wanted


def test_a_broken_stream_gets_no_finish() -> None:
    out = through(openai_stream({"content": "Hi"}, finish=None, done=False))
    assert not any("finishReason" in c for event in sse_events(out) for c in event["candidates"])


def test_no_arguments_are_an_empty_object() -> None:
    out = through(openai_stream(call(0, "", "c1", "f"), finish="tool_calls"))
    assert parts(out)[0]["functionCall"]["args"] == {}


@given(st.permutations([0] * 3 + [1] * 3 + [2] * 3), st.booleans())
def test_parallel_calls_keep_their_arguments(order: list[int], ended: bool) -> None:
    pieces = {n: ['{"n"', ":", f"{n}}}"] for n in range(3)}
    writer = gemini.event_writer(gemini_request())
    out = writer.write([Started("R", "m"), *(CallStarted(n, f"c{n}", "f") for n in range(3))])
    out += writer.write(CallDelta(n, pieces[n].pop(0)) for n in order)
    out += writer.write(CallEnded(n) for n in range(3) if ended)
    out += writer.write([Finished(Finish.TOOL_CALLS), Ended(), Ended()])
    found = {part["functionCall"]["id"]: part["functionCall"]["args"] for part in parts(out)}
    assert found == {f"c{n}": {"n": n} for n in range(3)}
    assert sum("finishReason" in c for event in sse_events(out) for c in event["candidates"]) == 1


def test_gemini_streams_reach_the_other_clients() -> None:
    stream = gemini_stream(
        {"text": "Hm.", "thought": True}, {"text": "Hi"}, {"functionCall": {"name": "f", "args": {"x": 1}}}
    )
    blocks = checked_blocks(
        TranslatedStream(anthropic.event_reader(), anthropic.event_writer(openai_request())).feed(b"")
    )
    assert blocks == []
    to_anthropic = TranslatedStream(gemini.event_reader(), anthropic.event_writer(openai_request()))
    blocks = checked_blocks(to_anthropic.feed(stream) + to_anthropic.finish())
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
    assert blocks[2]["partial"] == '{"x":1}'
    to_openai = TranslatedStream(gemini.event_reader(), openai_chat.event_writer(openai_request(stream=True)))
    chunks = sse_events(to_openai.feed(stream) + to_openai.finish())
    finishes = [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c.get("finish_reason")]
    assert finishes == ["tool_calls"]
    assert to_openai.usage.output == 5


def test_sources_come_with_the_end() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
    out = through(openai_stream({"content": "Hi"}, {"annotations": [note]}))
    grounding = [c.get("groundingMetadata") for event in sse_events(out) for c in event["candidates"]]
    chunks = [{"web": {"uri": "https://a.example", "title": "A"}}]
    assert grounding[-1] == {"groundingChunks": chunks}
    assert not any(grounding[:-1])
