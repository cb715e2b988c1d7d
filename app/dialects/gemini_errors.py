"""Errors of the Gemini dialect: `{"error": {"code", "message", "status", "details"}}`, or a list that holds it."""

from dataclasses import replace
from typing import Any

from app.dialects import json_edit, sse
from app.dialects.openai_errors import clean, parse_error, read_error
from app.domain.faults import Fault, FaultKind, ProviderError

MALFORMED = ProviderError(message="An event of the stream is not valid JSON.", code=FaultKind.MALFORMED_EVENT.value)

_INTERNAL = 500
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_BROKEN_CALLS = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"})
"""Finish reasons that are failures: the model wrote a call that nobody can run."""


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    try:
        value = json_edit.loads(body)
    except json_edit.JsonError:
        return parse_error(body)
    return _told(value)


def in_band_error(value: object) -> ProviderError | None:
    """Find the error in a body or event that came with a success status."""
    inner = value[0] if isinstance(value, list) and value else value
    if isinstance(inner, dict) and inner.get("error") and not inner.get("candidates"):
        return _told(value)
    return None


def _told(value: object) -> ProviderError:
    """Read an error; its details tell a wrong key from a wrong request."""
    error = read_error(value)
    details = _details(value)
    if any(item.get("reason") == "API_KEY_INVALID" for item in details):
        return replace(error, code="invalid_api_key")
    return error


def _details(value: object) -> list[dict[str, Any]]:
    outer = value[0] if isinstance(value, list) and value else value
    error = outer.get("error") if isinstance(outer, dict) else None
    return _objects(error.get("details")) if isinstance(error, dict) else []


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def broken_call(candidate: dict[str, Any]) -> ProviderError | None:
    """Return the error when the model wrote a call that nobody can run: trying again may help, going on cannot."""
    reason = candidate.get("finishReason")
    if not isinstance(reason, str) or reason not in _BROKEN_CALLS:
        return None
    said = candidate.get("finishMessage")
    detail = f": {clean(said)[:500]}" if isinstance(said, str) and said else "."
    return ProviderError(f"The model wrote a tool call that cannot be read ({reason}){detail}", status=_INTERNAL)


def render_fault(fault: Fault, request_id: str) -> bytes:
    """Make the error envelope of the dialect."""
    status = _STATUSES.get(fault.status) or ("INVALID_ARGUMENT" if fault.status < _INTERNAL else "INTERNAL")
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": fault.kind.value.upper(),
        "domain": "switchtower",
        "metadata": {"request_id": request_id},
    }
    error = {"code": fault.status, "message": clean(fault.text), "status": status, "details": [info]}
    return json_edit.dumps({"error": error})


def render_stream_fault(fault: Fault, request_id: str) -> bytes:
    """Make the in-band error event that ends a broken stream."""
    return sse.encode(render_fault(fault, request_id))


def render_stream_tail(fault: Fault, request_id: str) -> bytes:
    """Make what stands behind that event, as a chunk of its own: the envelope without a frame, as Google sends it.

    Google's packages for Go, and older ones for Node.js, take an error in an event for an answer that says nothing.
    """
    return render_fault(fault, request_id) + b"\n\n"
