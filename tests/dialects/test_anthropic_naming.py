"""Answers in Anthropic's dialect are under the name that was asked for, and keep every other byte."""

import pytest

from app.dialects import anthropic
from app.dialects.anthropic_naming import named_events, named_reply
from app.domain.chat import ApiRequest, Operation

REPLY = b'{ "id":"m","model" : "claude-x-1","content":[{"type":"text","text":"\\u00e9 \\"model\\": 1e2"}],"usage":{}}'
START = b'event: message_start\ndata: {"type": "message_start", "message": {"model":"claude-x-1","usage":{}}}\n\n'
REST = b'event: ping\ndata: {"type": "ping"}\n\n'


def test_only_the_name_changes() -> None:
    for asked in ("claude-x", "claude-x-latest", "claude-x-0", "claude-x-1"):
        assert named_reply(REPLY, asked) == REPLY
    assert named_reply(REPLY, "mine") == REPLY.replace(b'"claude-x-1"', b'"mine"')
    assert named_events(START + REST, "mine") == (START.replace(b"claude-x-1", b"mine") + REST, True)
    assert named_events(REST, "mine") == (REST, False)
    assert named_events(START, "claude") == (START, True)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":1}', b'{"other":1}'])
def test_what_is_no_answer_is_left_to_others(body: bytes) -> None:
    expected = b'{"model":"m"}' if b"model" in body else body
    assert named_reply(body, "m") == expected
    event = b'data: {"type":"message_start","message":' + body + b"}\n\n"
    assert named_events(event, "m")[1]


def test_a_stream_is_renamed_however_it_is_cut() -> None:
    request = ApiRequest(Operation.CHAT, "mine", stream=True, body=b"{}")
    for cut in range(len(START + REST)):
        stream = anthropic.open_stream(request)
        out = stream.feed((START + REST)[:cut]) + stream.feed((START + REST)[cut:])
        assert out == START.replace(b"claude-x-1", b"mine") + REST
