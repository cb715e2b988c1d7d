"""Answers with calls get an empty reasoning where a client has lost it; nothing else is touched."""

import json

import pytest

from app.domain.chat import Operation
from app.providers.catalog import CATALOG
from app.providers.outgoing import Outgoing
from app.providers.quirks.reasoning import adjust_request

CALL = b'"tool_calls": [ {"id":"a","type":"function","function":{"name":"f","arguments":"{ }"}} ]'


def sent(messages: bytes, operation: Operation = Operation.CHAT) -> Outgoing:
    body = b'{ "model":"m" , "messages" : %b, "big": 12345678901234567890123 }' % messages
    return Outgoing(operation, "m", stream=False, path="/chat/completions", body=body)


def test_what_is_missing_is_put_there() -> None:
    out = adjust_request(sent(b'[{"role":"user","content":"\\u00e9"}, { "role" : "assistant" , %b }]' % CALL)).body
    assert b'%b,"reasoning_content":""}]' % CALL in out
    assert b'{"role":"user","content":"\\u00e9"}' in out
    assert b'"big": 12345678901234567890123 }' in out
    assert [message.get("reasoning_content") for message in json.loads(out)["messages"]] == [None, ""]


@pytest.mark.parametrize(
    "messages",
    [
        b'[{"role":"assistant","reasoning_content":"Hm.",%b}]' % CALL,
        b'[{"role":"assistant","reasoning_content":null,%b}]' % CALL,
        b'[{"role":"assistant","content":"x","tool_calls":null}]',
        b'[{"role":"assistant","content":"x","tool_calls":[]}]',
        b'[{"role":"user","content":"\\"tool_calls\\""}]',
        b'["tool_calls"]',
        b'{"tool_calls":1}',
        b"null",
    ],
)
def test_all_else_stays(messages: bytes) -> None:
    request = sent(messages)
    assert adjust_request(request) is request


def test_other_operations_stay() -> None:
    request = sent(b'[{"role":"assistant",%b}]' % CALL, Operation.EMBEDDINGS)
    assert adjust_request(request) is request
    broken = Outgoing(Operation.CHAT, "m", stream=False, path="/", body=b'{"tool_calls"')
    assert adjust_request(broken) is broken


def test_whose_rows_say_so() -> None:
    assert {row.id for row in CATALOG if row.quirks == "reasoning"} == {"deepseek", "moonshot"}
    assert {row.id for row in CATALOG if row.cousin.needs_thoughts} == {"deepseek", "moonshot"}
