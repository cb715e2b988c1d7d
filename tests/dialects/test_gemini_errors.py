"""Errors of the Gemini dialect, read and written."""

import json
from typing import Any

from app.dialects import gemini
from app.domain.faults import Fault, FaultKind


def body(code: int, status: str, message: str = "x", *details: dict[str, Any]) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


def test_an_envelope_and_a_list_of_one() -> None:
    for sent in (body(404, "NOT_FOUND", "gone"), b"[" + body(404, "NOT_FOUND", "gone") + b"]"):
        error = gemini.parse_fault(sent)
        assert (error.status, error.code, error.message) == (404, "not_found", "gone")
    assert gemini.parse_fault(b"oops").message == "oops"


def test_a_busy_minute_is_not_a_used_up_day() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    words = "You exceeded your current quota, please check your plan and billing details."

    def quota(name: str) -> dict[str, Any]:
        return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": name}]}

    minute = gemini.parse_fault(body(429, "RESOURCE_EXHAUSTED", words, quota("GenerateRequestsPerMinute"), retry))
    assert (minute.code, minute.retry_after_s) == ("resource_exhausted", 34)
    assert "quota" not in minute.message
    day = gemini.parse_fault(body(429, "RESOURCE_EXHAUSTED", words, quota("GenerateRequestsPerDay-FreeTier"), retry))
    assert (day.code, day.retry_after_s) == ("quota_exceeded", None)


def test_a_wrong_key_comes_as_a_wrong_request() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    assert gemini.parse_fault(body(400, "INVALID_ARGUMENT", "API key not valid.", info)).code == "invalid_api_key"


def test_the_envelope_of_our_own() -> None:
    fault = Fault(FaultKind.RATE_LIMITED, "Too fast.", "Wait.")
    error = json.loads(gemini.render_fault(fault, "req_1"))["error"]
    assert (error["code"], error["status"], error["message"]) == (429, "RESOURCE_EXHAUSTED", "Too fast. Wait.")
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    event = gemini.render_stream_fault(fault, "req_1")
    assert json.loads(gemini.render_stream_tail(fault, "req_1")) == json.loads(event.removeprefix(b"data: "))
    assert json.loads(event.removeprefix(b"data: "))["error"] == error
    assert json.loads(gemini.render_fault(Fault(FaultKind.STALLED, "x"), "r"))["error"]["status"] == "INTERNAL"
