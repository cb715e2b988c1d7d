"""Ask every provider for its model list now and then: free of charge, it shows health, latency and models at once."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from app.domain.events import Event, ProviderHealthChanged
from app.domain.faults import Fault, FaultError, FaultKind, InBandError, ProviderError
from app.domain.status import HealthState
from app.engine.lists import ModelLists
from app.engine.provider import Provider
from app.engine.unexpected import Unexpected
from app.net.faults import fault_from_error, fault_from_status
from app.store.settings import Health as HealthSettings

_log = logging.getLogger(__name__)

CLOSE_INTERVAL_S = 60.0
"""How often a provider is probed while a window shows it."""

RECOVERY_S = 5.0
"""First wait before a provider that is down is probed again; doubled each time, up to the usual interval."""

JITTER = 0.1
"""Probes come up to this share of their interval earlier, so that many providers are not asked all at once."""

FIRST_LISTS_S = 1.0
"""How long who looks at the models waits for lists that were never fetched."""

_MOST_DOUBLINGS = 20
_AT_ONCE = 16
_IDLE_S = 3600.0
_NO_LIST = (404, 405, 501)
_PROBED = frozenset({HealthState.HEALTHY, HealthState.SLOW, HealthState.RATE_LIMITED})


class Health:
    """Probes providers when they are due; a probe is never counted as traffic."""

    def __init__(
        self,
        settings: Callable[[], HealthSettings],
        providers: Callable[[], Iterable[Provider]],
        lists: ModelLists | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`clock` gives monotonic seconds, `chance` a number from 0 to 1."""
        self.lists = lists or ModelLists()
        self._chance = chance
        self._wanted: set[Provider] = set()
        self._settings = settings
        self._providers = providers
        self._clock = clock
        self._due_s: dict[Provider, float] = {}
        self._failed_probes: dict[Provider, int] = {}
        self._locks: dict[Provider, asyncio.Lock] = {}
        self._under_way: set[Provider] = set()
        self._ended = asyncio.Event()
        self._wake = asyncio.Event()
        self.closely = False

    def hear(self, event: Event) -> None:
        """Listen on the bus: a provider that went down is looked at again soon."""
        if isinstance(event, ProviderHealthChanged) and event.status.state is HealthState.UNREACHABLE:
            for provider in self._providers():
                if provider.id == event.status.id and not self._failed_probes.get(provider):
                    self._failed_probes[provider] = 1
                    self._due_s[provider] = self._clock() + RECOVERY_S
                    self._wake.set()

    def renew_lists(self) -> None:
        """Somebody looks at the model lists: fetch those that are stale; until then the old ones are good."""
        stale = {p for p in self._providers() if p.usable and p.spec.lists_models and self.lists.is_stale(p)}
        if stale - self._wanted:
            self._wanted |= stale
            self._wake.set()

    async def first_lists(self) -> None:
        """Wait shortly for those who were never asked for their models; whoever is slow is listed the next time."""
        self.renew_lists()
        try:
            async with asyncio.timeout(FIRST_LISTS_S):
                while any(p.catalogue.names is None and p not in self._due_s for p in self._probed()):
                    await self._ended.wait()
        except TimeoutError:
            return

    def hurry(self) -> None:
        """Look again at what is due: providers or settings changed, or a window opened."""
        self._wake.set()

    def spread(self, within_s: float, chance: Callable[[], float]) -> None:
        """Look at everybody again within so many seconds, not all at once; `chance` gives a number from 0 to 1."""
        now_s = self._clock()
        for provider in self._due_s:
            self._due_s[provider] = now_s + within_s * chance()
            self._failed_probes[provider] = 0
        self._wake.set()

    async def run(self) -> None:
        """Probe what is due, for ever; nobody waits for a slow one."""
        slots = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for provider in self._take_due():
                    self._under_way.add(provider)
                    group.create_task(self._probe_in(slots, provider))
                try:
                    async with asyncio.timeout(self._next_in_s()):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    def _probed(self) -> list[Provider]:
        """Those who can be asked for a list."""
        return [p for p in self._providers() if p.usable and p.spec.lists_models]

    def _take_due(self) -> list[Provider]:
        """Every provider whose time has come and whose probe is not under way."""
        providers, now_s = self._probed(), self._clock()
        self._forget_all_but(set(providers))
        wanted, self._wanted = self._wanted, set()
        off = self._settings().interval_s == 0
        due = [
            p
            for p in providers
            if (p in wanted and not self._is_recovering(p, now_s)) or (not off and self._is_due(p, now_s))
        ]
        return [p for p in due if p not in self._under_way]

    def _next_in_s(self) -> float:
        """Seconds until somebody else is due; the end of a probe under way makes us look again before."""
        if self._settings().interval_s == 0:
            return _IDLE_S
        now_s = self._clock()
        times_s = [self._due_s.get(p, now_s) for p in self._probed() if p not in self._under_way]
        return max(0.05, min(times_s, default=now_s + _IDLE_S) - now_s)

    async def _probe_in(self, slots: asyncio.Semaphore, provider: Provider) -> None:
        try:
            async with slots:
                await self.probe(provider)
        finally:
            self._under_way.discard(provider)
            self._wake.set()
            self._ended.set()
            self._ended = asyncio.Event()

    def _forget_all_but(self, known: set[Provider]) -> None:
        for forgotten in self._due_s.keys() - known:
            self._due_s.pop(forgotten)
            self._failed_probes.pop(forgotten, None)
            self._locks.pop(forgotten, None)

    def _is_due(self, provider: Provider, now_s: float) -> bool:
        return self._due_s.get(provider, now_s) <= now_s or self._overdue(provider, now_s)

    def _is_recovering(self, provider: Provider, now_s: float) -> bool:
        """Whether it failed its last probe and is left alone until the next, whoever looks at the models."""
        return bool(self._failed_probes.get(provider)) and self._due_s.get(provider, now_s) > now_s

    def _overdue(self, provider: Provider, now_s: float) -> bool:
        """Whether a window has opened since the provider's next probe was planned."""
        return self.closely and self._due_s[provider] - now_s > CLOSE_INTERVAL_S

    async def probe(self, provider: Provider) -> None:
        """Ask `provider` for its models and note what came of it; callers at the same time share one request.

        One that lists no models has nothing that can be asked for free: its state stays what traffic shows, unless
        there is no login for it.
        """
        if not provider.spec.lists_models:
            try:
                with Unexpected(f"probe-{provider.id}", "login"):
                    await provider.client.log_in()
            except FaultError as error:
                provider.failed(_its_own(error.fault))
                return
            if provider.logged_in and provider.state is HealthState.NEEDS_KEY:
                provider.try_now()
            return
        lock = self._locks.setdefault(provider, asyncio.Lock())
        if lock.locked():
            async with lock:
                return
        async with lock:
            healthy = await self._ask(provider)
            fails = 0 if healthy else self._failed_probes.get(provider, 0) + 1
            self._failed_probes[provider] = fails
            interval_s = float(self._settings().interval_s) or _IDLE_S
            if self.closely:
                interval_s = min(interval_s, CLOSE_INTERVAL_S)
            if fails and provider.state not in _PROBED:
                interval_s = min(interval_s, RECOVERY_S * 2 ** min(fails - 1, _MOST_DOUBLINGS))
            self._due_s[provider] = self._clock() + interval_s * (1 - JITTER * self._chance())

    async def _ask(self, provider: Provider) -> bool:
        """One probe; return whether the provider answered as it should."""
        try:
            with Unexpected(f"probe-{provider.id}", "models"):
                latency_ms = await self._listed(provider)
        except FaultError as error:
            provider.failed(_its_own(error.fault))
            return False
        provider.answered(latency_ms)
        return True

    async def _listed(self, provider: Provider) -> float:
        """Take the provider's list; return after how many milliseconds it came.

        Raises:
            FaultError: it did not come.
        """
        began_s = self._clock()
        timeout_s = self._settings().timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                reply = await provider.client.get(provider.spec.models_path)
                try:
                    body = await reply.read()
                finally:
                    await reply.aclose()
            latency_ms = (self._clock() - began_s) * 1000
            if reply.status in _NO_LIST:
                self.lists.miss(provider)
                return latency_ms
            if reply.status != 200:  # noqa: PLR2004 - HTTP's own number
                raise FaultError(
                    fault_from_status(provider.name, reply.status, reply.headers, ProviderError(), time.time())
                )
            await self.lists.take(provider, body)
        except InBandError as error:
            raise FaultError(fault_from_error(provider.name, error.error)) from error
        except TimeoutError as error:
            raise FaultError(_silent(provider, timeout_s)) from error
        return latency_ms


def _its_own(fault: Fault) -> Fault:
    """What a probe comes to: an unforeseen error follows from this provider's settings, and is shown as its own."""
    return replace(fault, kind=FaultKind.CONFIG_ERROR) if fault.kind is FaultKind.INTERNAL else fault


def _silent(provider: Provider, timeout_s: float) -> Fault:
    """The fault of a probe that was not answered in time."""
    return Fault(
        FaultKind.FIRST_BYTE_TIMEOUT,
        f"{provider.name} did not answer within {timeout_s:g} s.",
        remedy="Check the network and the provider's status page.",
        provider=provider.id,
    )
