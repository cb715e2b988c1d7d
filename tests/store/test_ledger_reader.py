"""What can be asked of the usage database: single requests by filter, sums, spending."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.chat import Operation
from app.domain.events import Attempted, RequestFinished, Skipped
from app.domain.history import RequestFilter, Spending
from app.domain.usage import Cost, Grouping, PriceSource, Usage, UsageSource
from app.store.ledger import Ledger
from app.store.ledger_file import MIGRATIONS, open_database
from app.store.ledger_reader import LedgerReader

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def event(number: int, **changes: object) -> RequestFinished:
    values = {
        "model": "fast", "client": "default", "stream": False, "provider": "openai", "provider_model": "gpt-5-mini",
        "usage": Usage(10, output=5, source=UsageSource.PROVIDER),
    }  # fmt: skip
    started_at = NOW + timedelta(minutes=number)
    return RequestFinished(f"r{number}", started_at, Operation.CHAT, **(values | changes))


@pytest.fixture
async def reader(tmp_path: Path) -> LedgerReader:
    path = tmp_path / "usage.sqlite3"
    ledger = Ledger(path, zone=UTC)
    ledger.start()
    ledger.record(event(1), Cost(0.5))
    ledger.record(event(2, client="cli", outcome="failed", status=429, fault="rate_limit_exceeded"))
    ledger.record(event(3, provider="groq", provider_model="llama", stream=True), Cost(0.25))
    ledger.record(event(1440), Cost(1.0))
    await ledger.stop()
    return LedgerReader(path, UTC)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["r1440", "r3", "r2", "r1"]),
        ({"last": 2}, ["r1440", "r3"]),
        ({"provider": "openai"}, ["r1440", "r2", "r1"]),
        ({"model": "fast", "last": 1}, ["r1440"]),
        ({"model": "llama"}, ["r3"]),
        ({"model": "nobody"}, []),
        ({"outcome": "incomplete"}, []),
        ({"client": "cli"}, ["r2"]),
        ({"outcome": "failed"}, ["r2"]),
        ({"status": 429}, ["r2"]),
        ({"status": 200, "provider": "groq"}, ["r3"]),
        ({"since": NOW + timedelta(minutes=3)}, ["r1440", "r3"]),
        ({"request_id": "r1"}, ["r1"]),
        ({"request_id": "' OR 1=1 --"}, []),
    ],
)
def test_requests_are_found_newest_first(reader: LedgerReader, wanted: dict[str, object], found: list[str]) -> None:
    assert [row.request_id for row in reader.requests(RequestFilter(**wanted))] == found


def test_an_export_begins_with_the_oldest(reader: LedgerReader) -> None:
    assert [row.request_id for row in reader.requests(RequestFilter(), newest_first=False)] == [
        "r1",
        "r2",
        "r3",
        "r1440",
    ]


async def test_a_request_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite3"
    ledger = Ledger(path)
    ledger.start()
    attempts = (Attempted("a", "m", "upstream_reset", 12.3, "priority 1"), Attempted("b", "m", "", 5.0, "priority 2"))
    skipped = (Skipped("c", "m", "switched off"),)
    usage = Usage(1, 2, 3, 4, 5, 6, 7, 8, UsageSource.ESTIMATE)
    ledger.record(
        event(1, attempts=attempts, skipped=skipped, usage=usage, ms=17.5, first_byte_ms=3.25),
        Cost(0.125, PriceSource.OWN),
    )
    await ledger.stop()
    (row,) = LedgerReader(path).requests(RequestFilter())
    assert (row.attempts, row.skipped, row.usage) == (attempts, skipped, usage)
    assert (row.cost_usd, row.price_source) == (0.125, "own")
    assert (row.started_at, row.ms, row.first_byte_ms, row.stream) == (NOW + timedelta(minutes=1), 17.5, 3.25, False)


def test_spending_is_by_day_provider_and_client(reader: LedgerReader) -> None:
    assert reader.spent(NOW) == [
        Spending("2026-11-23", "groq", "default", 0.25),
        Spending("2026-11-23", "openai", "cli", 0.0),
        Spending("2026-11-23", "openai", "default", 0.5),
        Spending("2026-11-24", "openai", "default", 1.0),
    ]
    assert [each.day for each in reader.spent(NOW + timedelta(days=1))] == ["2026-11-24"]


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    reader = LedgerReader(tmp_path / "none.sqlite3")
    assert reader.usage(NOW, Grouping.DAY) == []
    assert reader.spent(NOW) == []
    assert list(reader.requests(RequestFilter())) == []


def test_a_file_of_an_older_version_is_not_misread(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite3"
    with closing(open_database(path, NOW, MIGRATIONS[:1]).connection):
        pass
    with pytest.raises(sqlite3.OperationalError, match="older version"):
        LedgerReader(path).usage(NOW, Grouping.DAY)


def test_a_file_without_a_byte_has_no_requests(tmp_path: Path) -> None:
    path = tmp_path / "usage.sqlite3"
    path.touch()
    reader = LedgerReader(path, UTC)
    assert reader.usage(NOW, Grouping.DAY) == []
    assert reader.spent(NOW) == []
    assert list(reader.requests(RequestFilter())) == []
