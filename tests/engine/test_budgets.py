"""Budgets: who is stopped, who is warned, and when it begins anew."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.events import AlertKind
from app.domain.faults import FaultKind
from app.domain.history import Spending
from app.engine.budgets import Budgets
from app.store.settings import Budget

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()


def make(*budgets: Budget, clock: Clock | None = None, zone: ZoneInfo | None = None) -> Budgets:
    made = Budgets(clock or Clock(), zone or UTC)  # type: ignore[arg-type]
    made.apply(budgets)
    return made


def budget(scope: str = "all", day: float = 0.0, month: float = 0.0, action: str = "stop") -> Budget:
    return Budget(scope=scope, usd_per_day=day, usd_per_month=month, action=action)


def test_without_a_budget_nothing_is_watched() -> None:
    for budgets in (make(), make(budget())):
        assert not budgets.watching
        assert budgets.blocked("", "default") is None


def test_a_spent_budget_stops_with_the_remedy() -> None:
    budgets = make(budget(day=1.0))
    budgets.spend("openai", "default", 0.99)
    assert budgets.blocked("", "default") is None
    budgets.spend("openai", "default", 0.02)
    fault = budgets.blocked("", "default")
    assert fault is not None
    assert (fault.kind, fault.status, fault.policy.should_retry) == (FaultKind.BUDGET, 429, False)
    assert fault.text == (
        "The budget of $1.00 per day is spent ($1.01). "
        "It begins anew at midnight; to go on now, raise usd_per_day under [[budgets]] in the settings."
    )


def test_a_warning_never_stops() -> None:
    budgets = make(budget(day=1.0, action="warn"))
    budgets.spend("openai", "default", 5.0)
    assert budgets.blocked("", "default") is None
    assert not budgets.stopping


def test_a_budget_of_a_client_is_only_its_own() -> None:
    budgets = make(budget("client:editor", day=1.0))
    budgets.spend("openai", "editor", 2.0)
    assert budgets.blocked("", "editor") is not None
    assert budgets.blocked("", "default") is None
    assert budgets.blocked("openai", "editor") is None


def test_a_budget_of_a_provider_takes_only_that_one_out() -> None:
    budgets = make(budget("provider:openai", month=1.0))
    budgets.spend("openai", "editor", 2.0)
    assert budgets.blocked("", "editor") is None
    fault = budgets.blocked("openai", "default")
    assert fault is not None
    assert "for provider openai" in fault.message
    assert "with the next month" in fault.remedy
    assert budgets.blocked("groq", "default") is None


def test_the_user_is_told_at_80_and_at_100_percent_once() -> None:
    budgets = make(budget(day=10.0, action="warn"))
    told = [[alert.kind for alert in budgets.spend("p", "c", 1.0)] for _ in range(12)]
    assert told[7] == [AlertKind.BUDGET_NEAR]
    assert told[9] == [AlertKind.BUDGET_SPENT]
    assert sum(map(len, told)) == 2


@pytest.mark.parametrize(("action", "effect"), [("warn", "Requests go on"), ("stop", "Requests are refused now")])
def test_the_alert_says_what_follows(action: str, effect: str) -> None:
    (alert,) = make(budget(day=1.0, action=action)).spend("p", "c", 3.0)
    assert effect in alert.message
    assert alert.subject == "all"


def test_a_new_day_and_a_new_month_begin_at_zero() -> None:
    clock = Clock(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    budgets = make(budget(day=1.0), budget(month=1.5), clock=clock)
    budgets.spend("p", "c", 1.0)
    assert budgets.blocked("", "c") is not None
    clock.now += timedelta(minutes=2)
    assert budgets.blocked("", "c") is None
    assert budgets.spend("p", "c", 0.5) == []


def test_the_clock_may_be_set_back() -> None:
    clock = Clock()
    budgets = make(budget(day=1.0), clock=clock)
    budgets.spend("p", "c", 2.0)
    clock.now -= timedelta(days=1)
    assert budgets.blocked("", "c") is None


def test_days_are_those_of_the_zone_however_long() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    clock = Clock(datetime(2026, 10, 25, 0, 5, tzinfo=berlin))  # a day of 25 hours
    budgets = make(budget(day=1.0), clock=clock, zone=berlin)
    budgets.spend("p", "c", 2.0)
    clock.now = datetime(2026, 10, 25, 23, 55, tzinfo=berlin)
    assert budgets.blocked("", "c") is not None
    clock.now = datetime(2026, 10, 26, 0, 1, tzinfo=berlin)
    assert budgets.blocked("", "c") is None


def test_what_the_ledger_holds_counts() -> None:
    budgets = make(budget(day=1.0), budget("provider:p", month=5.0))
    assert budgets.first_moment() == datetime(2026, 11, 1, tzinfo=UTC)
    budgets.load([Spending("2026-11-03", "p", "c", 5.0), Spending("2026-10-31", "p", "c", 50.0)])
    assert budgets.blocked("", "c") is None
    assert budgets.blocked("p", "c") is not None
    budgets.load([Spending("2026-11-03", "p", "c", 5.0), Spending("2026-11-24", "q", "c", 1.0)])
    assert budgets.blocked("", "c") is not None
    assert budgets.blocked("q", "c") is None


def test_what_was_counted_while_the_ledger_was_read_is_not_forgotten_and_not_counted_twice() -> None:
    budgets = make(budget(day=1.0), budget("provider:p", day=2.0))
    budgets.spend("p", "c", 1.0)
    budgets.load([])
    assert budgets.blocked("", "c") is not None
    budgets.load([Spending("2026-11-24", "p", "c", 1.0)])
    assert budgets.blocked("p", "c") is None
