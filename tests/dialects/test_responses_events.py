"""Provider streams of Responses into hub events: recorded ones, every way to send arguments, any chunking."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dialects import anthropic, gemini, ollama, openai_chat, responses
from app.dialects.openai_usage import parse_usage
from app.dialects.responses_events import EventReader
from app.dialects.translation import Translation
from app.domain.hub_reply import (
    CallEnded,
    CallStarted,
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
from dialects.translating import anthropic_request, called, checked_blocks, openai_request, sse_events

GOLDEN = Path(__file__).parent / "golden" / "responses"
USAGE = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 3, "total_tokens": 13}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""}
ARGUMENTS = "response.function_call_arguments"


def stream(*events: dict[str, Any], end: str | None = "completed", **more: Any) -> bytes:
    """A provider's stream of these events."""
    head = {"id": "resp_1", "model": "g", "created_at": 5, "output": []}
    sent = [{"type": "response.created", "response": head}, *events]
    if end:
        sent.append({"type": f"response.{end}", "response": head | {"status": end, "usage": USAGE, **more}})
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in sent)


def added(item: dict[str, Any], at: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": at, "item": item}


def done(item: dict[str, Any], at: int = 0) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": at, "item": item}


def delta(kind: str, text: str, at: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": at, "item_id": f"i{at}", "delta": text, **more}


def arguments(*texts: str, at: int = 0) -> list[dict[str, Any]]:
    return [delta("function_call_arguments", text, at) for text in texts]


def read(data: bytes) -> list[Any]:
    reader = EventReader()
    return [*reader.feed(data), *reader.finish()]


def words(events: list[Any], kind: type = TextDelta) -> str:
    return "".join(event.text for event in events if isinstance(event, kind))


# -- recorded


def test_every_recorded_stream_is_read(responses_exchanges: list[dict[str, Any]]) -> None:
    streams = [e for e in responses_exchanges if "stream" in e["kinds"] and e["status"] == 200]
    assert len(streams) > 15
    for exchange in streams:
        data = exchange["resp"].encode()
        events, last = read(data), sse_events(data)[-1]["response"]
        whole = responses.read_reply(json.dumps(last).encode())
        assert (type(events[0]), type(events[-1])) == (Started, Ended)
        assert [e.finish for e in events if isinstance(e, Finished)] == [whole.choices[0].finish]
        assert [e.usage for e in events if isinstance(e, Counted)] == [parse_usage(last["usage"])]
        told = [(i["call_id"], i["name"], i["arguments"]) for i in last["output"] if i["type"] == "function_call"]
        assert called(events) == told
        assert sum(isinstance(e, CallEnded) for e in events) == len(told)
        said = [part.get("text", "") for item in last["output"] for part in item.get("content") or []]
        assert words(events) == "".join(said)


@pytest.mark.parametrize("client", [openai_chat, anthropic, ollama, gemini], ids=lambda side: side.NAME)
def test_every_recorded_stream_reaches_every_client(client: Any, responses_exchanges: list[dict[str, Any]]) -> None:
    chat = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    body = json.dumps(chat if client is not gemini else {"contents": [{"parts": [{"text": "Hi"}]}]}).encode()
    request = openai_chat.parse_request(json.dumps(chat).encode())
    for exchange in responses_exchanges:
        if "stream" in exchange["kinds"] and exchange["status"] == 200:
            translation = Translation(client, responses)
            translation._read = client.read_request(body)  # the request of that client, whatever path it came by
            reader = translation.open_stream(request)
            out = reader.feed(exchange["resp"].encode()) + reader.finish()
            assert out
            assert reader.complete
            assert reader.error is None
            if client is anthropic:
                told = [e for e in read(exchange["resp"].encode()) if isinstance(e, CallStarted)]
                assert sum(b["type"] == "tool_use" for b in checked_blocks(out)) == len(told)


def test_a_stream_of_llama_cpp_which_numbers_neither_items_nor_parts() -> None:
    events = read((GOLDEN / "llamacpp.sse").read_bytes())
    assert words(events) == "I'm glad you're"
    assert [e.finish for e in events if isinstance(e, Finished)] == [Finish.STOP]
    assert [(e.usage.fresh_input, e.usage.cache_read, e.usage.output) for e in events if isinstance(e, Counted)] == [
        (1, 31, 5)
    ]


# -- arguments


def test_arguments_in_pieces_are_passed_on_as_they_come() -> None:
    whole = {**CALL, "arguments": '{"x":1}'}
    events = read(stream(added(CALL), *arguments('{"x"', ":1}"), done(whole)))
    assert called(events) == [("c1", "f", '{"x":1}')]
    assert [e.finish for e in events if isinstance(e, Finished)] == [Finish.TOOL_CALLS]


@pytest.mark.parametrize(
    "events",
    [
        [added(CALL), {"type": f"{ARGUMENTS}.done", "output_index": 0, "arguments": '{"x":1}'}],
        [added(CALL), done({**CALL, "arguments": '{"x":1}'})],
        [done({**CALL, "arguments": '{"x":1}'})],
        [added({**CALL, "arguments": '{"x":1}'})],
        [added({**CALL, "arguments": "{}"}), *arguments('{"x":1}')],
        [added({**CALL, "name": ""}), *arguments('{"x":1}'), done(CALL)],
        [added(CALL), *arguments("", '{"x"', ":"), done({**CALL, "arguments": '{"x":1}'})],
        [*arguments('{"x":1}'), done({**CALL, "arguments": '{"x":1}'})],
        [added(CALL), *arguments('{"x":1}'), {"type": f"{ARGUMENTS}.done", "output_index": 0, "arguments": '{"x":1}'}],
    ],
    ids=[
        "only in done",
        "only in the whole item",
        "an item that was never begun",
        "only in the begun item",
        "an empty object in front",
        "a name that comes late",
        "an empty delta, and the last piece only in the whole item",
        "deltas before the item",
        "never closed",
    ],
)
def test_arguments_come_once_however_they_are_sent(events: list[dict[str, Any]]) -> None:
    read_events = read(stream(*events))
    assert called(read_events) == [("c1", "f", '{"x":1}')]
    assert sum(isinstance(e, CallEnded) for e in read_events) == 1


def test_an_answer_that_was_not_streamed_is_in_its_last_event() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "S"}
    events = read(stream(output=[thought, message, {**CALL, "arguments": "{}"}]))
    assert words(events) == "Hi"
    assert called(events) == [("c1", "f", "{}")]
    assert ThoughtDelta(sealed="S", id="rs_1", origin="responses") in events


def test_a_last_event_repeats_nothing() -> None:
    message = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]}
    sent = [added({"type": "message", "id": "m"}), delta("output_text", "Hi", content_index=0), done(message)]
    assert words(read(stream(*sent, output=[message]))) == "Hi"


def test_items_are_told_apart_by_id_where_they_have_no_place() -> None:
    message = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hi"}]}
    sent = [
        {"type": "response.output_item.added", "item": {"type": "message", "id": "m"}},
        {"type": "response.output_text.delta", "item_id": "m", "content_index": 0, "delta": "Hi"},
    ]
    assert words(read(stream(*sent, output=[message]))) == "Hi"


def test_a_custom_tools_text() -> None:
    item = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": ""}
    sent = [added(item), delta("custom_tool_call_input", "*** "), delta("custom_tool_call_input", "Begin"), done(item)]
    events = read(stream(*sent))
    assert CallStarted(0, "c1", "patch", custom=True) in events
    assert called(events) == [("c1", "patch", "*** Begin")]


# -- words and thoughts


def test_words_only_in_done() -> None:
    for last in (
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hi"},
        {
            "type": "response.content_part.done",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "output_text", "text": "Hi"},
        },
        done({"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}),
    ):
        assert words(read(stream(last))) == "Hi"


def test_parts_without_numbers_come_once() -> None:
    parts = [{"type": "output_text", "text": text} for text in ("Hi ", "there")]
    sent = [delta("output_text", text) for text in ("Hi ", "there")]
    item = {"type": "message", "content": parts}
    assert words(read(stream(*sent, done(item), output=[item]))) == "Hi there"


def test_text_and_tool_beside_each_other() -> None:
    sent = [
        delta("output_text", "Let me see.", content_index=0),
        added(CALL, 1),
        *arguments("{}", at=1),
        done({**CALL, "arguments": "{}"}, 1),
    ]
    events = read(stream(*sent))
    assert (words(events), called(events)) == ("Let me see.", [("c1", "f", "{}")])


def test_a_thought_with_two_parts_and_its_seal() -> None:
    sent = [
        delta("reasoning_summary_text", "A", summary_index=0),
        delta("reasoning_summary_text", "B", summary_index=1),
        done({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "SEAL"}),
    ]
    events = [e for e in read(stream(*sent)) if isinstance(e, ThoughtDelta)]
    assert words(events, ThoughtDelta) == "A\n\nB"
    assert events[-1] == ThoughtDelta(sealed="SEAL", id="rs_1", origin="responses")


def test_thoughts_in_plain_words() -> None:
    assert words(read(stream(delta("reasoning_text", "Hm.", content_index=0))), ThoughtDelta) == "Hm."


@pytest.mark.parametrize("streamed", [False, True])
def test_a_thought_that_is_a_whole_part_is_no_answer(streamed: bool) -> None:
    part = {"type": "reasoning_text", "text": "Hm."}
    sent = [
        *([delta("reasoning_text", "Hm.", content_index=0)] if streamed else []),
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part},
        done({"type": "reasoning", "id": "rs_1", "content": [part]}),
    ]
    events = read(stream(*sent))
    assert (words(events), words(events, ThoughtDelta)) == ("", "Hm.")


def test_a_refusal() -> None:
    sent = [delta("refusal", "No", content_index=0), {"type": "response.refusal.done", "output_index": 0}]
    events = read(stream(*sent))
    assert words(events, RefusalDelta) == "No"
    assert [e.finish for e in events if isinstance(e, Finished)] == [Finish.REFUSAL]


def test_a_source() -> None:
    note = {"type": "url_citation", "url": "https://example.org", "title": "E"}
    sent = {"type": "response.output_text.annotation.added", "output_index": 0, "annotation": note}
    assert [e.citation.url for e in read(stream(sent)) if isinstance(e, Cited)] == ["https://example.org"]


# -- ends


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", Finish.LENGTH), ("content_filter", Finish.FILTER)]
)
def test_an_incomplete_answer(reason: str, finish: Finish) -> None:
    events = read(stream(end="incomplete", incomplete_details={"reason": reason}))
    assert [e.finish for e in events if isinstance(e, Finished)] == [finish]


@pytest.mark.parametrize(
    "last",
    [
        {"type": "response.failed", "response": {"error": {"code": "server_is_overloaded", "message": "x"}}},
        {"type": "error", "code": "server_is_overloaded", "message": "x", "param": None},
        {"type": "error", "error": {"type": "t", "code": "server_is_overloaded", "message": "x"}},
    ],
)
def test_an_error_in_the_stream(last: dict[str, Any]) -> None:
    events = read(stream(last, end=None) + stream())
    assert isinstance(events[-1], Failed)
    assert (events[-1].error.message, events[-1].error.code) == ("x", "server_is_overloaded")
    assert not any(isinstance(e, Finished) for e in events)


def test_an_unframed_error_body() -> None:
    events = read(b'{"error": {"message": "x", "code": "c"}}')
    assert [e.error.message for e in events if isinstance(e, Failed)] == ["x"]


def test_a_stream_that_breaks_off_has_no_finish() -> None:
    events = read(stream(delta("output_text", "Hi"), end=None) + b'data: {"type":"respon')
    assert not any(isinstance(e, Finished | Ended | Failed) for e in events)


def test_what_is_no_json_is_an_error_and_done_marks_are_not() -> None:
    assert isinstance(read(b"data: x\n\n")[-1], Failed)
    assert isinstance(read(stream() + b"data: [DONE]\n\n")[-1], Ended)
    assert not read(b"data: [DONE]\n\n: keepalive\n\n")


# -- any chunking, any order


@given(st.data())
def test_any_chunking_gives_the_same_events(data: st.DataObject) -> None:
    whole = stream(
        delta("output_text", "ä€😀", content_index=0),
        added(CALL, 1),
        *arguments('{"x":', '"ü"}', at=1),
        done({**CALL, "arguments": '{"x":"ü"}'}, 1),
    )
    whole = data.draw(st.sampled_from([whole, whole.replace(b"\n", b"\r\n")]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    reader = EventReader()
    events = [event for a, b in pairwise([0, *cuts, len(whole)]) for event in reader.feed(whole[a:b])]
    assert [*events, *reader.finish()] == read(whole)


@settings(deadline=None)
@given(st.data())
def test_calls_in_any_order_stay_apart(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    texts = [json.dumps({"x": data.draw(st.text(max_size=8))}) for _ in range(count)]
    lanes = []
    for at, text in enumerate(texts):
        item = {**CALL, "id": f"fc_{at}", "call_id": f"c{at}"}
        cut = data.draw(st.integers(0, len(text)))
        last = done({**item, "arguments": text}, at) if data.draw(st.booleans()) else done(item, at)
        lanes.append([added(item, at), *arguments(text[:cut], text[cut:], at=at), last])
    order = data.draw(st.permutations([at for at, lane in enumerate(lanes) for _ in lane]))
    sent = stream(*(lanes[at].pop(0) for at in order))
    assert {(i, a) for i, _, a in called(read(sent))} == {(f"c{at}", text) for at, text in enumerate(texts)}
    for client, request in ((anthropic, anthropic_request(stream=True)), (openai_chat, openai_request(stream=True))):
        out = client.event_writer(request).write(read(sent))
        if client is anthropic:
            blocks = [block for block in checked_blocks(out) if block["type"] == "tool_use"]
            assert {block["id"]: block["partial"] for block in blocks} == {f"c{a}": t for a, t in enumerate(texts)}
