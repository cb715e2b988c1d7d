"""One configured provider at work: its client, what became of its requests, and the state that follows from it."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from app.dialects.paths import fill
from app.domain.chat import Operation
from app.domain.events import ProviderHealthChanged
from app.domain.faults import POLICY, Fault, FaultError, FaultKind
from app.domain.hosts import is_private
from app.domain.repairs import Repairs
from app.domain.status import HealthState, ProviderStatus
from app.domain.usage import Usage
from app.engine.bus import Bus
from app.engine.catalogue import ModelList
from app.engine.cooldowns import fingerprint
from app.engine.guard import Guard
from app.engine.hops import onward
from app.engine.logins import remedied
from app.engine.spoken import Spoken
from app.engine.tally import Counters
from app.engine.telling import outlived
from app.net.client import Authoriser, ClientOptions, Credential, UpstreamClient
from app.providers import quirks
from app.providers.spec import ProviderSpec
from app.store.log import redact
from app.store.settings import Provider as ProviderSettings

_log = logging.getLogger(__name__)

SLOW_MS = 2000.0
"""A provider whose smoothed latency exceeds this is shown as slow."""

FORGIVEN_AFTER_S = 60.0
"""A provider that failed is asked last for so long, unless a probe or an answer says otherwise before."""

TELL_S = 0.05
"""Counters are told of so long after the first change, all changes until then together."""

_EWMA_WEIGHT = 0.3
_LAST = 20
_SOMEBODY = "The provider"
_STATE_OF_FAULT = {
    FaultKind.AUTH: HealthState.NEEDS_KEY,
    FaultKind.NEEDS_KEY: HealthState.NEEDS_KEY,
    FaultKind.CONFIG_ERROR: HealthState.CONFIG_ERROR,
    FaultKind.TLS_ERROR: HealthState.CONFIG_ERROR,
    FaultKind.QUOTA: HealthState.RATE_LIMITED,
    FaultKind.RATE_LIMITED: HealthState.RATE_LIMITED,
}

Contact = Callable[["Provider", Fault | None], None]
"""Is told whenever the provider was reached (None) or could not be."""


def nobody(provider: "Provider", fault: Fault | None) -> None:
    """Nobody is told."""


def wall_clock() -> datetime:
    """The time of day in UTC."""
    return datetime.now(UTC)


class Provider:
    """What the engine knows of one provider; built by the runtime, thrown away when its settings or key change."""

    def __init__(
        self,
        settings: ProviderSettings,
        spec: ProviderSpec,
        credential: Credential | Authoriser | None,
        bus: Bus,
        clock: Callable[[], datetime] = wall_clock,
    ) -> None:
        """Open nothing yet; `credential` None means the provider takes none or has none."""
        self.settings = settings
        self.spec = spec
        self.id = settings.id
        self.name = spec.called(settings.id)
        self.catalogue = ModelList(settings.models or spec.static_models)
        self.counters, self.in_flight = Counters(), 0
        self.problem: Fault | None = None
        self.nearby = is_private(urlsplit(self.base_url).hostname or "")
        self.repairs, self.spoken = Repairs(), Spoken(spec)
        self.paths = spec.paths_with(settings.api_version)
        self.adjust = quirks.load(spec.quirks)
        self.guard = Guard(settings.id, self.name, settings.breaker)
        self.guard.key = fingerprint(None if credential is None else credential.secret)
        self.logged_in = credential is not None and credential.secret is None  # by the machine, without a key of ours
        self.contact: Contact = nobody
        self._credential = credential
        self._bus = bus
        self._clock = clock
        self._client: UpstreamClient | None = None
        self._last_fault: Fault | None = None
        self._answered = False
        self._latency_ms: float | None = None
        self._latencies_ms: deque[float] = deque(maxlen=_LAST)
        self._checked_at: datetime | None = None
        self._retired = self._telling = False
        self._closing: asyncio.Future[None] | None = None

    # -- the client

    @property
    def base_url(self) -> str:
        """The user's base URL, else the catalog's."""
        return self.spec.root_of(self.settings.base_url or self.spec.base_url)

    @property
    def client(self) -> UpstreamClient:
        """The one HTTP client of this provider, opened at its first use.

        Raises:
            FaultError: BUSY, when the provider takes no requests any more: nobody would close a new one.
        """
        if self._client is None:
            if self._retired:
                raise FaultError(outlived(self.id, self.name))
            self._client = UpstreamClient(self._options())
        return self._client

    def _options(self) -> ClientOptions:
        s = self.settings
        return ClientOptions(
            name=self.name,
            base_url=self.base_url,
            credential=self._credential,
            headers=(*self.spec.headers, *s.headers.items(), *(onward("") if self.nearby else ())),
            max_connections=s.pool.max_connections,
            max_keepalive=s.pool.max_keepalive,
            keepalive_expiry_s=s.pool.keepalive_expiry_s,
            http2=s.pool.http2,
            connect_s=s.timeouts.connect_s,
            first_byte_s=s.timeouts.first_byte_s,
            idle_s=s.timeouts.idle_s,
            total_s=s.timeouts.total_s,
            proxy=s.proxy,
            ca_file=s.ca_file,
        )

    @property
    def usable(self) -> bool:
        """Whether requests may be sent at all."""
        return self.settings.enabled and self.problem is None and not self._retired

    def path(self, operation: Operation, own: str, model: str, *, stream: bool) -> str:
        """The path of a request where the catalog says one; `own` is the dialect's, which holds otherwise."""
        template = self.paths.get(f"{operation}:stream") if stream else None
        template = template or self.paths.get(operation) or self.paths.get("*")
        return own if template is None else fill(template, model, own)

    def try_now(self) -> None:
        """Lift every cool-down, and let the next request through."""
        self.guard.try_now()
        self._last_fault = None
        self._bus.publish(ProviderHealthChanged(self.status()))

    def drop_idle(self) -> None:
        """Close the connections that nobody uses: after sleep they may be dead without a sign of it."""
        if self._client is not None:
            self._client.drop_idle()

    async def close(self) -> None:
        """Close every connection at once."""
        self._retired = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def retire(self) -> None:
        """Take no further request, let those in flight finish, then close the client."""
        self._retired = True
        if self.in_flight:
            self._closing = asyncio.get_running_loop().create_future()
            await self._closing
        await self.close()

    # -- what became of requests

    def begin(self) -> None:
        """A request is sent to this provider."""
        self.in_flight += 1

    def end(self) -> None:
        """A request to this provider is over, whatever came of it."""
        self.in_flight -= 1
        if not self.in_flight and self._closing is not None and not self._closing.done():
            self._closing.set_result(None)

    def answered(self, latency_ms: float) -> None:
        """The provider answered after `latency_ms` (first byte)."""
        before = self.state
        self.contact(self, None)
        known = self._latency_ms
        self._latency_ms = latency_ms if known is None else known + _EWMA_WEIGHT * (latency_ms - known)
        self._latencies_ms.append(round(latency_ms, 1))
        self._checked_at = self._clock()
        self._answered, self._last_fault = True, None
        self._changed(before)

    def failed(self, fault: Fault) -> Fault:
        """The provider could not answer; a client's own mistakes leave its health alone.

        Returns the fault as it may be shown: with this provider's id and name, and without a key that it repeated.
        """
        before, fault = self.state, self._shown(remedied(fault, self.spec, self.settings))
        self.contact(self, fault)
        self._checked_at = self._clock()
        if POLICY[fault.kind].breaker or fault.kind in _STATE_OF_FAULT:
            self._last_fault = fault
        else:
            self._answered = True
        self._changed(before)
        return fault

    def _shown(self, fault: Fault) -> Fault:
        """Fill in the name, which no dialect knows, and take out every key."""
        message = redact(fault.message)
        if message.startswith(_SOMEBODY):
            message = self.name + message.removeprefix(_SOMEBODY)
        return replace(fault, provider=self.id, message=message, param=fault.param and redact(fault.param))

    def count(self, usage: Usage, *, failed: bool) -> None:
        """Add one request of a client to the counters; the bus is told soon, in a running loop."""
        c = self.counters
        c.requests += 1
        c.failures += failed
        c.input_tokens += usage.input or 0
        c.output_tokens += usage.output or 0
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_later(TELL_S, self._tell)

    def _tell(self) -> None:
        self._telling = False
        self._bus.publish(ProviderHealthChanged(self.status()))

    def _changed(self, before: HealthState) -> None:
        if before is not self.state:
            detail = self._last_fault.kind if self._last_fault else "-"
            _log.info("provider %s state=%s before=%s fault=%s", self.id, self.state, before, detail)
            self._bus.publish(ProviderHealthChanged(self.status()))

    # -- what follows

    @property
    def state(self) -> HealthState:
        """The state of the contract."""
        if not self.settings.enabled:
            return HealthState.DISABLED
        fault = self.problem or self.guard.key_fault or self._last_fault
        if fault is not None:
            return _STATE_OF_FAULT.get(fault.kind, HealthState.UNREACHABLE)
        if not self._answered:
            return HealthState.UNKNOWN
        slow = self._latency_ms is not None and self._latency_ms > SLOW_MS
        return HealthState.SLOW if slow else HealthState.HEALTHY

    @property
    def just_failed(self) -> bool:
        """Whether it was down when last heard of, and that not long ago; who is never asked is never found again."""
        if self.state is not HealthState.UNREACHABLE or self._checked_at is None:
            return False
        return (self._clock() - self._checked_at).total_seconds() < FORGIVEN_AFTER_S

    def status(self) -> ProviderStatus:
        """Everything that is shown of this provider, at this moment."""
        fault = (self.problem or self.guard.key_fault or self._last_fault) if self.settings.enabled else None
        cooling_s = self.guard.cooling_until_s
        c = self.counters
        return ProviderStatus(
            id=self.id,
            kind=self.settings.kind,
            name=self.name,
            enabled=self.settings.enabled,
            priority=self.settings.priority,
            state=self.state,
            detail=fault.text if fault else "",
            latency_ms=None if self._latency_ms is None else round(self._latency_ms, 1),
            latencies_ms=tuple(self._latencies_ms),
            checked_at=self._checked_at,
            breaker=self.guard.breaker.state,
            cooling_until=None if cooling_s is None else datetime.fromtimestamp(round(cooling_s), UTC),
            models=None if self.catalogue.names is None else len(self.catalogue.names),
            in_flight=self.in_flight,
            requests=c.requests,
            failures=c.failures,
            input_tokens=c.input_tokens,
            output_tokens=c.output_tokens,
            unknown_usage=c.unknown_usage,
            cost_usd=None if c.cost_usd is None else round(c.cost_usd, 8),
            unknown_cost=c.unknown_cost,
        )
