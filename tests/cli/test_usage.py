import argparse
import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from app.cli.usage import since_date
from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.domain.usage import NO_USAGE, Cost, Usage
from app.store.ledger import Ledger

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1d", date(2026, 11, 24)),
        ("today", date(2026, 11, 24)),
        ("7d", date(2026, 11, 18)),
        ("2w", date(2026, 11, 11)),
        ("2026-11-01", date(2026, 11, 1)),
    ],
)
def test_since(text: str, day: date) -> None:
    assert since_date(text, TODAY) == day


@pytest.mark.parametrize("text", ["", "0d", "7", "-1d", "7h", "99999d", "2026-13-01", "sk-secret"])
def test_what_is_no_time_span(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="use 7d, 2w, today or 2026-11-01"):
        since_date(text, TODAY)


@pytest.fixture
async def rows(write_settings: Callable, home: Path) -> None:
    write_settings("")
    ledger = Ledger(home / "usage.sqlite3")
    now = datetime.now(UTC)
    for days, provider, usage, outcome in (
        (0, "openai", Usage(1000, output=20), "ok"),
        (0, "groq", Usage(5, output=5), "ok"),
        (0, "groq", NO_USAGE, "ok"),
        (0, "", NO_USAGE, "failed"),
        (3, "a\x1b[31m", Usage(1, output=1), "ok"),
        (40, "old", Usage(1, output=1), "ok"),
    ):
        ledger.record(
            RequestFinished(
                "r", now - timedelta(days=days), Operation.CHAT, "m", "default", stream=False, provider=provider,
                usage=usage, outcome=outcome,
            ),
            Cost(0.0012 if provider == "openai" else None),
        )  # fmt: skip
    ledger.start()
    await ledger.stop()


def test_nothing_yet(switchtower: Callable, home: Path) -> None:
    assert switchtower("usage").out.startswith("No requests since ")
    assert not home.exists()


@pytest.mark.usefixtures("rows")
def test_a_table(switchtower: Callable) -> None:
    lines = switchtower("usage", "--since", "7d").out.splitlines()
    assert lines[0].split()[:3] == ["provider", "requests", "failures"]
    table = [line.split() for line in lines[1:]]
    assert table == [
        ["groq", "2", "0", "5", "5", "1", "-", "2"],
        ["(none)", "1", "1", "0", "0", "0", "0.0", "0"],
        ["a\\x1b[31m", "1", "0", "1", "1", "0", "-", "1"],
        ["openai", "1", "0", "1,000", "20", "0", "0.0012", "0"],
        ["total", "5", "1", "1,006", "26", "1", "≥", "0.0012", "3"],
    ]
    assert len({len(line) for line in lines[1:]}) == 1


@pytest.mark.usefixtures("rows")
def test_json_and_csv(switchtower: Callable) -> None:
    told = json.loads(switchtower("usage", "--by", "model", "--json").out)
    assert told["by"] == "model"
    assert told["rows"] == [
        {
            "key": "m", "requests": 5, "failures": 1, "input_tokens": 1006, "output_tokens": 26, "unknown_usage": 1,
            "cost_usd": 0.0012, "unknown_cost": 3,
        }
    ]  # fmt: skip
    lines = list(csv.reader(switchtower("usage", "--since", "1d", "--csv").out.splitlines()))
    assert lines[0] == [
        "provider",
        "requests",
        "failures",
        "input_tokens",
        "output_tokens",
        "unknown_usage",
        "cost_usd",
        "unknown_cost",
    ]
    assert lines[1] == ["groq", "2", "0", "5", "5", "1", "", "2"]
    assert len(lines) == 4


@pytest.mark.usefixtures("rows")
def test_every_grouping(switchtower: Callable) -> None:
    for by, count in (("provider", 5), ("model", 1), ("client", 1), ("day", 3)):
        assert len(json.loads(switchtower("usage", "--since", "60d", "--by", by, "--json").out)["rows"]) == count


def test_a_damaged_file_is_one_line(switchtower: Callable, home: Path) -> None:
    home.mkdir()
    (home / "usage.sqlite3").write_text("not a database" * 100)
    done = switchtower("usage")
    assert (done.code, done.out) == (1, "")
    assert "cannot be read" in done.err
    assert done.err.count("\n") == 1
