"""The invented history looks like two weeks of work and is the same for the same chance."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.domain.usage import UsageSource
from app.server.demo import FAILOVER_MODEL
from app.server.demo_history import history

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


def events(seed: int = 1) -> list[RequestFinished]:
    return list(history(NOW, random.Random(seed)))  # noqa: S311  # a history to look at, no secret


def test_it_covers_two_weeks_up_to_now_in_order() -> None:
    made = events()
    times = [event.started_at for event in made]
    assert times == sorted(times)
    assert NOW - timedelta(days=14) <= times[0]
    assert times[-1] < NOW
    assert len({time.date() for time in times}) >= 13
    assert 200 < len(made) < 900
    assert len({event.request_id for event in made}) == len(made)


def test_weekends_are_quiet() -> None:
    days = Counter(event.started_at.date() for event in events())
    weekend = [n for day, n in days.items() if day.weekday() >= 5]
    working = [n for day, n in days.items() if day.weekday() < 5 and day != NOW.date()]
    assert max(weekend) < sum(working) / len(working)


def test_it_is_decided_by_chance_alone() -> None:
    assert events(1) == events(1) != events(2)


@pytest.mark.parametrize("seed", range(5))
def test_every_request_makes_sense(seed: int) -> None:
    made = events(seed)
    for event in made:
        answered = event.outcome != "failed"
        assert event.attempts[-1].provider == event.provider
        assert (event.first_byte_ms is not None) is answered
        assert (event.usage.source is UsageSource.PROVIDER) is answered
        assert (event.status == 200) is (event.outcome == "ok")
        assert bool(event.fault) is (event.outcome != "ok")
        assert (event.usage.output == 0) is (answered and event.operation is Operation.EMBEDDINGS)
    assert {event.provider for event in made} == {"demo-a", "demo-b"}
    assert {event.outcome for event in made} == {"ok", "failed", "cancelled"}
    failovers = [event for event in made if event.model == FAILOVER_MODEL]
    assert failovers
    assert all([a.provider for a in event.attempts] == ["demo-a", "demo-b"] for event in failovers)
