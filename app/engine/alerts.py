"""Tell the user what should not wait until a window is opened: a provider is down, a key was refused."""

import time
from collections.abc import Callable

from app.domain.events import AlertKind, AlertRaised, Event, NetworkChanged, ProviderHealthChanged
from app.domain.status import HealthState, ProviderStatus
from app.engine.bus import Bus

PATIENCE_S = 10.0
"""A provider that is back sooner was not down."""

COOL_DOWN_S = 3600.0
"""The same thing is not said again for so long."""


class Alerts:
    """Listens on the bus and raises alerts on it; `look` must be called every second or so."""

    def __init__(self, bus: Bus, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._bus = bus
        self._clock = clock
        self._down: dict[str, tuple[float, ProviderStatus]] = {}
        self._refused: set[str] = set()
        self._said_s: dict[tuple[AlertKind, str], float] = {}
        self._offline = False

    def hear(self, event: Event) -> None:
        """Listen on the bus."""
        if isinstance(event, ProviderHealthChanged):
            self._health(event.status)
        elif isinstance(event, NetworkChanged):
            self._offline = event.offline
            self._down.clear()

    def _health(self, status: ProviderStatus) -> None:
        if status.state is not HealthState.UNREACHABLE:
            self._down.pop(status.id, None)
        elif status.id not in self._down and not self._offline:
            self._down[status.id] = (self._clock(), status)
        if status.state is not HealthState.NEEDS_KEY:
            self._refused.discard(status.id)
        elif status.id not in self._refused:
            self._refused.add(status.id)
            self.say(AlertRaised(AlertKind.KEY_REFUSED, status.id, f"{status.name}: {status.detail}"))

    def look(self) -> None:
        """Raise what has been so for long enough."""
        if not self._down:
            return
        now_s = self._clock()
        for provider_id, (since_s, status) in tuple(self._down.items()):
            if now_s - since_s >= PATIENCE_S and since_s >= 0:
                self._down[provider_id] = (-1.0, status)
                self.say(AlertRaised(AlertKind.PROVIDER_DOWN, provider_id, f"{status.name} is down: {status.detail}"))

    def say(self, alert: AlertRaised) -> None:
        """Publish an alert, unless the same was published less than `COOL_DOWN_S` ago."""
        key, now_s = (alert.kind, alert.subject), self._clock()
        said_s = self._said_s.get(key)
        if said_s is None or now_s - said_s >= COOL_DOWN_S:
            self._said_s[key] = now_s
            self.tell(alert)

    def tell(self, alert: AlertRaised) -> None:
        """Publish an alert of somebody who says the same thing only once."""
        self._bus.publish(alert)
