"""Tell the user what should not wait until a window is opened: a provider is down, a key was refused."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.domain.events import AlertKind, AlertRaised, Event, NetworkChanged, ProviderHealthChanged
from app.domain.status import HealthState, ProviderStatus
from app.engine.bus import Bus

StatusOf = Callable[[str], ProviderStatus | None]
"""How the provider with that id is at this moment, None when there is none (any more)."""

PATIENCE_S = 10.0
"""A provider that is back sooner was not down."""

COOL_DOWN_S = 3600.0
"""The same thing is not said again for so long."""


@dataclass(slots=True)
class _Down:
    """A provider that cannot be reached: since when (monotonic seconds), and whether that was told.

    `offline_at` is when it was last asked without a network, which says nothing of the provider itself.
    """

    since_s: float
    told: bool = False
    offline_at: datetime | None = None


class Alerts:
    """Listens on the bus and raises alerts on it; `look` must be called every second or so."""

    def __init__(self, bus: Bus, status_of: StatusOf, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self._bus = bus
        self._status_of = status_of
        self._clock = clock
        self._down: dict[str, _Down] = {}
        self._refused: set[str] = set()
        self._said_s: dict[tuple[AlertKind, str], float] = {}
        self._offline = False

    def hear(self, event: Event) -> None:
        """Listen on the bus."""
        if isinstance(event, ProviderHealthChanged):
            self._health(event.status)
        elif isinstance(event, NetworkChanged):
            self._offline = event.offline
            if not event.offline:
                self._begin_anew()

    def _health(self, status: ProviderStatus) -> None:
        if status.state is not HealthState.UNREACHABLE:
            self._down.pop(status.id, None)
        elif status.id not in self._down:
            self._down[status.id] = _Down(self._clock())
        if status.state is not HealthState.NEEDS_KEY:
            self._refused.discard(status.id)
        elif status.id not in self._refused:
            self._refused.add(status.id)
            self.say(AlertRaised(AlertKind.KEY_REFUSED, status.id, f"{status.name}: {status.detail}"))

    def _begin_anew(self) -> None:
        """The network is back: whoever cannot be reached now, too, is down since this moment."""
        for provider_id, down in self._down.items():
            status = self._status_of(provider_id)
            down.since_s, down.offline_at = self._clock(), status.checked_at if status else None

    def look(self) -> None:
        """Raise what has been so for long enough, and forget who is gone, switched off or up again."""
        if not self._down or self._offline:
            return
        for provider_id, down in tuple(self._down.items()):
            status = self._status_of(provider_id)
            if status is None or status.state is not HealthState.UNREACHABLE:
                del self._down[provider_id]
            elif self._is_due(down, status):
                down.told = True
                self.say(AlertRaised(AlertKind.PROVIDER_DOWN, provider_id, f"{status.name} is down: {status.detail}"))

    def _is_due(self, down: _Down, status: ProviderStatus) -> bool:
        """Whether to tell of it now: once, and only of what was asked while there was a network."""
        asked = down.offline_at is None or status.checked_at != down.offline_at
        return asked and not down.told and self._clock() - down.since_s >= PATIENCE_S

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
