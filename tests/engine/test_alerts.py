"""Alerts: after some patience, and not twice within the cool-down."""

from app.domain.events import AlertKind, AlertRaised, NetworkChanged, ProviderHealthChanged
from app.domain.status import HealthState, ProviderStatus
from app.engine.alerts import COOL_DOWN_S, PATIENCE_S, Alerts
from app.engine.bus import Bus


class Desk:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.bus = Bus()
        self.raised: list[object] = []
        self.bus.subscribe(self.raised.append)
        self.alerts = Alerts(self.bus, lambda: self.now_s)

    def state(self, state: HealthState, detail: str = "It is broken.") -> None:
        status = ProviderStatus("p", "openai", "OpenAI", enabled=True, priority=1, state=state, detail=detail)
        self.alerts.hear(ProviderHealthChanged(status))

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
    desk.alerts.hear(NetworkChanged(offline=True))
    desk.state(HealthState.UNREACHABLE)
    desk.after(PATIENCE_S)
    assert desk.raised == []


def test_a_refused_key_is_told_at_once() -> None:
    desk = Desk()
    desk.state(HealthState.NEEDS_KEY, "OpenAI refused the key. Paste a new one.")
    desk.state(HealthState.NEEDS_KEY)
    assert desk.raised == [
        AlertRaised(AlertKind.KEY_REFUSED, "p", "OpenAI: OpenAI refused the key. Paste a new one."),
    ]
