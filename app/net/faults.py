"""Everything that goes wrong on the way to a provider, and everything a provider refuses, as a `Fault`."""

import re
import socket
import ssl
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from app.domain.chat import Operation
from app.domain.faults import Fault, FaultKind, ProviderError
from app.domain.hosts import is_loopback
from app.net.reply import NO_RESPONSE
from app.net.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETRY_AFTER_MIN_S = 1.0
_RETRY_AFTER_MAX_S = 3600.0
_BUSY_RETRY_AFTER_S = 1.0
_MESSAGE_CHARS = 500
_LOOKS_SECRET = re.compile(
    r"(?i)\b(?:sk|pk|rk|gsk|xai|hf|pplx|nvapi|csk|fw|ghp|github_pat|tgp|r8)[-_][\w*.\-]{4,}"
    r"|\bAIza[\w\-]{4,}|\beyJ[\w.\-]{8,}|(?<=bearer )\S+|\bya29\.[\w.\-]{4,}|(?<=key=)[^\s&\"']+"
    r"|(?<=api key provided: )\S+"
)
RATE_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-")
"""How the headers begin in which providers say what is left of their limits; they are passed on."""

_AWS_ERROR = "x-amzn-errortype"  # the kind of an error, which AWS does not say in the body
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_CHECK_NETWORK = "Check the network, a VPN and the provider's base_url."
_START_IT = "Start that server, or check the address and the port in base_url."
_TRY_LATER = "Try again later, or add another provider that has the model."

_TRANSPORT: tuple[tuple[type[Exception], FaultKind, str, str], ...] = (
    (httpx.ConnectTimeout, FaultKind.CONNECT_TIMEOUT, "{at} did not accept a connection in time.", _CHECK_NETWORK),
    (httpx.PoolTimeout, FaultKind.BUSY, "Every connection to {at} is in use.", "Raise pool.max_connections, or wait."),
    (
        httpx.WriteTimeout,
        FaultKind.FIRST_BYTE_TIMEOUT,
        "{at} did not take the request in time.",
        "Send a shorter prompt, or check the network.",
    ),
    (
        httpx.ReadTimeout,
        FaultKind.FIRST_BYTE_TIMEOUT,
        "{at} did not begin its answer in time.",
        "Raise timeouts.first_byte_s, or for plain answers timeouts.total_s, if the model is known to be slow.",
    ),
    (httpx.CloseError, FaultKind.INTERRUPTED, "The connection to {at} was closed by this program.", "Try again."),
    (
        httpx.ProxyError,
        FaultKind.UNREACHABLE,
        "{at} cannot be reached through its proxy: {why}",
        'Check the proxy of the system or of this provider, or set proxy = "none".',
    ),
    (httpx.ConnectError, FaultKind.UNREACHABLE, "{at} cannot be reached: {why}.", _CHECK_NETWORK),
    (httpx.NetworkError, FaultKind.RESET, "{at} broke the connection off.", _TRY_LATER),
    (httpx.DecodingError, FaultKind.BAD_ENCODING, "{at} sent an encoding that was not asked for.", _TRY_LATER),
    (
        httpx.UnsupportedProtocol,
        FaultKind.CONFIG_ERROR,
        "{at} cannot be asked: {why}",
        "Check base_url and proxy of this provider.",
    ),
    (httpx.InvalidURL, FaultKind.CONFIG_ERROR, "The base_url of {at} is not an address.", "Check base_url."),
    (httpx.ProtocolError, FaultKind.MALFORMED_HTTP, "{at} does not answer in HTTP/1.1: {why}", _CHECK_NETWORK),
)


def fault_from_exception(exc: Exception, provider: str, host: str, *, in_body: bool = False) -> Fault:
    """Return the fault behind a transport exception; `in_body`: the reply's head had come already.

    Messages name provider and host and hold no URL.
    """
    at = f"{provider} ({host})"
    if in_body and (fault := _body_fault(exc, provider, at)) is not None:
        return fault
    if isinstance(exc, httpx.ConnectError) and (fault := _connect_fault(exc, provider, at)) is not None:
        return fault
    if isinstance(exc, httpx.RemoteProtocolError) and NO_RESPONSE in str(exc):
        message = f"{at} closed the connection without an answer."
        return Fault(FaultKind.DISCONNECTED, message, _TRY_LATER, provider)
    for kind_of, kind, message, remedy in _TRANSPORT:
        if isinstance(exc, kind_of):
            retry_after_s = _BUSY_RETRY_AFTER_S if kind is FaultKind.BUSY else None
            text = message.format(at=at, why=_clean(str(exc)))
            near = kind_of is httpx.ConnectError and is_loopback(host)
            return Fault(kind, text, _START_IT if near else remedy, provider, retry_after_s=retry_after_s)
    return Fault(FaultKind.UNREACHABLE, f"{at} cannot be reached: {type(exc).__name__}.", _CHECK_NETWORK, provider)


def _body_fault(exc: Exception, provider: str, at: str) -> Fault | None:
    """A reply that began and broke."""
    if isinstance(exc, httpx.ReadTimeout):
        message = f"{at} stopped sending in the middle of its answer."
        return Fault(FaultKind.STALLED, message, "Try again, or raise timeouts.idle_s.", provider)
    if isinstance(exc, httpx.RemoteProtocolError | httpx.ReadError):
        message = f"{at} broke off in the middle of its answer."
        return Fault(FaultKind.TRUNCATED, message, "Try again.", provider)
    return None


def _connect_fault(exc: httpx.ConnectError, provider: str, at: str) -> Fault | None:
    """A connection that failed because of the name or of TLS."""
    cause = exc.__cause__
    while isinstance(cause, Exception) and not isinstance(cause, socket.gaierror | ssl.SSLError):
        cause = cause.__cause__ or cause.__context__  # httpcore takes the cause away from its own error
    if isinstance(cause, socket.gaierror):
        message = f"The name of {at} cannot be resolved."
        return Fault(FaultKind.DNS_FAILURE, message, f"{_CHECK_NETWORK} Is the machine online?", provider)
    if isinstance(cause, ssl.SSLError):
        why, remedy = _tls_problem(cause)
        return Fault(FaultKind.TLS_ERROR, f"{at} failed the TLS check: {why}.", remedy, provider)
    return None


def _tls_problem(error: ssl.SSLError) -> tuple[str, str]:
    """Why TLS failed and what to do."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (getattr(error, "reason", None) or "handshake failed").replace("_", " ").lower()
        return reason, "Check that base_url names a server that speaks TLS on this port, and a proxy in between."
    why = _clean(getattr(error, "verify_message", "") or str(error)).rstrip(".")
    words = why.lower()
    if "expired" in words or "not yet valid" in words:
        return why, "Check the date and time of this machine; if they are right, the server's certificate is not."
    if "match" in words or "not valid for" in words:
        return why, "Check the host name in base_url; a company proxy or a captive portal may be answering instead."
    return why, (
        "If a company proxy inspects TLS, install its certificate authority in the system or name its file in ca_file. "
        "Also check the date and time of this machine."
    )


_REFUSED: dict[FaultKind, tuple[str, str]] = {
    FaultKind.AUTH: (
        "{p} refused the key",
        "Replace its key: in the window under Health, or with `switchtower keys set`.",
    ),
    FaultKind.QUOTA: ("The quota or credit at {p} is used up", "Add credit at {p}, or use another provider or key."),
    FaultKind.RATE_LIMITED: ("{p} limits the rate of requests", "Wait, or add another provider that has the model."),
    FaultKind.SERVER_ERROR: ("{p} had an internal error", _TRY_LATER),
    FaultKind.UNAVAILABLE: ("{p} is not available at the moment", _TRY_LATER),
    FaultKind.OVERLOADED: ("{p} is overloaded", _TRY_LATER),
    FaultKind.TRANSIENT: ("{p} could not take the request right now", "Try again."),
    FaultKind.BAD_REQUEST: ("{p} refused the request", ""),
    FaultKind.CONTEXT_LENGTH: (
        "The prompt is too long for the model at {p}",
        "Shorten the conversation, or choose a model with a larger context window.",
    ),
    FaultKind.CONTENT_FILTER: ("{p} refused the content", ""),
    FaultKind.MODEL_NOT_FOUND: ("{p} does not have the model", "Choose a model from the list of /v1/models."),
    FaultKind.UNSUPPORTED_PARAMETER: ("{p} does not support a parameter", "Leave the parameter out."),
    FaultKind.MALFORMED_EVENT: ("{p} sent an event that cannot be read", _TRY_LATER),
    FaultKind.CONFIG_ERROR: ("{p} has nothing at this address", "Check base_url of the provider; it may lack /v1."),
    FaultKind.REDIRECT: (
        "{p} answered with a redirect, which is not followed so that the key stays home",
        "Check base_url; a sign-in page of the network may be in the way.",
    ),
}


def fault_from_status(
    provider: str, status: int, headers: "Mapping[str, str]", error: ProviderError, now: float
) -> Fault:
    """Return the fault behind an error answer. `headers` have lower case names, `now` is in seconds since 1970."""
    if not error.code and (named := headers.get(_AWS_ERROR)):
        error = replace(error, code=named.partition(":")[0].lower())
    kind = judge(status, error)
    detail = error.message
    if kind is FaultKind.REDIRECT:
        detail = _target(headers.get("location", ""))
    retry_after_s = parse_retry_after(headers, now) if _may_wait(status) else None
    if retry_after_s is None and error.retry_after_s is not None:
        retry_after_s = _clamp(error.retry_after_s)
    limits = tuple((name, value) for name, value in headers.items() if name.startswith(RATE_LIMITS))
    return _refusal(kind, provider, status, error, (detail or f"status {status}", retry_after_s, limits))


def not_offered(fault: Fault, operation: Operation) -> Fault:
    """What a path that is not there means for anything but chat: the provider has no such thing, no wrong address.

    Completions count as chat: some dialects answer them so.
    """
    if fault.kind is not FaultKind.CONFIG_ERROR or operation in (Operation.CHAT, Operation.COMPLETIONS):
        return fault
    message = f"{fault.provider} does not seem to offer {operation.replace('_', ' ')}: it has no such path."
    remedy = "Ask a model of another provider; if it does offer it, check base_url."
    return replace(fault, kind=FaultKind.NOT_OFFERED, message=message, remedy=remedy)


def fault_from_error(provider: str, error: ProviderError) -> Fault:
    """Return the fault behind an error inside an answer with a success status, by its code."""
    status = error.status if error.status is not None and error.status in range(400, 600) else 0
    retry_after_s = _clamp(error.retry_after_s) if error.retry_after_s is not None else None
    return _refusal(judge(status, error), provider, status, error, (error.message, retry_after_s, ()))


def _refusal(
    kind: FaultKind,
    provider: str,
    status: int,
    error: ProviderError,
    said: tuple[str, float | None, tuple[tuple[str, str], ...]],
) -> Fault:
    detail, retry_after_s, limits = said
    message, remedy = _REFUSED[kind]
    detail = _clean(detail)
    return Fault(
        kind,
        message.format(p=provider) + (f": {detail}" if detail else "") + ("" if detail.endswith((".", "!")) else "."),
        remedy.format(p=provider),
        provider=provider,
        provider_status=status or None,
        provider_code=error.code or error.type,
        param=error.param,
        retry_after_s=retry_after_s,
        headers=limits,
    )


def _target(location: str) -> str:
    """The host that a redirect points to."""
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return ""


def _clean(text: str) -> str:
    """A provider's words on one line, without what looks like a key, and not longer than a message should be."""
    line = _CONTROL.sub(" ", _LOOKS_SECRET.sub("…", text)).strip()
    return line if len(line) <= _MESSAGE_CHARS else f"{line[:_MESSAGE_CHARS]}…"


def _may_wait(status: int) -> bool:
    return status in (408, 409, 429) or status in range(500, 600)


def parse_retry_after(headers: "Mapping[str, str]", now: float) -> float | None:
    """Return how long to wait in seconds (1 to 3600), from `retry-after-ms` or `retry-after` (seconds or HTTP date).

    `now` is in seconds since 1970. Past, negative and unreadable values count as absent. The caller looks at it for
    408, 409, 429 and 5xx only: some providers send the header with good answers too.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _clamp(milliseconds / 1000)
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is None:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return _clamp(seconds)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\s*-?[0-9]{1,15}(\.[0-9]{1,9})?\s*", text) else None


def _clamp(seconds: float) -> float | None:
    return min(max(seconds, _RETRY_AFTER_MIN_S), _RETRY_AFTER_MAX_S) if seconds > 0 else None
