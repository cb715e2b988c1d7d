"""Errors of the Responses dialect."""

from app.dialects.responses_errors import parse_fault, render_fault, render_stream_fault
from app.domain.faults import Fault, FaultKind
from dialects.translating import sse_events


def test_the_envelope_is_openais() -> None:
    assert b'"param":"x"' in render_fault(Fault(FaultKind.INVALID_REQUEST, "No.", param="x"), "req_1")
    assert parse_fault(b'{"error":{"message":"m","code":"c"}}').code == "c"


def test_a_broken_stream_ends_with_both_events() -> None:
    failed, error = sse_events(render_stream_fault(Fault(FaultKind.CONTEXT_LENGTH, "Too long."), "req_1"))
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert failed["response"]["error"]["code"] == "context_length_exceeded"
    assert error["type"] == "error"
    assert error["error"]["message"].startswith("Too long.")
    assert error["sequence_number"] > failed["sequence_number"]
