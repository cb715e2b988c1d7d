"""What a provider's refusal means: its code and type first, then what its message says, then the status."""

import re
from typing import NamedTuple

from app.domain.faults import FaultKind, ProviderError
from app.domain.repairs import OPTIONAL, TOO_LONG, member_of

_CODES: dict[FaultKind, frozenset[str]] = {
    FaultKind.CONTEXT_LENGTH: frozenset(
        {
            "context_length_exceeded",
            "context_window_exceeded",
            "model_context_window_exceeded",
            "exceed_context_size_error",
            "request_too_large",
            "contextwindowexceededexception",
        }
    ),
    FaultKind.CONTENT_FILTER: frozenset(
        {
            "content_filter",
            "content_filter_error",
            "content_policy_violation",
            "moderation_blocked",
            "responsibleaipolicyviolation",
            "data_inspection_failed",
        }
    ),
    FaultKind.QUOTA: frozenset(
        {
            "insufficient_quota",
            "quota_exceeded",
            "billing_error",
            "billing_hard_limit_reached",
            "billing_not_active",
            "insufficient_balance",
            "insufficient_credits",
            "insufficient_user_quota",
            "payment_required",
            "exceeded_current_quota_error",
            "arrearage",
            "servicequotaexceededexception",
        }
    ),
    FaultKind.AUTH: frozenset(
        {
            "invalid_api_key",
            "authentication_error",
            "invalid_authentication",
            "invalid_authentication_error",
            "permission_error",
            "permission_denied",
            "unauthenticated",
            "unauthorized",
            "account_deactivated",
            "incorrect_api_key",
            "missing_api_key",
            "invalid_token",
            "unrecognizedclientexception",
            "invalidsignatureexception",
            "incompletesignatureexception",
            "missingauthenticationtokenexception",
            "expiredtokenexception",
            "invalidclienttokenid",
        }
    ),
    FaultKind.OVERLOADED: frozenset(
        {"overloaded", "overloaded_error", "server_is_overloaded", "engine_overloaded", "engine_overloaded_error"}
    ),
    FaultKind.RATE_LIMITED: frozenset(
        {
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limited",
            "rate_limit_reached_error",
            "too_many_requests",
            "resource_exhausted",
            "rate_limit",
            "throttling",
            "throttlingexception",
            "modelnotreadyexception",
            "requests",
            "tokens",
        }
    ),
    FaultKind.MODEL_NOT_FOUND: frozenset(
        {
            "model_not_found",
            "model_not_available",
            "invalid_model",
            "deploymentnotfound",
            "unknown_model",
            "accessdeniedexception",  # at AWS access is granted model by model
            "resourcenotfoundexception",
        }
    ),
    FaultKind.UNSUPPORTED_PARAMETER: frozenset(
        {"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"}
    ),
    FaultKind.UNAVAILABLE: frozenset(
        {
            "service_unavailable",
            "unavailable",
            "timeout_error",
            "deadline_exceeded",
            "serviceunavailableexception",
            "modeltimeoutexception",
        }
    ),
    FaultKind.SERVER_ERROR: frozenset(
        {
            "server_error",
            "api_error",
            "internal_error",
            "internal_server_error",
            "internal",
            "engine_error",
            "internalserverexception",
            "modelerrorexception",
            "modelstreamerrorexception",
        }
    ),
    FaultKind.BAD_REQUEST: frozenset(
        {"invalid_value", "invalid_argument", "tool_use_failed", "json_validate_failed", "validationexception"}
    ),
    FaultKind.MALFORMED_EVENT: frozenset({FaultKind.MALFORMED_EVENT.value}),  # the stream readers' own word
}
_BY_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}


class _Phrase(NamedTuple):
    """Words that mean `kind` when one of them stands in the message and the status is one of `statuses`."""

    kind: FaultKind
    statuses: frozenset[int]
    words: tuple[str, ...]


_PHRASES = (
    _Phrase(
        FaultKind.CONTEXT_LENGTH,
        frozenset({0, 400, 413, 422, 500}),
        (
            "maximum context length",
            "prompt is too long",
            "context length",
            "context window",
            "context size",
            "input is too long",
            "input token count",
            "exceeds the maximum number of tokens",
            "tokens in the prompt cannot exceed",
            "size limit exceeded by",
        ),
    ),
    _Phrase(
        FaultKind.QUOTA,
        frozenset({0, 400, 402, 403, 429}),
        (
            "exceeded your current quota",
            "credit balance",
            "insufficient balance",
            "insufficient credit",
            "spend limit",
            "spending limit",
            "usage limits",
            "billing",
            "perday",
            "api calls / month",
        ),
    ),
    _Phrase(FaultKind.AUTH, frozenset({0, 400}), ("api key not valid", "invalid api key", "incorrect api key")),
    _Phrase(
        FaultKind.CONTENT_FILTER,
        frozenset({0, 400, 403, 451}),
        ("content management policy", "content policy", "content_filter", "flagged", "inappropriate content"),
    ),
    _Phrase(FaultKind.OVERLOADED, frozenset({0, 429, 500, 503, 529}), ("overloaded",)),
    _Phrase(
        FaultKind.MODEL_NOT_FOUND,
        frozenset({0, 400, 404, 410, 422}),
        ("not a valid model", "model identifier is invalid", "invalid model", "unknown model", "no endpoints found"),
    ),
    _Phrase(
        FaultKind.UNSUPPORTED_PARAMETER,
        frozenset({0, 400, 422}),
        (
            "unsupported parameter",
            "unknown parameter",
            "unrecognized request argument",
            "unexpected keyword",
            "does not support parameter",
            "argument not supported on this model",
            "is not supported with this model",
            "is not supported for this model",
            "is deprecated for this model",  # Claude's sampling from Opus 4.7 on
            "does not support thinking",
            "extra inputs are not permitted",
            "extra fields not permitted",
        ),
    ),
)

_BY_STATUS = {
    401: FaultKind.AUTH,
    402: FaultKind.QUOTA,
    403: FaultKind.AUTH,
    405: FaultKind.CONFIG_ERROR,
    408: FaultKind.TRANSIENT,
    409: FaultKind.TRANSIENT,
    413: FaultKind.CONTEXT_LENGTH,
    424: FaultKind.SERVER_ERROR,  # AWS: the model failed
    425: FaultKind.TRANSIENT,
    429: FaultKind.RATE_LIMITED,
    529: FaultKind.OVERLOADED,
}
_GATEWAY = frozenset({502, 503, 504, *range(520, 528), 530})
_SURE = frozenset({401, 402, 408, 409, 425})
"""Statuses that mean one thing whatever the code says, but for an exhausted quota."""

_VAGUE = frozenset({FaultKind.SERVER_ERROR, FaultKind.UNAVAILABLE, FaultKind.BAD_REQUEST})
"""Kinds that a status tells better than a code."""


_SAID_TO_THE_MODEL = re.compile(r"(?:instructions|prompt|messages|input)[.\[\]0-9]*(?:(?:content|output)\b.*)?")
"""What `param` is called when the conversation itself is meant: names, ids and the like within it are not."""


def judge(status: int, error: ProviderError) -> FaultKind:
    """Return the kind of fault behind an error answer; `status` is 0 when there is none (an error in a good answer)."""
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        return FaultKind.REDIRECT
    said = _said(status, error)
    if said is not None and (status not in _SURE or said is FaultKind.QUOTA):
        return said
    return _by_status(status, error)


def _said(status: int, error: ProviderError) -> FaultKind | None:
    """What code, type and message say, where they say something particular."""
    message = error.message.lower()
    code = _coded(error)
    words = next((p.kind for p in _PHRASES if status in p.statuses and any(word in message for word in p.words)), None)
    if words is FaultKind.QUOTA and code is FaultKind.RATE_LIMITED:
        return words
    if code in _VAGUE:
        return words or _missing_model(status, message) or (None if status else code)
    return code or words or _missing_model(status, message)


def _coded(error: ProviderError) -> FaultKind | None:
    """What code and type say; a text that is too long is the conversation's unless `param` names another."""
    if TOO_LONG not in (error.code, error.type):
        return _BY_CODE.get(error.code) or _BY_CODE.get(error.type)
    if not error.param or _SAID_TO_THE_MODEL.fullmatch(error.param):
        return FaultKind.CONTEXT_LENGTH
    return FaultKind.UNSUPPORTED_PARAMETER if member_of(error.param) in OPTIONAL else FaultKind.BAD_REQUEST


def _missing_model(status: int, message: str) -> FaultKind | None:
    """A message such as "The requested model 'x' does not exist."; a 404 need only name the model."""
    if "model" not in message:
        return None
    missing = any(words in message for words in ("does not exist", "not found", "not exist", "no such model"))
    return FaultKind.MODEL_NOT_FOUND if status in (404, 410) or (missing and status in (0, 400, 422)) else None


def _by_status(status: int, error: ProviderError) -> FaultKind:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status in (404, 410):
        return FaultKind.MODEL_NOT_FOUND if "not_found_error" in (error.code, error.type) else FaultKind.CONFIG_ERROR
    if status in _GATEWAY:
        return FaultKind.UNAVAILABLE
    return FaultKind.BAD_REQUEST if 400 <= status < 500 else FaultKind.SERVER_ERROR  # noqa: PLR2004 - the classes
