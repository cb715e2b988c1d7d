"""Everything that can go wrong as a value with a kind and a remedy, and THE POLICY TABLE that says what follows."""

from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """One kind per row (or group of rows) of the fault table in `docs/faults.md`, then the local refusals."""

    # between us and the provider
    UNREACHABLE = "provider_unreachable"
    DNS_FAILURE = "dns_failure"
    TLS_ERROR = "tls_error"
    CONNECT_TIMEOUT = "connect_timeout"
    BUSY = "busy"
    DISCONNECTED = "upstream_disconnected"
    RESET = "upstream_reset"
    FIRST_BYTE_TIMEOUT = "upstream_timeout"
    MALFORMED_HTTP = "malformed_http"
    # what the provider answered
    AUTH = "provider_auth"
    QUOTA = "insufficient_quota"
    RATE_LIMITED = "rate_limit_exceeded"
    SERVER_ERROR = "provider_error"
    UNAVAILABLE = "provider_unavailable"
    OVERLOADED = "provider_overloaded"
    TRANSIENT = "provider_conflict"
    BAD_REQUEST = "invalid_request_error"
    CONTEXT_LENGTH = "context_length_exceeded"
    CONTENT_FILTER = "content_filter"
    MODEL_NOT_FOUND = "model_not_found"
    NOT_OFFERED = "operation_not_offered"
    UNSUPPORTED_PARAMETER = "unsupported_parameter"
    REDIRECT = "unexpected_redirect"
    BAD_REPLY = "bad_upstream_reply"
    STALLED = "upstream_stalled"
    TRUNCATED = "upstream_truncated"
    MALFORMED_EVENT = "bad_upstream_event"
    NO_CONTENT = "upstream_silent"
    BAD_ENCODING = "bad_content_encoding"
    TOO_LARGE = "reply_too_large"
    # the machine and the client
    CLIENT_GONE = "client_disconnected"
    CLIENT_STALLED = "client_stalled"
    INTERRUPTED = "interrupted"
    OFFLINE = "offline"
    SHUTTING_DOWN = "shutting_down"
    # nobody can be asked
    NO_PROVIDER = "no_provider"
    PROVIDER_DISABLED = "provider_disabled"
    NEEDS_KEY = "provider_needs_key"
    CONFIG_ERROR = "provider_config_error"
    BUDGET = "budget_exceeded"
    # the gate
    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "invalid_api_key"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    BODY_TOO_LARGE = "request_too_large"
    REQUEST_TIMEOUT = "request_timeout"
    INTERNAL = "internal_error"


class Cooldown(StrEnum):
    """What is left alone for a while after a fault."""

    NONE = "none"
    KEY = "key"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Policy:
    """What follows from a fault: a row of the table.

    `retries` on the same provider (0 or 1), of which the first is at once when `retry_at_once`; `next`: another
    candidate may be asked, before the commit point; `breaker`: it counts; `status` and `should_retry` are what the
    client sees when nobody else can answer; `rows` name the rows of the fault table it stands for (none for refusals
    of our own). `passes_status`: the provider's own status is passed on instead.
    """

    status: int
    retries: int = 0
    retry_at_once: bool = False
    next: bool = True
    breaker: bool = True
    cooldown: Cooldown = Cooldown.NONE
    should_retry: bool = True
    passes_status: bool = False
    rows: tuple[int, ...] = ()


def _refusal(status: int) -> Policy:
    """A refusal of our own: nobody is asked and trying the same again cannot help."""
    return Policy(status, next=False, breaker=False, should_retry=False)


POLICY: dict[FaultKind, Policy] = {
    FaultKind.UNREACHABLE: Policy(502, retries=1, retry_at_once=True, rows=(1,)),
    FaultKind.DNS_FAILURE: Policy(502, retries=1, rows=(2,)),
    FaultKind.TLS_ERROR: Policy(502, breaker=False, should_retry=False, rows=(3, 41)),
    FaultKind.CONNECT_TIMEOUT: Policy(504, retries=1, retry_at_once=True, rows=(4,)),
    FaultKind.BUSY: Policy(503, breaker=False, rows=(5,)),
    FaultKind.DISCONNECTED: Policy(502, retries=1, retry_at_once=True, rows=(6,)),
    FaultKind.RESET: Policy(502, retries=1, retry_at_once=True, rows=(7,)),
    FaultKind.FIRST_BYTE_TIMEOUT: Policy(504, rows=(8,)),
    FaultKind.MALFORMED_HTTP: Policy(502, rows=(9,)),
    FaultKind.AUTH: Policy(502, breaker=False, cooldown=Cooldown.KEY, should_retry=False, rows=(10,)),
    FaultKind.QUOTA: Policy(429, breaker=False, cooldown=Cooldown.KEY, should_retry=False, rows=(11,)),
    FaultKind.RATE_LIMITED: Policy(429, breaker=False, cooldown=Cooldown.MODEL, rows=(12,)),
    FaultKind.SERVER_ERROR: Policy(502, retries=1, rows=(13,)),
    FaultKind.UNAVAILABLE: Policy(503, retries=1, rows=(14,)),
    FaultKind.OVERLOADED: Policy(503, retries=1, rows=(15,)),
    FaultKind.TRANSIENT: Policy(409, retries=1, breaker=False, passes_status=True, rows=(16,)),
    FaultKind.BAD_REQUEST: Policy(400, next=False, breaker=False, should_retry=False, passes_status=True, rows=(17,)),
    FaultKind.CONTEXT_LENGTH: Policy(400, next=False, breaker=False, should_retry=False, rows=(18,)),
    FaultKind.CONTENT_FILTER: Policy(
        400, next=False, breaker=False, should_retry=False, passes_status=True, rows=(19,)
    ),
    FaultKind.MODEL_NOT_FOUND: Policy(404, breaker=False, cooldown=Cooldown.MODEL, should_retry=False, rows=(20,)),
    FaultKind.NOT_OFFERED: Policy(404, breaker=False, should_retry=False),
    FaultKind.UNSUPPORTED_PARAMETER: Policy(400, next=False, breaker=False, should_retry=False, rows=(21,)),
    FaultKind.REDIRECT: Policy(502, should_retry=False, rows=(22,)),
    FaultKind.BAD_REPLY: Policy(502, rows=(23,)),
    FaultKind.STALLED: Policy(502, rows=(27,)),
    FaultKind.TRUNCATED: Policy(502, rows=(28, 29, 30)),
    FaultKind.MALFORMED_EVENT: Policy(502, rows=(31,)),
    FaultKind.NO_CONTENT: Policy(504, rows=(32,)),
    FaultKind.BAD_ENCODING: Policy(502, rows=(33, 34)),
    FaultKind.TOO_LARGE: Policy(502, should_retry=False, rows=(35,)),
    FaultKind.CLIENT_GONE: Policy(499, next=False, breaker=False, rows=(37,)),
    FaultKind.CLIENT_STALLED: Policy(499, next=False, breaker=False, rows=(38,)),
    FaultKind.INTERRUPTED: Policy(503, next=False, breaker=False, rows=(39,)),
    FaultKind.OFFLINE: Policy(503, breaker=False, rows=(40,)),
    FaultKind.SHUTTING_DOWN: Policy(503, next=False, breaker=False),
    FaultKind.NO_PROVIDER: _refusal(503),
    FaultKind.PROVIDER_DISABLED: Policy(503, breaker=False, should_retry=False, rows=(42,)),
    FaultKind.NEEDS_KEY: Policy(503, breaker=False, should_retry=False, rows=(42,)),
    FaultKind.CONFIG_ERROR: Policy(503, breaker=False, should_retry=False),
    FaultKind.BUDGET: _refusal(429),
    FaultKind.INVALID_REQUEST: _refusal(400),
    FaultKind.UNAUTHORIZED: _refusal(401),
    FaultKind.FORBIDDEN: _refusal(403),
    FaultKind.NOT_FOUND: _refusal(404),
    FaultKind.METHOD_NOT_ALLOWED: _refusal(405),
    FaultKind.UNSUPPORTED_MEDIA_TYPE: _refusal(415),
    FaultKind.BODY_TOO_LARGE: _refusal(413),
    FaultKind.REQUEST_TIMEOUT: _refusal(408),
    FaultKind.INTERNAL: Policy(500, next=False, breaker=False),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure.

    `message` says what failed and names the provider, `remedy` what the user can do; neither holds a key.
    `provider_status`, `provider_code` and `param` are the provider's own; `retry_after_s` is what it asked for.
    """

    kind: FaultKind
    message: str
    remedy: str = ""
    provider: str = ""
    provider_status: int | None = None
    provider_code: str = ""
    param: str | None = None
    retry_after_s: float | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def policy(self) -> Policy:
        """The row of the policy table."""
        return POLICY[self.kind]

    @property
    def status(self) -> int:
        """The HTTP status the client sees when nobody else can answer."""
        if self.policy.passes_status and self.provider_status is not None:
            return self.provider_status
        return self.policy.status

    @property
    def text(self) -> str:
        """Message and remedy as one line."""
        return f"{self.message} {self.remedy}".strip()


@dataclass(frozen=True, slots=True)
class ProviderError:
    """What a provider's error body (or in-band error event) says, before it is judged; empty means it did not say.

    `code` and `type` are the provider's words in lower case where it gave any; a numeric `code` is in `status`.
    """

    message: str = ""
    code: str = ""
    type: str = ""
    param: str | None = None
    status: int | None = None
    retry_after_s: float | None = None


class InBandError(Exception):
    """A body or event stream with a success status that carries an error."""

    def __init__(self, error: ProviderError) -> None:
        """Wrap `error`."""
        super().__init__(error.message)
        self.error = error


class FaultError(Exception):
    """Carries a `Fault` up to whoever decides."""

    def __init__(self, fault: Fault) -> None:
        """Wrap `fault`."""
        super().__init__(fault.text)
        self.fault = fault
