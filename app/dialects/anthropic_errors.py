"""Errors of the Anthropic dialect, read and written: `{"type": "error", "error": {…}, "request_id": …}`."""

from typing import Any

from app.dialects import json_edit, sse
from app.dialects.openai_errors import clean, parse_error, read_error
from app.domain.faults import Fault, FaultKind, ProviderError

MALFORMED = ProviderError(message="An event of the stream is not valid JSON.", code=FaultKind.MALFORMED_EVENT.value)

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_BY_KIND = {FaultKind.OVERLOADED: "overloaded_error", FaultKind.QUOTA: "billing_error"}


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    return parse_error(body)


def in_band_error(value: dict[str, Any], event: bytes = b"") -> ProviderError | None:
    """Find the error in a body or event that came with a success status."""
    if value.get("type") == "error" or event == b"error" or (value.get("error") and "content" not in value):
        return read_error(value)
    return None


def render_fault(fault: Fault, request_id: str) -> bytes:
    """Make the error envelope of the dialect."""
    kind = _BY_KIND.get(fault.kind) or _TYPES.get(fault.status)
    kind = kind or ("invalid_request_error" if fault.status < 500 else "api_error")  # noqa: PLR2004 - status class
    return json_edit.dumps(
        {
            "type": "error",
            "error": {"type": kind, "message": clean(fault.text), "code": fault.kind.value},
            "request_id": request_id,
        }
    )


def render_stream_fault(fault: Fault, request_id: str) -> bytes:
    """Make the in-band error event that ends a broken stream."""
    return sse.encode(render_fault(fault, request_id), "error")
