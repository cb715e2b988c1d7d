"""Errors of the Responses dialect: OpenAI's envelope, and the two events that end a broken stream."""

from app.dialects import json_edit, sse
from app.dialects.openai_errors import clean, parse_error, render_error
from app.domain.faults import Fault, FaultKind, ProviderError

_BEHIND_ALL = 1_000_000_000
"""Greater than any sequence number: who writes the error does not know how far the stream had come."""
_CODES = {
    FaultKind.RATE_LIMITED: "rate_limit_exceeded",
    FaultKind.CONTEXT_LENGTH: "context_length_exceeded",
    FaultKind.QUOTA: "insufficient_quota",
}


def parse_fault(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    return parse_error(body)


def render_fault(fault: Fault, request_id: str) -> bytes:  # OpenAI's envelope has no request id: it is a header
    """Make the error envelope of the dialect."""
    return render_error(fault)


def render_stream_fault(fault: Fault, request_id: str) -> bytes:
    """End a broken stream: `response.failed` for agents, `error` for packages that raise on nothing else."""
    error = {"code": _CODES.get(fault.kind, "server_error"), "message": clean(fault.text)}
    response = {"id": f"resp_{clean(request_id)}", "object": "response", "status": "failed", "error": error}
    failed = {
        "type": "response.failed",
        "response": response | {"output": [], "incomplete_details": None},
        "sequence_number": _BEHIND_ALL,
    }
    envelope = json_edit.loads(render_error(fault))
    last = {
        "type": "error",
        **error,
        "param": fault.param,
        "sequence_number": _BEHIND_ALL + 1,
        **(envelope if isinstance(envelope, dict) else {}),
    }
    return sse.encode(json_edit.dumps(failed), "response.failed") + sse.encode(json_edit.dumps(last), "error")
