"""What providers really sent, for Ollama's clients: nothing is lost; and whatever JSON comes is read or refused."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.dialects import anthropic, ollama, ollama_generate, openai_chat
from app.dialects.translator import EventReader
from app.domain.faults import FaultError, InBandError
from app.domain.hub_reply import Ended, Failed, Finished, StreamEvent, TextDelta
from dialects.ollama_rig import lines_of, ollama_request
from dialects.test_hostile_json import changed
from dialects.translating import anthropic_request, called, openai_request

REQUEST = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "x", "images": ["iVBORw0"]},
        {"role": "assistant", "thinking": "t", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "tool_name": "f", "content": "r"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "options": {"temperature": 1, "stop": ["x"], "num_ctx": 5},
    "format": {"type": "object"},
    "think": "low",
}
GENERATE = {"model": "m", "prompt": "x", "system": "s", "images": ["iVBORw0"], "options": {"seed": 1}, "think": True}
REPLY = {
    "model": "m",
    "created_at": "2024-05-01T10:00:00Z",
    "message": {
        "content": "x",
        "thinking": "t",
        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"a": 1}}}],
    },
    "done": True,
    "done_reason": "stop",
    "eval_count": 3,
}


def events_of(reader: EventReader, body: str) -> list[StreamEvent]:
    return [*reader.feed(body.encode()), *reader.finish()]


def check(events: list[StreamEvent]) -> None:
    """The lines hold the words and the calls of the events."""
    lines = lines_of(ollama.event_writer(ollama_request()).write([*events, Ended()]))
    words = "".join(line["message"]["content"] for line in lines)
    assert words == "".join(event.text for event in events if isinstance(event, TextDelta) and not event.choice)
    calls = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert [(call["id"], call["function"]["name"]) for call in calls] == [item[:2] for item in called(events)]
    for written, (_, _, arguments) in zip(calls, called(events), strict=True):
        assert written["function"]["arguments"] == json.loads(arguments or "{}")
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]


def test_every_recorded_stream_keeps_its_words_and_calls(
    exchanges: list[dict[str, Any]], anthropic_exchanges: list[dict[str, Any]]
) -> None:
    checked = 0
    for exchange in (*exchanges, *anthropic_exchanges):
        if "event-stream" not in str(exchange["ct"]) or exchange["path"].endswith("/v1/completions"):
            continue
        module = anthropic if exchange["path"] == "/v1/messages" else openai_chat
        events = events_of(module.event_reader(), exchange["resp"])
        if any(isinstance(event, Finished) for event in events) and not any(isinstance(e, Failed) for e in events):
            check([event for event in events if not isinstance(event, Ended)])
            checked += 1
    assert checked > 50


def test_every_recorded_answer_is_written_and_read_again(
    exchanges: list[dict[str, Any]], anthropic_exchanges: list[dict[str, Any]]
) -> None:
    checked = 0
    for exchange in (*exchanges, *anthropic_exchanges):
        if exchange["status"] != 200 or "json" not in str(exchange["ct"]):
            continue
        module = anthropic if exchange["path"] == "/v1/messages" else openai_chat
        try:
            reply = module.read_reply(exchange["resp"].encode())
        except (FaultError, InBandError):
            continue
        again = ollama.read_reply(ollama.write_reply(reply, ollama_request()))
        assert (again.usage.input, again.usage.output) == (reply.usage.input, reply.usage.output)
        json.loads(ollama_generate.write_reply(reply, ollama_request()))
        checked += 1
    assert checked > 300


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_hostile_requests(data: st.DataObject) -> None:
    for module, sent in ((ollama, REQUEST), (ollama_generate, GENERATE)):
        body = changed(sent, data.draw)
        for writer in (openai_chat, anthropic, ollama):
            try:
                json.loads(writer.write_request(module.read_request(body), "m").body)
            except FaultError as refused:
                assert refused.fault.message  # noqa: PT017 - being refused is one of the two good ends


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_hostile_answers_and_streams(data: st.DataObject) -> None:
    body = changed(REPLY, data.draw)
    writers = (
        openai_chat.event_writer(openai_request()),
        anthropic.event_writer(anthropic_request()),
        ollama.event_writer(ollama_request()),
    )
    events = events_of(ollama.event_reader(), body.decode() + "\n")
    for writer in writers:
        writer.write(events)
    along = ollama.open_stream(ollama.parse_request(json.dumps(REQUEST).encode()))
    along.feed(body + b"\n")
    try:
        reply = ollama.read_reply(body)
    except (FaultError, InBandError):
        return
    json.loads(ollama.write_reply(reply, ollama_request()))
