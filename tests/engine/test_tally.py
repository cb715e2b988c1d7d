"""The counters behind `/metrics`."""

from datetime import UTC, datetime

import pytest

from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.domain.usage import Usage
from app.engine import tally as module
from app.engine.tally import OTHER, Tally

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def event(model: str = "m", **changes: object) -> RequestFinished:
    values = {"client": "default", "stream": False, "provider": "p", "usage": Usage(10, 5, output=3), "ms": 120.0}
    return RequestFinished("r", NOW, Operation.CHAT, model, **(values | changes))


def test_requests_tokens_and_cost_add_up() -> None:
    tally = Tally()
    tally.add(event(), 0.25)
    tally.add(event(), 0.5)
    tally.add(event(outcome="failed", fault="provider_error"), None)
    series = tally.series["p", "m", "default"]
    assert series.requests == {"ok": 2, "failed": 1}
    assert series.faults == {"provider_error": 1}
    assert (series.input_tokens, series.cached_tokens, series.output_tokens) == (45, 15, 9)
    assert (series.cost_usd, series.unknown_cost) == (0.75, 1)


def test_times_fall_into_buckets() -> None:
    tally = Tally()
    for ms in (50.0, 51.0, 10_000_000.0):
        tally.add(event(ms=ms, first_byte_ms=30.0), 0.0)
    latency = tally.latency["p"]
    assert (latency.counts[0], latency.counts[1], latency.counts[-1]) == (1, 1, 1)
    assert sum(latency.counts) == sum(tally.first_byte["p"].counts) == 3


def test_no_answer_has_no_first_byte() -> None:
    tally = Tally()
    tally.add(event(first_byte_ms=None), 0.0)
    assert tally.first_byte == {}


def test_names_that_clients_make_up_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SERIES", 3)
    tally = Tally()
    for number in range(50):
        tally.add(event(f"model-{number}"), 0.0)
    assert len(tally.series) == 4
    assert tally.series["p", OTHER, OTHER].requests == {"ok": 47}
