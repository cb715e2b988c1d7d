"""Plain answers of a Responses provider: recorded ones, and what servers do otherwise."""

import json
from typing import Any

import pytest

from app.dialects import anthropic, openai_chat, responses
from app.dialects.openai_usage import parse_usage
from app.dialects.responses_read import read_reply
from app.domain.faults import FaultError, InBandError
from app.domain.hub import Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import Choice, Finish
from app.domain.usage import NO_USAGE
from dialects.translating import anthropic_request, openai_request

MESSAGE = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"x": 1}'}


def reply(*output: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"id": "resp_1", "model": "g", "status": "completed", "output": output, **more}).encode()


def choice(*output: dict[str, Any], **more: Any) -> Choice:
    return read_reply(reply(*output, **more)).choices[0]


def test_every_recorded_answer_is_read_and_written(responses_exchanges: list[dict[str, Any]]) -> None:
    seen = 0
    for exchange in responses_exchanges:
        if exchange["status"] != 200 or "stream" in exchange["kinds"] or exchange["method"] != "POST":
            continue
        body = json.loads(exchange["resp"])
        read = read_reply(exchange["resp"].encode())
        if body["status"] in ("queued", "in_progress"):  # made in the background
            assert read.usage == NO_USAGE
            continue
        assert read.usage == parse_usage(body["usage"])
        parts = read.choices[0].parts
        told = [(i["call_id"], i["arguments"]) for i in body["output"] if i["type"] == "function_call"]
        assert [(p.id, p.arguments) for p in parts if isinstance(p, ToolCall)] == told
        finish = Finish.TOOL_CALLS if told else Finish.STOP
        assert read.choices[0].finish is (Finish.LENGTH if body["status"] == "incomplete" else finish)
        chat = json.loads(openai_chat.write_reply(read, openai_request()))["choices"][0]["message"]
        assert [c["function"]["arguments"] for c in chat.get("tool_calls", [])] == [a or "{}" for _, a in told]
        blocks = json.loads(anthropic.write_reply(read, anthropic_request()))["content"]
        calls = [block["input"] for block in blocks if block["type"] == "tool_use"]
        assert calls == [json.loads(arguments or "{}") for _, arguments in told]
        seen += 1
    assert seen > 120


def test_every_recorded_error_is_read(responses_exchanges: list[dict[str, Any]]) -> None:
    errors = [e for e in responses_exchanges if e["status"] >= 400]
    assert len(errors) >= 5
    for exchange in errors:
        assert (
            responses.parse_fault(exchange["resp"].encode()).message == json.loads(exchange["resp"])["error"]["message"]
        )


def test_text_thought_refusal_and_calls() -> None:
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "A"}, {"type": "summary_text", "text": "B"}],
        "encrypted_content": "SEAL",
    }
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin"}
    found = choice(thought, MESSAGE, CALL, custom)
    assert found.parts == (
        Thought("A\n\nB", sealed="SEAL", origin="responses", id="rs_1"),
        Text("Hi"),
        ToolCall("c1", "f", '{"x": 1}'),
        ToolCall("c2", "patch", "*** Begin", custom=True),
    )
    assert found.finish is Finish.TOOL_CALLS


def test_thoughts_in_plain_words() -> None:
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    assert choice(item).parts == (Thought("Hm.", origin="responses"),)


@pytest.mark.parametrize(
    ("more", "finish"),
    [
        ({}, Finish.STOP),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Finish.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Finish.FILTER),
        ({"status": "incomplete"}, Finish.LENGTH),
    ],
)
def test_why_it_stopped(more: dict[str, Any], finish: Finish) -> None:
    assert choice(MESSAGE, **more).finish is finish


def test_a_refusal() -> None:
    found = choice({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]})
    assert (found.parts, found.finish) == ((Refusal("No."),), Finish.REFUSAL)


def test_sources_are_named() -> None:
    note = {"type": "url_citation", "url": "https://example.org", "title": "E", "start_index": 0, "end_index": 2}
    found = choice({"type": "message", "content": [{"type": "output_text", "text": "Hi", "annotations": [note]}]})
    assert [(c.url, c.title) for c in found.citations] == [("https://example.org", "E")]


def test_calls_without_ids_or_with_an_object_as_arguments() -> None:
    found = choice({"type": "function_call", "name": "f", "arguments": {"x": 1}})
    assert found.parts == (ToolCall("call_resp1_0", "f", '{"x":1}'),)
    assert choice({**CALL, "arguments": ""}).parts == (ToolCall("c1", "f", ""),)


def test_items_of_the_providers_own_tools_are_passed_over() -> None:
    assert choice({"type": "web_search_call", "status": "completed"}, MESSAGE).parts == (Text("Hi"),)


@pytest.mark.parametrize(
    "more", [{"status": "failed", "error": {"code": "server_error", "message": "x"}}, {"status": "cancelled"}]
)
def test_a_failed_answer_is_an_error(more: dict[str, Any]) -> None:
    with pytest.raises(InBandError):
        read_reply(reply(**more))


@pytest.mark.parametrize("body", [b"[]", b"{}", b"x", b'{"output":1}'])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises((FaultError, InBandError)):
        read_reply(body)


def test_every_recorded_stored_answer_is_read(stored_exchanges: list[dict[str, Any]]) -> None:
    plain = [e for e in stored_exchanges if "stream" not in e["kinds"] and e["status"] == 200]
    assert len(plain) >= 5
    for exchange in plain:
        told = json.loads(exchange["resp"])
        assert read_reply(exchange["resp"].encode()).id == told["id"]
        assert responses.parse_reply(
            responses.parse_request(b'{"model":"m","input":""}'), exchange["resp"].encode()
        ).kept
