"""Which index a question about single requests goes by."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.domain.history import RequestFilter
from app.store.ledger_file import open_database
from app.store.ledger_query import statement
from app.store.ledger_rows import insert, prepare

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def event(number: int, **changes: object) -> RequestFinished:
    values = {"model": "fast", "client": "default", "stream": False, "provider": "often", "provider_model": "big"}
    return RequestFinished(f"r{number}", NOW + timedelta(minutes=number), Operation.CHAT, **(values | changes))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    events = [event(number) for number in range(200)]
    events += [event(300, provider="rare"), event(301, client="seldom"), event(302, provider="rare", client="seldom")]
    events += [event(400, model="alias", provider_model="small"), event(401, model="small")]
    events += [event(500, outcome="failed", status=502), event(501, outcome="incomplete")]
    with closing(open_database(tmp_path / "usage.sqlite3", NOW).connection) as connection:
        insert(connection, [prepare(one, UTC) for one in events])
        yield connection


def ask(connection: sqlite3.Connection, *, newest_first: bool = True, **wanted: object) -> tuple[list[str], str]:
    """The ids that are found, and how."""
    found = statement(
        connection, RequestFilter(**wanted), "request_id, started_at_ms, id", UTC, newest_first=newest_first
    )
    plan = connection.execute(f"EXPLAIN QUERY PLAN {found.text}", found.values).fetchall()
    return [row[0] for row in connection.execute(*found)], " ".join(str(row[3]) for row in plan)


@pytest.mark.parametrize(
    ("wanted", "found", "index"),
    [
        ({"provider": "rare"}, ["r302", "r300"], "requests_by_provider"),
        ({"client": "seldom"}, ["r302", "r301"], "requests_by_client"),
        ({"model": "small"}, ["r401", "r400"], "requests_by_provider_model"),
        ({"model": "alias"}, ["r400"], "requests_by_model"),
        ({"outcome": "incomplete"}, ["r501"], "requests_not_ok"),
        ({"outcome": "ok", "status": 502}, [], "requests_not_ok"),
        ({"status": 502}, ["r500"], "requests_not_ok"),
        ({"status": 200, "last": 1}, ["r501"], "requests_by_time"),
        ({"request_id": "r7", "provider": "often"}, ["r7"], "requests_by_id"),
        ({"request_id": "r7", "provider": "rare"}, [], "requests_by_id"),
        ({"request_id": "r7", "model": "small"}, [], "requests_by_id"),
        ({"provider": "often", "client": "seldom"}, ["r301"], "requests_by_client"),
        ({"provider": "rare", "client": "default"}, ["r300"], "requests_by_provider"),
        ({"provider": "nobody", "client": "default"}, [], ""),
        ({"provider": "often", "outcome": "failed"}, ["r500"], "requests_not_ok"),
        ({"provider": "often", "model": "alias"}, ["r400"], "requests_by_model"),
        ({"provider": "rare", "model": "fast"}, ["r302", "r300"], "requests_by_provider"),
        ({"since": NOW + timedelta(minutes=500)}, ["r501", "r500"], "requests_by_time"),
        ({"provider": "often", "since": NOW + timedelta(minutes=501)}, ["r501"], "requests_by_provider"),
    ],
)
def test_a_question_goes_by_what_is_rarest(
    connection: sqlite3.Connection, wanted: dict[str, object], found: list[str], index: str
) -> None:
    ids, plan = ask(connection, **wanted)
    assert ids == found
    assert index in plan
    if found and index != "requests_by_id":
        assert "TEMP B-TREE FOR ORDER BY" not in plan  # rows come in the order of the index, one by one


def test_the_oldest_come_first_when_asked(connection: sqlite3.Connection) -> None:
    assert ask(connection, newest_first=False, model="small")[0] == ["r400", "r401"]
    assert ask(connection, newest_first=False, last=2)[0] == ["r0", "r1"]


def test_a_hostile_name_is_a_name(connection: sqlite3.Connection) -> None:
    assert ask(connection, model="' OR 1=1 --", provider="often")[0] == []
