"""Errors of the Ollama dialect."""

import json

from app.dialects import ollama_errors
from app.domain.faults import Fault, FaultKind

FAULT = Fault(FaultKind.INVALID_REQUEST, "Bad \ud800.", "Mend it.")


def test_the_envelope_is_a_text_with_our_code_beside_it() -> None:
    value = json.loads(ollama_errors.render_fault(FAULT, "req_1"))
    assert value["error"].startswith("Bad")
    assert "Mend it." in value["error"]
    assert value["code"] == "invalid_request"


def test_in_a_stream_it_is_a_line() -> None:
    line = ollama_errors.render_stream_fault(FAULT, "req_1")
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1


def test_a_providers_error_is_read() -> None:
    assert ollama_errors.parse_fault(b'{"error":"model not found"}').message == "model not found"
    assert ollama_errors.in_band_error({"message": {}}) is None
