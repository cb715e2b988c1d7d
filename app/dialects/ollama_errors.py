"""Errors of the Ollama dialect, read and written: `{"error": "…"}`, in a stream as its last line."""

from typing import Any

from app.dialects import json_edit
from app.dialects.openai_errors import clean, parse_error, read_error
from app.domain.faults import Fault, FaultError, FaultKind, ProviderError

MALFORMED = ProviderError(message="A line of the stream is not a JSON object.", code=FaultKind.MALFORMED_EVENT.value)


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    return parse_error(body)


def in_band_error(value: dict[str, Any]) -> ProviderError | None:
    """Find the error in a body or line that came with a success status."""
    return read_error(value) if value.get("error") else None


def bad_reply(what: str) -> FaultError:
    """Make the error for an answer that is not what the dialect allows."""
    remedy = "Check its base URL; if that is right, the provider has a problem."
    return FaultError(Fault(FaultKind.BAD_REPLY, f"The provider answered with {what}.", remedy))


def render_fault(fault: Fault, request_id: str) -> bytes:  # the envelope has no request id: it is a header
    """Make the error envelope of the dialect; `code` beside it is our own."""
    return json_edit.dumps({"error": clean(fault.text), "code": fault.kind.value})


def render_stream_fault(fault: Fault, request_id: str) -> bytes:
    """Make the line that ends a broken stream."""
    return render_fault(fault, request_id) + b"\n"
