"""How the providers and the program are doing, as the tray, the windows and `/v1/status` show it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HealthState(StrEnum):
    """The states of a provider in the contract."""

    HEALTHY = "healthy"
    SLOW = "slow"
    CONFIG_ERROR = "config_error"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    DISABLED = "disabled"
    NEEDS_KEY = "needs_key"
    UNKNOWN = "unknown"

    @property
    def up(self) -> bool:
        """Whether requests are likely to be answered."""
        return self in (HealthState.HEALTHY, HealthState.SLOW)


class BreakerState(StrEnum):
    """The states of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """One provider at one moment; the field names are those of `/v1/status`. None is unknown.

    `detail` is the last error with its remedy, empty when there is none. `latency_ms` is smoothed; `latencies_ms` are
    the last 20 as they were, the newest last. `unknown_usage` counts requests whose tokens nobody knows,
    `unknown_cost` those whose cost is not in `cost_usd`.
    """

    id: str
    kind: str
    name: str
    enabled: bool
    priority: int
    state: HealthState
    detail: str = ""
    latency_ms: float | None = None
    checked_at: datetime | None = None
    breaker: BreakerState = BreakerState.CLOSED
    cooling_until: datetime | None = None
    models: int | None = None
    in_flight: int = 0
    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    latencies_ms: tuple[float, ...] = ()
    unknown_usage: int = 0
    unknown_cost: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole program at one moment.

    `listening` is the address clients use, empty while the server is down; `problem` then says why, with the remedy.
    `settings_problem` says what is wrong with the settings file while the last good settings are in use.
    `demo` is set when the providers are the built-in ones that invent their answers, `lan` when other machines may
    connect, `keyless` to the address where no token is asked for.
    """

    version: str
    uptime_s: float
    listening: str
    offline: bool
    providers: tuple[ProviderStatus, ...]
    forced_provider: str = ""
    problem: str = ""
    settings_problem: str = ""
    ledger_problem: str = ""
    demo: bool = False
    lan: bool = False
    keyless: str = ""
