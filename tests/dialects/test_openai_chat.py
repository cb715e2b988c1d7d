"""The chat dialect as the engine uses it, and all recorded chat answers."""

import json
from typing import Any

import pytest

from app.dialects import openai_chat
from app.dialects.openai_usage import parse_usage
from app.domain.chat import Operation
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.usage import NO_USAGE


def test_parse_and_build() -> None:
    request = openai_chat.parse_request(b'{"model":"acme/m","messages":[],"stream":true}')
    assert (request.operation, request.model, request.stream) == (Operation.CHAT, "acme/m", True)
    assert openai_chat.build_request(request, "m").startswith(b'{"model":"m","messages":[],')


def test_messages_are_needed() -> None:
    with pytest.raises(FaultError, match=r"has no `messages`.*list of messages"):
        openai_chat.parse_request(b'{"model":"m"}')


def test_the_usage_chunk_is_forwarded_only_when_asked_for() -> None:
    chunk = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
    for options, forwarded in ((b"", b""), (b',"stream_options":{"include_usage":true}', chunk)):
        request = openai_chat.parse_request(b'{"model":"m","messages":[],"stream":true' + options + b"}")
        reader = openai_chat.open_stream(request)
        assert reader.feed(chunk) == forwarded
        assert reader.usage.output == 2


def test_all_choices_must_finish() -> None:
    reader = openai_chat.open_stream(openai_chat.parse_request(b'{"model":"m","messages":[],"stream":true,"n":2}'))
    for index in range(2):
        assert not reader.complete
        reader.feed(b'data: {"choices":[{"index":%d,"finish_reason":"stop"}]}\n\n' % index)
    assert reader.complete
    assert reader.finish() == b"data: [DONE]\n\n"


def test_faults() -> None:
    assert openai_chat.parse_fault(b'{"error":{"message":"no","code":"x"}}').code == "x"
    fault = Fault(FaultKind.STALLED, "Acme went silent.")
    envelope = openai_chat.render_fault(fault, "req_1")
    assert json.loads(envelope)["error"]["code"] == "upstream_stalled"
    assert openai_chat.render_stream_fault(fault, "req_1") == b"data: " + envelope + b"\n\n"
    assert openai_chat.KEEPALIVE == b": keepalive\n\n"


def test_every_recorded_reply_passes_byte_for_byte(exchanges: list[dict[str, Any]]) -> None:
    replies = [
        e
        for e in exchanges
        if e["path"].endswith("/chat/completions") and e["status"] == 200 and "stream" not in e["kinds"]
    ]
    assert len(replies) > 150
    for exchange in replies:
        request = openai_chat.parse_request(
            json.dumps({"model": "m", "messages": [], **(exchange["req"] or {})}).encode()
        )
        body = exchange["resp"].encode()
        reply = openai_chat.parse_reply(request, body)
        recorded = json.loads(body).get("usage")
        assert reply.body is body
        assert reply.usage == (parse_usage(recorded) if recorded else NO_USAGE), exchange["id"]
        if recorded:
            assert (reply.usage.input, reply.usage.output) == (recorded["prompt_tokens"], recorded["completion_tokens"])


def test_every_recorded_request_passes_but_for_the_model(exchanges: list[dict[str, Any]]) -> None:
    for exchange in exchanges:
        if not exchange["path"].endswith("/chat/completions") or "model" not in (exchange["req"] or ()):
            continue  # Azure has the model in the path
        body = json.dumps(exchange["req"]).encode()
        request = openai_chat.parse_request(body)
        built = json.loads(openai_chat.build_request(request, "other"))
        added = {"stream_options": {"include_usage": True}} if request.stream else {}
        assert built == {**exchange["req"], "model": "other", **added}, exchange["id"]
