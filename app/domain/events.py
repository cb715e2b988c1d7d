"""What may be observed on the bus: one frozen dataclass per event."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.chat import Operation
from app.domain.status import ProviderStatus
from app.domain.usage import NO_USAGE, Usage


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """A request was let in by the gate and is being routed."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Attempted:
    """One attempt of a request: who was asked, what came of it (`fault` empty: it answered) and how long it took.

    `reason` says why this candidate stood where it did.
    """

    provider: str
    model: str
    fault: str = ""
    ms: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A candidate of a request that was not asked, and why."""

    provider: str
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class RequestFinished:
    """Exactly one per request, whatever happened; the ledger keeps it as a row.

    `model` is the name asked for, `provider` and `provider_model` who answered or failed last; `status` what the
    client saw (499: it went away); `fault` a `FaultKind` value or empty; `outcome` is `ok`, `failed`, `cancelled` or
    `incomplete` (a stream that broke after its first content). Times are in ms; `first_byte_ms` is None without an
    answer. `estimate` works out the tokens that the provider did not count; None when it has counted them.
    """

    request_id: str
    started_at: datetime
    operation: Operation
    model: str
    client: str
    stream: bool
    provider: str = ""
    provider_model: str = ""
    status: int = 200
    outcome: str = "ok"
    fault: str = ""
    detail: str = ""
    ms: float = 0.0
    first_byte_ms: float | None = None
    usage: Usage = NO_USAGE
    attempts: tuple[Attempted, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    estimate: Callable[[], Usage] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderHealthChanged:
    """A provider's state, detail, latency or counters changed."""

    status: ProviderStatus


@dataclass(frozen=True, slots=True)
class ProvidersChanged:
    """Providers were added, removed, enabled, disabled or given a key: take a new snapshot."""


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """New settings are in force."""


@dataclass(frozen=True, slots=True)
class SettingsRejected:
    """The settings file is invalid and the last good settings stay; `problem` names file, line, key and remedy."""

    problem: str


@dataclass(frozen=True, slots=True)
class ServerChanged:
    """The server started or stopped listening; `problem` says why it could not."""

    listening: str
    problem: str = ""


class AlertKind(StrEnum):
    """What the user is told about even when no window is open."""

    PROVIDER_DOWN = "provider_down"
    KEY_REFUSED = "key_refused"
    BUDGET_NEAR = "budget_near"
    BUDGET_SPENT = "budget_spent"


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Something the user should know: `subject` is a provider's id or a budget's scope, `message` has the remedy."""

    kind: AlertKind
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """Nobody can be reached any more (`offline`), or somebody can be again."""

    offline: bool


Event = (
    RequestStarted
    | RequestFinished
    | ProviderHealthChanged
    | ProvidersChanged
    | SettingsChanged
    | SettingsRejected
    | ServerChanged
    | AlertRaised
    | NetworkChanged
)
