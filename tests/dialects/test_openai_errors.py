"""Errors of every shape in, one envelope out."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import openai_errors
from app.domain.faults import Fault, FaultKind


def test_golden(golden_errors: dict[str, Any]) -> None:
    text = golden_errors.get("text")
    body = json.dumps(golden_errors["body"]).encode() if text is None else text.encode()
    error = asdict(openai_errors.parse_error(body))
    expect = {"message": "", "code": "", "type": "", "param": None, "status": None, "retry_after_s": None}
    assert error == {**expect, **golden_errors["expect"]}


@given(st.binary(max_size=200))
def test_reading_never_raises(body: bytes) -> None:
    openai_errors.parse_error(body).message.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 600) | st.text(max_size=5) | st.just("\ud83d"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "errors",
                    "message",
                    "detail",
                    "code",
                    "status",
                    "type",
                    "metadata",
                    "raw",
                    "choices",
                    "object",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_reading_any_shape_never_raises(value: Any) -> None:
    openai_errors.read_error(value).message.encode()
    if isinstance(value, dict):
        openai_errors.in_band_error(value)


def test_a_long_text_is_cut() -> None:
    assert len(openai_errors.parse_error(b"x" * 100_000).message) == 2000
    assert len(openai_errors.parse_error(json.dumps({"error": "x" * 9000}).encode()).message) == 2000


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": {"message": "a"}, "choices": [{}]}, "a"),
        ({"choices": [{"error": {"message": "b"}}]}, "b"),
        ({"x_groq": {"error": "h"}, "choices": [{}]}, "h"),
        ({"x_groq": {"id": "r"}, "choices": [{}]}, None),
        ({"object": "error", "message": "c"}, "c"),
        ({"type": "error", "message": "d"}, "d"),
        ({"detail": "e"}, "e"),
        ({"id": "1", "message": "f"}, "f"),
        ({"message": "g", "type": "server_error"}, "g"),
        ({"message": "working", "type": "status"}, None),
        ({"error": None, "choices": [{"error": None}, "x"]}, None),
        ({"error": {}, "data": [], "message": "x"}, None),
        ({"choices": 7}, None),
        ({}, None),
    ],
)
def test_in_band(reply: dict[str, Any], message: str | None) -> None:
    error = openai_errors.in_band_error(reply)
    assert (error and error.message) == message


def test_an_error_event_is_one_whatever_is_in_it() -> None:
    error = openai_errors.in_band_error({"message": "x", "choices": []}, b"error")
    assert error is not None
    assert error.message == "x"


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        (FaultKind.UNAUTHORIZED, "authentication_error"),
        (FaultKind.FORBIDDEN, "permission_error"),
        (FaultKind.RATE_LIMITED, "rate_limit_error"),
        (FaultKind.QUOTA, "insufficient_quota"),
        (FaultKind.CONTEXT_LENGTH, "invalid_request_error"),
        (FaultKind.MODEL_NOT_FOUND, "invalid_request_error"),
        (FaultKind.AUTH, "server_error"),
        (FaultKind.OVERLOADED, "server_error"),
        (FaultKind.INTERNAL, "server_error"),
    ],
)
def test_envelope(kind: FaultKind, type_: str) -> None:
    fault = Fault(kind, "Acme said no.", "Ask another.", param="model")
    expect = {"message": "Acme said no. Ask another.", "type": type_, "param": "model", "code": kind.value}
    assert json.loads(openai_errors.render_error(fault)) == {"error": expect}


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_has_an_envelope(kind: FaultKind) -> None:
    error = json.loads(openai_errors.render_error(Fault(kind, "m \ud83d")))["error"]
    assert error == {"message": "m ?", "type": error["type"], "param": None, "code": kind.value}
    assert error["type"]


def test_the_event_is_one_line_without_an_end_mark() -> None:
    event = openai_errors.render_error_event(Fault(FaultKind.TRUNCATED, "Acme\nbroke off."))
    assert event.startswith(b'data: {"error":{')
    assert event.endswith(b"}}\n\n")
    assert event.count(b"\n") == 2


def test_every_recorded_error_has_a_message(exchanges: list[dict[str, Any]]) -> None:
    errors = [e for e in exchanges if e["status"] >= 400]
    assert len(errors) >= 12
    for exchange in errors:
        error = openai_errors.parse_error(exchange["resp"].encode())
        assert error.message, exchange["id"]
        assert error.code or error.status, exchange["id"]


@pytest.mark.parametrize(
    ("quota", "code", "retry_after_s"),
    [("GenerateRequestsPerMinute", "resource_exhausted", 34.5), ("RequestsPerDay-FreeTier", "quota_exceeded", None)],
)
def test_google_s_quota_tells_a_busy_minute_from_a_used_up_day(
    quota: str, code: str, retry_after_s: float | None
) -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}, "x"]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
        "x",
    ]
    words = "You exceeded your current quota, please check your plan and billing details."
    inner = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": words, "details": details}
    error = openai_errors.parse_error(json.dumps([{"error": inner}]).encode())
    assert (error.code, error.retry_after_s) == (code, retry_after_s)
    assert ("billing" in error.message) is (code == "quota_exceeded")
