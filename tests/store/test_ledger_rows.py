from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.chat import Operation
from app.domain.events import Attempted, RequestFinished
from app.domain.usage import Cost, Usage
from app.store.ledger_rows import daily_rows, prepare

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def event(**changes: object) -> RequestFinished:
    values = {"model": "m", "client": "c", "stream": False, "started_at": NOON} | changes
    return RequestFinished(request_id="r", operation=Operation.CHAT, **values)


def test_requests_of_one_day_become_one_row() -> None:
    events = [event(usage=Usage(1, 2, 3, 4, 1)), event(usage=Usage(10, output=1)), event(model="other")]
    rows = daily_rows([prepare(each, UTC, Cost(cost)) for each, cost in zip(events, (0.25, 0.5, None), strict=True)])
    assert rows == [
        ("2026-11-23", "", "m", "c", 2, 0, 0, 16, 5, 2, 3, 1, 0.75, 0),
        ("2026-11-23", "", "other", "c", 1, 0, 1, 0, 0, 0, 0, 0, 0.0, 1),
    ]


@pytest.mark.parametrize(
    ("hours", "day"), [(11, "2026-11-23"), (12, "2026-11-24"), (-12, "2026-11-23"), (-13, "2026-11-22")]
)
def test_the_day_is_the_zones(hours: int, day: str) -> None:
    assert prepare(event(), timezone(timedelta(hours=hours))).day_key[0] == day


def test_a_failed_request_counts_for_the_model_asked_for() -> None:
    prepared = prepare(event(outcome="failed"), UTC)
    assert prepared.day_key == ("2026-11-23", "", "m", "c")
    assert prepared.counts[:3] == (1, 1, 0)


def test_a_cancelled_request_is_no_failure() -> None:
    given_up = event(outcome="cancelled", attempts=(Attempted("a", "m"),))
    assert prepare(given_up, UTC).counts[:3] == (1, 0, 1)


@pytest.mark.parametrize("attempts", [(), (Attempted("a", "m", "rate_limit_exceeded"),)])
def test_a_request_given_up_while_nobody_worked_at_it_has_spent_nothing(attempts: tuple[Attempted, ...]) -> None:
    counts = prepare(event(outcome="cancelled", attempts=attempts), UTC).counts
    assert (counts[2], counts[-1]) == (0, 0)


def test_a_long_detail_is_cut() -> None:
    assert "x" * 2000 in prepare(event(detail="x" * 5000), UTC).values
