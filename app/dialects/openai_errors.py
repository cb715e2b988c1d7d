"""Errors in the OpenAI dialects: read whatever shape a provider gives them, write ours.

Seen in the wild: `error` as object or string, its `code` a number, a string or missing, the whole in a list (Gemini),
`detail` (FastAPI: text or a list of findings), `message` at the top level or holding an object (Mistral), `errors`
(lists), `metadata.raw` with the real reason (OpenRouter), plain text, HTML pages and nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from app.dialects import json_edit, sse
from app.domain.faults import Fault, FaultKind, ProviderError

_MAX_MESSAGE = 2000
_MAX_PARTS = 3
_MAX_DEPTH = 6
_TEXT_KEYS = (
    "message",
    "msg",
    "detail",
    "error",
    "errors",
    "error_description",
    "description",
    "reason",
    "title",
    "code",
    "type",
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_BODY_KEYS = frozenset(("choices", "data", "usage"))


def parse_error(body: bytes) -> ProviderError:
    """Read a provider's error body of any shape; never raises."""
    try:
        value = json_edit.loads(body)
    except json_edit.JsonError:
        return ProviderError(message=_plain_text(body))
    return read_error(value)


def read_error(value: object) -> ProviderError:
    """Read an error that is JSON already."""
    outer = _object(value)
    inner = outer.get("error") or outer.get("errors")
    error = {**outer, **_object(inner)} if _object(inner) else outer
    told = ProviderError(
        message=_message(value, error),
        code=_word(error.get("code")) or _word(error.get("status")) or _word(error.get("error_code")),
        type=_word(error.get("type")) or _word(error.get("error_type")),
        param=error["param"] if isinstance(error.get("param"), str) else None,
        status=_status(error),
        retry_after_s=_retry_after(error),
    )
    return _by_quota(told, error.get("details"))


def in_band_error(reply: Mapping[str, Any], event: bytes = b"") -> ProviderError | None:
    """Find the error in a body or stream event that came with a success status; None when it is none.

    OpenRouter puts it beside or into the `choices` of an otherwise normal chunk, Groq also into `x_groq`.
    """
    if reply.get("error") or event == b"error" or "error" in (reply.get("object"), reply.get("type")):
        return read_error(reply)
    groq = reply.get("x_groq")
    if isinstance(groq, dict) and groq.get("error"):
        return read_error(groq)
    choices = reply.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and (choice.get("error") or choice.get("finish_reason") == "error"):
            return read_error({"error": choice.get("error") or "The provider ended its answer with an error."})
    if _BODY_KEYS.isdisjoint(reply) and _is_bare_error(reply):
        return read_error(reply)
    return None


def render_error(fault: Fault) -> bytes:
    """Make the envelope `{"error": {"message", "type", "param", "code"}}`."""
    return msgspec.json.encode(
        {
            "error": {
                "message": clean(fault.text),
                "type": _error_type(fault),
                "param": None if fault.param is None else clean(fault.param),
                "code": fault.kind.value,
            }
        }
    )


def render_error_event(fault: Fault) -> bytes:
    """Make the in-band event that ends a broken stream; no `[DONE]` follows it."""
    return sse.encode(render_error(fault))


def clean(text: str) -> str:
    """Replace what cannot be written as UTF-8: lone surrogates."""
    return text.encode("utf-8", "replace").decode()


_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def _error_type(fault: Fault) -> str:
    """OpenAI's word for this class of errors; its SDKs look at the status, people at this."""
    if fault.kind is FaultKind.QUOTA:
        return "insufficient_quota"
    return _TYPES.get(fault.status) or ("invalid_request_error" if fault.status < 500 else "server_error")  # noqa: PLR2004 - the class of the status


def _is_bare_error(reply: Mapping[str, Any]) -> bool:
    """Whether a body without any content is an error that merely does not say so."""
    says = reply.get("message") or reply.get("detail") or reply.get("errors")
    kind = reply.get("type")
    return bool(says) and (not isinstance(kind, str) or "error" in kind)


def _object(value: object) -> dict[str, Any]:
    """Take the object out of a list, if it is in one."""
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), None)
    return value if isinstance(value, dict) else {}


def _message(value: object, error: Mapping[str, Any]) -> str:
    text = _text(error or value)
    raw = _upstream_reason(error.get("metadata"))
    return f"{text}: {raw}" if raw and raw not in text else text


def _text(value: object, depth: int = 0) -> str:
    """Find the words in whatever a message turned out to be."""
    if isinstance(value, str):
        return clean(value).strip()[:_MAX_MESSAGE]
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return "; ".join(filter(None, (_text(item, depth + 1) for item in value[:_MAX_PARTS])))
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        return next(filter(None, (_text(value.get(key), depth + 1) for key in _TEXT_KEYS)), "")
    return ""


def _upstream_reason(metadata: object) -> str:
    """What the provider behind OpenRouter said: `raw` is its body, as text or as JSON in text."""
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not isinstance(raw, str):
        return _text(raw)
    return parse_error(raw.encode("utf-8", "replace")).message if raw.lstrip().startswith(("{", "[")) else _text(raw)


def _word(value: object) -> str:
    return clean(value).lower() if isinstance(value, str) and not value.isdigit() else ""


def _status(error: Mapping[str, Any]) -> int | None:
    for key in ("code", "status", "status_code", "statusCode", "http_status"):
        value = error.get(key)
        if isinstance(value, str) and value.isdecimal():
            value = int(value[:4])
        if isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 600:  # noqa: PLR2004 - HTTP statuses
            return value
    return None


def _retry_after(error: Mapping[str, Any]) -> float | None:
    """Gemini says it in `details[].retryDelay` as "34s"."""
    details = error.get("details")
    for item in details if isinstance(details, list) else ():
        delay = item.get("retryDelay") if isinstance(item, dict) else None
        match = _SECONDS.fullmatch(delay) if isinstance(delay, str) else None
        if match:
            return float(match[1])
    return None


def _by_quota(error: ProviderError, details: object) -> ProviderError:
    """Google names the quota in `details[].violations[]`: a used up day is not waited for, a busy minute is.

    Its message speaks of "plan and billing" in both cases.
    """
    rows = [item.get("violations") for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    found = [one for row in rows if isinstance(row, list) for one in row if isinstance(one, dict)]
    quotas = [str(one.get("quotaId")) for one in found]
    if not quotas or error.code != "resource_exhausted":
        return error
    if any("PerDay" in quota for quota in quotas):
        return replace(error, code="quota_exceeded", retry_after_s=None)
    return replace(error, message=f"The limit {clean(', '.join(quotas))[:300]} is reached for now.")


def _plain_text(body: bytes) -> str:
    text = body[: 4 * _MAX_MESSAGE].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        return " ".join(title[1].split()) if title and title[1].strip() else "an HTML page instead of JSON"
    return text[:_MAX_MESSAGE]
