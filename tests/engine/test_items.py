"""Items of translated Responses answers: kept for the client that got them, put in the place of references to them."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.dialects import anthropic, openai_chat, responses
from app.dialects.translation import Translation
from app.domain.chat import Operation
from app.engine.attempt import Attempt, Call
from app.engine.items import Items

MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "é 1e2"}]}
REPLY = json.dumps({"id": "resp_1", "output": [MESSAGE, {"type": "reasoning", "id": "rs_1", "summary": []}]}).encode()
REFERENCE = {"type": "item_reference", "id": "msg_1"}
HELLO = {"role": "user", "content": "hello"}


def call(*items: Any, client: str = "me", **more: Any) -> Call:
    body = json.dumps({"model": "m", "input": list(items), **more}).encode()
    return Call(responses.parse_request(body), responses, "req_1", client)


def attempt(dialect: object) -> Attempt:
    return cast("Attempt", SimpleNamespace(dialect=dialect))


def test_a_reference_becomes_the_item() -> None:
    items = Items()
    items.keep_reply("me", REPLY)
    asked = call(HELLO, REFERENCE)
    assert asked.request.operation is Operation.RESPONSES
    asked = replace(asked, request=replace(asked.request, affinity="a", headers=(("x", "y"),)))
    resolved = items.resolve(asked)
    assert json.loads(resolved.request.body)["input"] == [HELLO, MESSAGE]
    assert json.dumps(MESSAGE).encode() in resolved.request.body
    assert (resolved.request.operation, resolved.request.affinity) == (Operation.CHAT, "a")
    assert resolved.request.headers == (("x", "y"),)


def test_what_is_not_known_stays_for_the_provider() -> None:
    items = Items()
    assert items.resolve(asked := call(REFERENCE)) is asked
    items.keep_reply("me", REPLY)
    other = {"type": "item_reference", "id": "msg_2"}
    mixed = items.resolve(call(REFERENCE, other))
    assert json.loads(mixed.request.body)["input"] == [MESSAGE, other]
    assert mixed.request.operation is Operation.RESPONSES
    for strange in (call(other), call(REFERENCE, client="you"), call({"role": "user", "content": '"item_reference"'})):
        assert items.resolve(strange) is strange
    text = Call(responses.parse_request(b'{"model":"m","input":"\\"item_reference\\""}'), responses, "r", "me")
    assert items.resolve(text) is text


def test_the_last_event_of_a_stream_is_kept() -> None:
    items = Items()
    items.keep_events("me", b'event: response.created\ndata: {"type":"response.created","response":{"output":[]}}\n\n')
    assert len(items) == 0
    for kind in ("completed", "incomplete"):
        event = b'event: x\ndata: {"type":"response.%b","response":%b}\n\n' % (kind.encode(), REPLY)
        items.keep_events("me", event)
    assert len(items) == 2
    items.keep_events("me", b'data: {"type":"response.completed","response":7}\n\n')
    items.keep_reply("me", b"{")


def test_it_is_bounded() -> None:
    few = Items(most_items=1)
    few.keep_reply("me", REPLY)
    assert len(few) == 1
    small = Items(most_bytes=10)
    small.keep_reply("me", REPLY)
    assert len(small) == 0


@pytest.mark.parametrize(("more", "wanted"), [({}, True), ({"store": True}, True), ({"store": False}, False)])
def test_only_translated_answers_of_clients_that_store_are_kept(more: dict[str, Any], wanted: bool) -> None:
    translated = attempt(Translation(responses, anthropic))
    assert Items.wants(call(HELLO, **more), translated) is wanted
    assert not Items.wants(call(HELLO, **more), attempt(responses))
    assert not Items.wants(replace(call(HELLO), dialect=openai_chat), translated)
