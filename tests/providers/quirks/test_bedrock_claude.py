"""Claude on Bedrock: what InvokeModel and CountTokens take."""

import base64
import json

from app.domain.chat import Operation
from app.providers.outgoing import Outgoing
from app.providers.quirks import bedrock_claude

BODY = b'{ "model":"a", "max_tokens" :5,"stream":true,"messages":[{"role":"user","content":"model 1e2"}], "x":1e2}'
BETA = ("anthropic-beta", "one-2026, two")


def sent(body: bytes = BODY, *, stream: bool = False, headers: tuple[tuple[str, str], ...] = ()) -> Outgoing:
    return Outgoing(Operation.CHAT, "a", stream, "/model/a/invoke", body, headers)


def test_model_and_stream_leave_the_body_and_the_version_enters() -> None:
    out = bedrock_claude.adjust_request(sent(stream=True))
    kept = b'"max_tokens":5,"messages":[{"role":"user","content":"model 1e2"}],"x":1e2'
    assert out.body == b"{" + kept + b',"anthropic_version":"bedrock-2023-05-31"}'
    assert out.headers == (("accept", "application/vnd.amazon.eventstream"),)
    assert out.path == "/model/a/invoke"


def test_a_version_of_the_clients_own_is_replaced() -> None:
    body = b'{"model":"a","anthropic_version":"2023-06-01","messages":[]}'
    assert json.loads(bedrock_claude.adjust_request(sent(body)).body) == {
        "anthropic_version": "bedrock-2023-05-31",
        "messages": [],
    }


def test_beta_features_stand_in_the_body() -> None:
    out = bedrock_claude.adjust_request(sent(headers=(BETA, ("x-own", "1"))))
    assert json.loads(out.body)["anthropic_beta"] == ["one-2026", "two"]
    assert out.headers == (("x-own", "1"),)


def test_counting_packs_a_request_that_could_be_answered() -> None:
    out = bedrock_claude.adjust_count(sent(b'{"model":"a","messages":[]}', headers=(BETA,)))
    packed = json.loads(out.body)["input"]["invokeModel"]["body"]
    assert json.loads(base64.b64decode(packed)) == {
        "messages": [],
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["one-2026", "two"],
        "max_tokens": 1,
    }
    assert out.headers == ()
