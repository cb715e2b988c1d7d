"""Alerts: after some patience, and not twice within the cool-down."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.domain.events import AlertKind, AlertRaised, NetworkChanged, ProviderHealthChanged
from app.domain.status import HealthState, ProviderStatus
from app.engine.alerts import COOL_DOWN_S, PATIENCE_S, Alerts
from app.engine.bus import Bus


class Desk:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.bus = Bus()
        self.raised: list[object] = []
        self.known: dict[str, ProviderStatus] = {}
        self.bus.subscribe(self.raised.append)
        self.alerts = Alerts(self.bus, self.known.get, lambda: self.now_s)

    def state(self, state: HealthState, detail: str = "It is broken.") -> None:
        """A provider was asked; a change of its state is heard of."""
        before, asked_at = self.known.get("p"), datetime.fromtimestamp(self.now_s, UTC)
        status = ProviderStatus("p", "openai", "OpenAI", enabled=True, priority=1, state=state, detail=detail)
        self.known["p"] = replace(status, checked_at=asked_at)
        if before is None or before.state is not state:
            self.alerts.hear(ProviderHealthChanged(self.known["p"]))

    def network(self, *, offline: bool) -> None:
        self.alerts.hear(NetworkChanged(offline))

    def after(self, seconds: float) -> None:
        self.now_s += seconds
        self.alerts.look()


def test_a_provider_that_stays_down_is_told_once() -> None:
    desk = Desk()
    desk.state(HealthState.UNREACHABLE)
    desk.after(PATIENCE_S - 1)
    assert desk.raised == []
    desk.after(1)
    desk.after(100)
    assert desk.raised == [AlertRaised(AlertKind.PROVIDER_DOWN, "p", "OpenAI is down: It is broken.")]


def test_a_short_outage_is_none() -> None:
    desk = Desk()
    desk.state(HealthState.UNREACHABLE)
    desk.after(1)
    desk.state(HealthState.HEALTHY)
    desk.after(PATIENCE_S)
    assert desk.raised == []


def test_the_same_is_said_again_only_after_the_cool_down() -> None:
    desk = Desk()
    for _ in range(3):
        desk.state(HealthState.UNREACHABLE)
        desk.after(PATIENCE_S)
        desk.state(HealthState.HEALTHY)
    assert len(desk.raised) == 1
    desk.after(COOL_DOWN_S)
    desk.state(HealthState.UNREACHABLE)
    desk.after(PATIENCE_S)
    assert len(desk.raised) == 2


def test_offline_is_nobodys_outage() -> None:
    desk = Desk()
    desk.state(HealthState.UNREACHABLE)
    desk.network(offline=True)
    desk.after(1)
    desk.state(HealthState.UNREACHABLE)
    desk.after(PATIENCE_S)
    assert desk.raised == []


def test_whoever_is_still_down_when_the_network_is_back_is_told_of() -> None:
    desk = Desk()
    desk.network(offline=True)
    desk.state(HealthState.UNREACHABLE)
    desk.after(PATIENCE_S)
    desk.network(offline=False)
    desk.after(1)
    desk.state(HealthState.UNREACHABLE)
    desk.after(PATIENCE_S - 2)
    assert desk.raised == [], "it has as much patience as any other"
    desk.after(1)
    desk.after(100)
    assert len(desk.raised) == 1


def test_whoever_was_not_asked_since_the_network_is_back_is_not_called_down() -> None:
    desk = Desk()
    desk.network(offline=True)
    desk.state(HealthState.UNREACHABLE)
    desk.network(offline=False)
    desk.after(PATIENCE_S)
    assert desk.raised == []
    desk.state(HealthState.UNREACHABLE)
    desk.after(1)
    assert len(desk.raised) == 1


@pytest.mark.parametrize("state", [None, HealthState.DISABLED])
def test_whoever_is_removed_or_switched_off_is_not_told_of(state: HealthState | None) -> None:
    desk = Desk()
    desk.state(HealthState.UNREACHABLE)
    status = desk.known.pop("p")
    if state is not None:
        desk.known["p"] = replace(status, state=state)
    desk.after(PATIENCE_S)
    assert desk.raised == []


def test_a_refused_key_is_told_at_once() -> None:
    desk = Desk()
    desk.state(HealthState.NEEDS_KEY, "OpenAI refused the key. Paste a new one.")
    desk.state(HealthState.NEEDS_KEY)
    assert desk.raised == [
        AlertRaised(AlertKind.KEY_REFUSED, "p", "OpenAI: OpenAI refused the key. Paste a new one."),
    ]
