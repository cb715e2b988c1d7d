"""Anthropic's error envelope and in-band errors."""

import json

import pytest

from app.dialects.anthropic_errors import in_band_error, parse_fault, render_fault, render_stream_fault
from app.domain.faults import Fault, FaultKind


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (FaultKind.INVALID_REQUEST, "invalid_request_error"),
        (FaultKind.UNAUTHORIZED, "authentication_error"),
        (FaultKind.MODEL_NOT_FOUND, "not_found_error"),
        (FaultKind.RATE_LIMITED, "rate_limit_error"),
        (FaultKind.OVERLOADED, "overloaded_error"),
        (FaultKind.QUOTA, "billing_error"),
        (FaultKind.TRUNCATED, "api_error"),
        (FaultKind.CONNECT_TIMEOUT, "timeout_error"),
        (FaultKind.CONTEXT_LENGTH, "invalid_request_error"),
    ],
)
def test_the_envelope(kind: FaultKind, word: str) -> None:
    error = json.loads(render_fault(Fault(kind, "It broke.", "Mend it."), "req_1"))
    assert error == {
        "type": "error",
        "error": {"type": word, "message": "It broke. Mend it.", "code": kind.value},
        "request_id": "req_1",
    }


def test_the_event() -> None:
    event = render_stream_fault(Fault(FaultKind.TRUNCATED, "It broke."), "req_1")
    assert event.startswith(b'event: error\ndata: {"type":"error"')
    assert event.endswith(b"\n\n")


def test_errors_are_read() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}'
    error = parse_fault(body)
    assert (error.type, error.message) == ("overloaded_error", "Overloaded")
    assert in_band_error(json.loads(body)) == error
    assert in_band_error({"type": "message", "content": []}) is None
    assert parse_fault(b"<html><title>502</title>").message == "502"
