# ruff: noqa: ASYNC220, ASYNC240  # a test may make its own loop wait for a file or a process
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from app.domain.chat import Operation
from app.domain.events import Attempted, RequestFinished, Skipped
from app.domain.history import RequestFilter, Spending
from app.domain.usage import NO_USAGE, Cost, Grouping, PriceSource, Usage, UsageRow, UsageSource
from app.store import ledger as ledger_module
from app.store.ledger import Ledger
from app.store.ledger_file import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
COUNTED = Usage(fresh_input=10, cache_read=5, output=7, source=UsageSource.PROVIDER)
ROOT = Path(__file__).parents[2]


def event(number: int = 1, **changes: object) -> RequestFinished:
    made = RequestFinished(
        request_id=f"r{number}",
        started_at=NOW,
        operation=Operation.CHAT,
        model="asked",
        client="default",
        stream=False,
        provider="openai",
        provider_model="gpt-5-mini",
        usage=COUNTED,
    )
    return replace(made, **changes)


@asynccontextmanager
async def running(path: Path, **options: object) -> "AsyncIterator[Ledger]":
    ledger = Ledger(path, **{"clock": NOW.timestamp, "zone": UTC} | options)
    ledger.start()
    try:
        yield ledger
    finally:
        await ledger.stop()


async def until_written(ledger: Ledger) -> None:
    if not await ledger.flush():
        await until_written(ledger)


def rows(path: Path, query: str = "SELECT * FROM requests ORDER BY id") -> list[sqlite3.Row]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(query).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage.sqlite3"


@pytest.fixture
def quick_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "RETRY_S", 0.02)
    monkeypatch.setattr("app.store.ledger_file.BUSY_TIMEOUT_MS", 50)


async def test_a_row_holds_every_field_of_the_event(path: Path) -> None:
    attempts = (Attempted("a", "m1", "upstream_reset", 12.34, "priority 1"), Attempted("b", "m2", ms=5.0))
    async with running(path) as ledger:
        ledger.record(
            event(
                stream=True, status=502, outcome="failed", fault="upstream_reset", detail="It broke.", ms=17.5,
                first_byte_ms=3.25, attempts=attempts,
                usage=Usage(1, 2, 3, 4, 5, 6, 7, 8, source=UsageSource.ESTIMATE),
                skipped=(Skipped("c", "m3", "its budget is spent"),),
            ),
            Cost(0.125, PriceSource.OWN),
        )  # fmt: skip
        assert await ledger.flush()
    (row,) = rows(path)
    assert json.loads(row["attempts"]) == [
        {"provider": "a", "model": "m1", "ms": 12.3, "fault": "upstream_reset", "reason": "priority 1"},
        {"provider": "b", "model": "m2", "ms": 5.0},
    ]
    assert json.loads(row["skipped"]) == [{"provider": "c", "model": "m3", "reason": "its budget is spent"}]
    kept = {name: row[name] for name in row.keys() if name not in ("id", "attempts", "skipped")}  # noqa: SIM118  # a Row iterates values
    assert kept == {
        "request_id": "r1", "started_at_ms": int(NOW.timestamp() * 1000), "operation": "chat", "model": "asked",
        "client": "default", "stream": 1, "provider": "openai", "provider_model": "gpt-5-mini", "status": 502,
        "outcome": "failed", "fault": "upstream_reset", "detail": "It broke.", "ms": 17.5, "first_byte_ms": 3.25,
        "fresh_input": 1, "cache_read": 2, "cache_write": 3, "output": 4, "reasoning": 5, "audio": 6,
        "images": 7, "searches": 8, "usage_source": "estimate", "cost_usd": 0.125, "price_source": "own",
    }  # fmt: skip


async def test_the_file_is_private_wal_and_versioned(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event())
        await ledger.flush()
        beside = sorted(path.parent.iterdir())
        assert [file.name for file in beside] == ["usage.sqlite3", "usage.sqlite3-shm", "usage.sqlite3-wal"]
        assert {file.stat().st_mode & 0o777 for file in beside} == {0o600}
        assert rows(path, "PRAGMA journal_mode")[0][0] == "wal"
        assert rows(path, "PRAGMA user_version")[0][0] == len(MIGRATIONS)
    assert list(path.parent.iterdir()) == [path]


async def test_usage_counts_what_was_recorded_just_before(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event())
        assert await ledger.usage(NOW, Grouping.PROVIDER) == [
            UsageRow("openai", requests=1, input_tokens=15, output_tokens=7, unknown_cost=1)
        ]


async def test_usage_groups_by_each_thing(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event())
        ledger.record(event(provider="groq", provider_model="llama", client="cli"))
        ledger.record(event(provider="groq", provider_model="llama", client="cli", outcome="failed", usage=NO_USAGE))
        ledger.record(event(provider="", provider_model="", outcome="failed", usage=NO_USAGE))
        by_provider = await ledger.usage(NOW, Grouping.PROVIDER)
        by_model = await ledger.usage(NOW, Grouping.MODEL)
        by_client = await ledger.usage(NOW, Grouping.CLIENT)
        by_day = await ledger.usage(NOW, Grouping.DAY)
    assert [(row.key, row.requests, row.failures) for row in by_provider] == [
        ("groq", 2, 1),
        ("", 1, 1),
        ("openai", 1, 0),
    ]
    assert [row.key for row in by_model] == ["llama", "asked", "gpt-5-mini"]
    assert [(row.key, row.requests) for row in by_client] == [("cli", 2), ("default", 2)]
    assert by_day == [UsageRow("2026-11-23", 4, failures=2, input_tokens=30, output_tokens=14, unknown_cost=2)]


@pytest.mark.parametrize(
    ("changes", "unknown"),
    [
        ({"usage": NO_USAGE}, 1),
        ({"usage": NO_USAGE, "outcome": "cancelled"}, 0),
        ({"usage": NO_USAGE, "outcome": "cancelled", "attempts": (Attempted("a", "m", "provider_error"),)}, 0),
        ({"usage": NO_USAGE, "outcome": "cancelled", "attempts": (Attempted("a", "m"),)}, 1),
        ({"usage": NO_USAGE, "outcome": "incomplete"}, 1),
        ({"usage": NO_USAGE, "outcome": "failed"}, 0),
        ({"usage": Usage(fresh_input=3)}, 1),
        ({"usage": Usage(fresh_input=3), "operation": Operation.EMBEDDINGS}, 0),
        ({"usage": Usage(fresh_input=0, output=0)}, 0),
    ],
)
async def test_unknown_usage_is_counted_as_unknown(path: Path, changes: dict[str, object], unknown: int) -> None:
    async with running(path) as ledger:
        ledger.record(event(**changes))
        (row,) = await ledger.usage(NOW, Grouping.PROVIDER)
    assert (row.requests, row.unknown_usage) == (1, unknown)


async def test_cost_is_summed_as_far_as_it_is_known(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event(1), Cost(0.25))
        ledger.record(event(2), Cost(0.5))
        ledger.record(event(3))
        ledger.record(event(4, outcome="failed", usage=NO_USAGE))
        ledger.record(event(5, provider="groq", client="cli"), Cost(0.0))
        openai, groq = await ledger.usage(NOW, Grouping.PROVIDER)
        spent = await ledger.spent(NOW)
        found = await ledger.requests(RequestFilter(provider="openai"))
    assert (openai.cost_usd, openai.unknown_cost) == (0.75, 1)
    assert (groq.cost_usd, groq.unknown_cost) == (0.0, 0)
    assert spent == [Spending("2026-11-23", "groq", "cli", 0.0), Spending("2026-11-23", "openai", "default", 0.75)]
    assert [(row.request_id, row.cost_usd) for row in found] == [("r4", None), ("r3", None), ("r2", 0.5), ("r1", 0.25)]


@pytest.mark.parametrize(("given", "kept"), [(-1.0, 0.0), (1e300, 1e9)])
async def test_an_impossible_cost_is_limited(path: Path, given: float, kept: float) -> None:
    async with running(path) as ledger:
        ledger.record(event(), Cost(given))
        (row,) = await ledger.requests(RequestFilter())
    assert row.cost_usd == kept


async def test_days_are_local_and_since_counts_from_its_midnight(path: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    moments = [
        datetime(2026, 3, 28, 22, 59, tzinfo=UTC),  # 23:59 on the 28th
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),  # midnight of the 29th, the day clocks go forward
        datetime(2026, 3, 29, 21, 59, tzinfo=UTC),  # 23:59, now two hours ahead
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),  # midnight of the 30th
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # 02:30, and an hour later 02:30 again
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]
    async with running(path, zone=berlin) as ledger:
        for moment in moments:
            ledger.record(event(started_at=moment))
        by_day = await ledger.usage(moments[0], Grouping.DAY)
        late_on_the_29th = datetime(2026, 3, 29, 23, 30, tzinfo=berlin)
        since_29th = await ledger.usage(late_on_the_29th, Grouping.DAY)
    days = [(row.key, row.requests) for row in by_day]
    assert days == [("2026-03-28", 1), ("2026-03-29", 2), ("2026-03-30", 1), ("2026-10-25", 2)]
    assert since_29th == by_day[1:]


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE requests; --", "%", "a\0b", "\u202egpt", "x" * 10_240, "\ud800", "😀", "a\r\n\x1b[31m"]
)
async def test_any_name_is_kept_literally(path: Path, name: str) -> None:
    async with running(path) as ledger:
        ledger.record(event(model=name, provider_model=name, client=name, provider=name))
        found = {(await ledger.usage(NOW, by))[0].key for by in Grouping if by is not Grouping.DAY}
    expected = name if name != "\ud800" else "\\ud800"
    assert found == {expected}
    assert [row["model"] for row in rows(path)] == [expected]


async def test_absurd_counts_are_capped(path: Path) -> None:
    async with running(path) as ledger:
        for _ in range(3):
            ledger.record(event(usage=Usage(fresh_input=10**30, output=-5)))
        (row,) = await ledger.usage(NOW, Grouping.PROVIDER)
    assert (row.input_tokens, row.output_tokens) == (3 * 10**12, 0)


async def test_a_secret_in_an_error_text_is_not_kept(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event(detail="Incorrect API key provided: sk-proj-abcdefgh12345678."))
        await ledger.flush()
    assert "abcdefgh" not in rows(path)[0]["detail"]


async def test_an_impossible_event_is_dropped_and_the_rest_kept(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event(1, status="broken"))
        ledger.record(event(2))
        assert await ledger.flush()
        assert ledger.dropped == 1
    assert [row["request_id"] for row in rows(path)] == ["r2"]


async def test_the_same_request_id_twice_makes_two_rows(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event())
        ledger.record(event())
    assert len(rows(path)) == 2


async def test_pruning_deletes_requests_and_keeps_sums(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "PRUNE_ROWS", 3)
    async with running(path) as ledger:
        for days in range(20):
            ledger.record(event(days, started_at=NOW - timedelta(days=days)))
        before = await ledger.usage(NOW - timedelta(days=30), Grouping.DAY)
        ledger.prune(7)
        assert await ledger.flush()
        assert await ledger.usage(NOW - timedelta(days=30), Grouping.DAY) == before
    assert [row["request_id"] for row in rows(path)] == [f"r{days}" for days in range(7)]
    assert len(before) == 20


async def test_pruning_to_nothing(path: Path) -> None:
    async with running(path) as ledger:
        ledger.record(event())
        ledger.prune(0)
        await ledger.flush()
        assert len(await ledger.usage(NOW, Grouping.DAY)) == 1
    assert rows(path) == []


async def test_a_reader_needs_no_start_and_creates_no_file(path: Path) -> None:
    assert await Ledger(path).usage(NOW, Grouping.DAY) == []
    assert not path.exists()
    async with running(path) as ledger:
        ledger.record(event())
        await ledger.flush()
        assert len(await Ledger(path, zone=UTC).usage(NOW, Grouping.DAY)) == 1
    assert len(await Ledger(path, zone=UTC).usage(NOW, Grouping.DAY)) == 1


async def test_stop_commits_what_is_waiting_and_start_goes_on(path: Path) -> None:
    ledger = Ledger(path)
    ledger.record(event(1))
    assert await ledger.flush() is False
    for number in (2, 3):
        ledger.start()
        ledger.start()
        ledger.record(event(number))
        await ledger.stop()
        await ledger.stop()
    assert [row["request_id"] for row in rows(path)] == ["r1", "r2", "r3"]


async def test_kill_9_at_random_loses_no_acknowledged_row(path: Path) -> None:
    acknowledged = 0
    for round_number in range(int(os.environ.get("KILLS", "20"))):
        before = len(rows(path)) if path.exists() and round_number else 0
        writer = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("ledger_writer.py")), str(path)],
            stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert writer.stdout is not None
        with writer, writer.stdout as told:
            for _ in range(random.randrange(1, 6)):  # noqa: S311  # chance, not secrecy
                acknowledged = before + int(told.readline())
            writer.kill()
        assert rows(path, "PRAGMA integrity_check")[0][0] == "ok"
        assert len(rows(path)) >= acknowledged
        assert rows(path, "SELECT SUM(requests) FROM daily")[0][0] == len(rows(path))
    async with running(path) as ledger:
        assert await ledger.flush()
        assert ledger.problem == ""


async def test_another_instance_that_ends_does_not_make_ours_look_ended(path: Path) -> None:
    async with running(path) as ledger:
        await ledger.flush()
        async with running(path) as other:
            await other.flush()
        assert rows(path, "SELECT clean FROM state")[0][0] == 1
        ledger.record(event())
        await ledger.flush()
        assert rows(path, "SELECT clean FROM state")[0][0] == 0
    assert rows(path, "SELECT clean FROM state")[0][0] == 1


async def fill(path: Path, count: int = 2000) -> None:
    async with running(path) as ledger:
        for number in range(count):
            ledger.record(event(number))
        await ledger.flush()


@pytest.mark.parametrize("damage", ["header", "middle", "truncated", "cut short", "text"])
async def test_a_damaged_file_is_set_aside(path: Path, damage: str) -> None:
    await fill(path)
    good = path.read_bytes()
    bad = {
        "header": b"X" + good[1:],
        "middle": good[: len(good) // 2] + b"\xff" * 9000 + good[len(good) // 2 + 9000 :],
        "truncated": good[: len(good) // 2],
        "cut short": good[:50],
        "text": b"this is not a database\n" * 100,
    }[damage]
    path.write_bytes(bad)
    async with running(path) as ledger:
        ledger.record(event(9999))
        assert await ledger.flush()
        assert ledger.problem == (
            "The usage database was damaged. "
            "It was kept as usage.sqlite3.corrupt-20261123-120000 and a new one was begun."
        )
    assert [row["request_id"] for row in rows(path)] == ["r9999"]
    assert path.with_name("usage.sqlite3.corrupt-20261123-120000").read_bytes()[:40] == bad[:40]


async def test_damage_found_while_writing_loses_no_row(path: Path) -> None:
    await fill(path)
    async with running(path) as ledger:
        await ledger.flush()
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE state SET clean = 1")  # makes our connection forget the pages it has read
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(path.stat().st_size - 4096))
        for number in range(3):
            ledger.record(event(number))
        assert await ledger.flush()
        assert "damaged" in ledger.problem
        assert ledger.readable
    assert len(rows(path)) == 3


async def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch(mode=0o644)
    async with running(path) as ledger:
        ledger.record(event())
        assert await ledger.flush()
        assert ledger.problem == ""
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("quick_retry")
async def test_rows_wait_while_another_process_holds_the_file(path: Path) -> None:
    await fill(path, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with running(path) as ledger:
            ledger.record(event(7))
            assert await ledger.flush() is False
            assert "locked" in ledger.problem
            other.execute("COMMIT")
            await until_written(ledger)
            assert ledger.problem == ""
    assert len(rows(path)) == 2


@pytest.mark.usefixtures("quick_retry")
async def test_a_full_buffer_drops_with_a_counter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_BUFFERED_ROWS", 100)
    folder = path.parent / "absent"
    async with running(folder / path.name) as ledger:
        assert await ledger.flush() is False
        for number in range(150):
            ledger.record(event(number))
        assert ledger.dropped == 50
        folder.mkdir()
        await until_written(ledger)
        ledger.record(event(150))
    assert len(rows(folder / path.name)) == 101


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from tests_support import event, Ledger
async def main():
    ledger = Ledger(Path(sys.argv[1]))
    ledger.start()
    assert await ledger.flush(), ledger.problem
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, -1))
    for number in range(3000):
        ledger.record(event(number))
    assert not await ledger.flush()
    assert "cannot be written" in ledger.problem, ledger.problem
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    await ledger.stop()
asyncio.run(main())
"""

READ_ONLY = """
import asyncio, concurrent.futures.thread, os, sys
from pathlib import Path
from tests_support import event, Ledger
async def main():
    ledger = Ledger(Path(sys.argv[1]))
    if os.geteuid() == 0:
        os.setuid(65534)  # root may write anywhere
    ledger.start()
    ledger.record(event())
    assert not await ledger.flush()
    print(ledger.problem)
    await ledger.stop()
asyncio.run(main())
"""


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    prelude = f"import sys, types, importlib.util\nsys.path.insert(0, {str(ROOT)!r})\n"
    support = (
        f"spec = importlib.util.spec_from_file_location('tests_support', {__file__!r})\n"
        "support = importlib.util.module_from_spec(spec)\nsys.modules['tests_support'] = support\n"
        "spec.loader.exec_module(support)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", prelude + support + script, *arguments],
        check=False, capture_output=True, text=True, timeout=50,
    )  # fmt: skip


def test_a_full_disk_keeps_rows_until_there_is_room(path: Path) -> None:
    done = run_script(FULL_DISK, str(path))
    assert done.returncode == 0, done.stderr
    assert len(rows(path)) == 3000


def test_a_read_only_folder_is_a_problem_not_a_crash() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        done = run_script(READ_ONLY, str(folder / "usage.sqlite3"))
        folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("quick_retry")
async def test_a_newer_file_is_left_alone(path: Path) -> None:
    await fill(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    async with running(path) as ledger:
        ledger.record(event())
        assert await ledger.flush() is False
        assert "newer Switchtower" in ledger.problem
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


async def test_a_file_that_cannot_be_read_gives_no_rows_and_says_so(path: Path) -> None:
    path.write_text("not a database" * 100)
    ledger = Ledger(path)
    assert await ledger.usage(NOW, Grouping.DAY) == []
    assert "cannot be read" in ledger.problem
