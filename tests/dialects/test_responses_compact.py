"""Compacting a conversation passes through to the provider that has the Responses API."""

import json
from typing import Any

import pytest

from app.dialects import responses_compact
from app.domain.chat import Operation
from app.domain.faults import FaultError, InBandError

BODY = b'{"model":"a/m", "input":[], "previous_response_id":"resp_1", "stream":true}'


def test_only_a_provider_with_the_api_can_do_it() -> None:
    request = responses_compact.parse_request(BODY)
    assert (request.operation, request.stream, request.refers) == (Operation.RESPONSES, False, "resp_1")
    assert responses_compact.build_request(request, "m") == BODY.replace(b'"a/m"', b'"m"')
    assert responses_compact.parse_request(b'{"model":"m","input":"x"}').operation is Operation.RESPONSES


def test_every_recorded_answer_passes_with_its_usage(compactions: list[dict[str, Any]]) -> None:
    assert len(compactions) >= 4
    for exchange in compactions:
        request = responses_compact.parse_request(json.dumps(exchange["req"]).encode())
        body = exchange["resp"].encode()
        reply = responses_compact.parse_reply(request, body)
        assert (reply.body, reply.kept) == (body, ())
        assert reply.usage.input == json.loads(body)["usage"]["input_tokens"]


def test_errors_and_streams() -> None:
    request = responses_compact.parse_request(BODY)
    with pytest.raises(InBandError):
        responses_compact.parse_reply(request, b'{"error":{"message":"x"}}')
    with pytest.raises(FaultError):
        responses_compact.open_stream(request)
