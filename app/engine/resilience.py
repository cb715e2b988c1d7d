"""What keeps the engine going through outages, sleep and restarts: looked after once a second by the runtime."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine

from app.desktop.wake import SleepDetector
from app.domain.events import NetworkChanged
from app.domain.faults import Fault, FaultKind
from app.engine.bus import Bus
from app.engine.fleet import Fleet
from app.engine.health import Health
from app.engine.outage import Outage
from app.engine.provider import Provider
from app.engine.pursuit import Means
from app.engine.retries import Retries
from app.store.cooldown_file import CooldownFile
from app.store.settings import Routing as RoutingSettings

_log = logging.getLogger(__name__)

SPREAD_S = 10.0
"""After sleep the providers are probed one by one within this time, not all at once."""

REFRESH_S = 60.0
"""A model list is not fetched again more often than this because a model was missing."""

_SLEPT = Fault(
    FaultKind.INTERRUPTED,
    "The computer slept while the request was under way.",
    remedy="Send the request again.",
    retry_after_s=1.0,
)

Spawn = Callable[[str, Coroutine[None, None, None]], object]


class Resilience:
    """Owns the retry budget, the cool-downs on disk, and the watch for outages and sleep."""

    def __init__(
        self, fleet: Fleet, health: Health, bus: Bus, settings: Callable[[], RoutingSettings], spawn: Spawn
    ) -> None:
        """Watch over `fleet`; `spawn` owns the probes that are made out of turn."""
        self._fleet = fleet
        self._health = health
        self._bus = bus
        self._spawn = spawn
        self._file: CooldownFile | None = None
        self._refreshed_s: dict[str, float] = {}
        self.sleep = SleepDetector()
        self.outage = Outage(lambda: fleet.providers, self._probe, self._tell)
        self.means = Means(settings, Retries(lambda: settings().retry_budget_percent), self.outage, self.refresh)
        fleet.contact = self.outage.contact

    def load(self, file: CooldownFile) -> None:
        """Take over the cool-downs of the last run."""
        self._file = file
        self._fleet.cooldowns.adopt(file.load())

    async def look(self) -> None:
        """Called about once a second: has the machine slept, is the network back, is there anything to save."""
        slept_s = self.sleep.slept_s()
        if slept_s:
            await self.wake(slept_s)
        self.outage.look()
        await self.save()

    async def save(self) -> None:
        """Write the cool-downs if they changed."""
        cooling = self._fleet.cooldowns.to_save()
        if cooling is not None and self._file is not None:
            await asyncio.to_thread(self._file.save, cooling)

    async def wake(self, slept_s: float) -> None:
        """End what was under way, for its connections are dead, and look at everybody anew."""
        _log.info("woke up slept_s=%.0f in_flight=%d", slept_s, len(self.means.running))
        for attempt in tuple(self.means.running):
            await attempt.interrupt(_SLEPT)
        for provider in self._fleet.providers:
            provider.guard.wake()
            provider.drop_idle()
        self._health.spread(SPREAD_S, random.random)

    def refresh(self, provider: Provider) -> None:
        """A model was missing: fetch the provider's list again, but not over and over."""
        now_s = time.monotonic()
        if now_s - self._refreshed_s.get(provider.id, float("-inf")) >= REFRESH_S:
            self._refreshed_s[provider.id] = now_s
            self._probe(provider)

    def _probe(self, provider: Provider) -> None:
        self._spawn(f"probe {provider.id}", self._health.probe(provider))

    def _tell(self, offline: bool) -> None:  # noqa: FBT001 - the outage's callback
        self._bus.publish(NetworkChanged(offline))
        if not offline:
            self._health.spread(0.0, random.random)
