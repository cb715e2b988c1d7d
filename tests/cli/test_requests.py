"""`requests` and `explain` over a real ledger."""

import csv
import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.requests import explain
from app.domain.chat import Operation
from app.domain.events import Attempted, RequestFinished, Skipped
from app.domain.usage import NO_USAGE, Cost, PriceSource, Usage, UsageSource
from app.store.ledger import Ledger
from cli.conftest import ROOT

NOW = datetime.now(UTC)


def event(number: int, **changes: object) -> RequestFinished:
    values = {
        "model": "fast", "client": "default", "stream": True, "provider": "openai", "provider_model": "gpt-5-mini",
        "usage": Usage(1000, output=20, source=UsageSource.PROVIDER), "ms": 412.0, "first_byte_ms": 96.0,
        "attempts": (Attempted("openai", "gpt-5-mini", "", 400.0, "priority 1"),),
    }  # fmt: skip
    started_at = NOW - timedelta(minutes=100 - number)
    return RequestFinished(f"r{number}", started_at, Operation.CHAT, **(values | changes))


@pytest.fixture
async def rows(write_settings: Callable, home: Path) -> None:
    write_settings("")
    ledger = Ledger(home / "usage.sqlite3")
    ledger.start()
    ledger.record(event(1), Cost(0.0012, PriceSource.PRICE_LIST))
    attempts = (
        Attempted("openai", "gpt-5-mini", "provider_error", 20.0, "priority 1"),
        Attempted("groq", "llama", "rate_limit_exceeded", 5.0, "priority 2"),
    )
    ledger.record(
        event(2, provider="groq", provider_model="llama", status=429, outcome="failed", fault="rate_limit_exceeded",
              detail="Groq asks for patience.\x1b[31m", usage=NO_USAGE, attempts=attempts,
              skipped=(Skipped("mistral", "small", "its budget is spent"),), first_byte_ms=None)
    )  # fmt: skip
    ledger.record(event(3, client="editor"))
    ledger.record(event(4, provider="", provider_model="", outcome="failed", status=404, attempts=(), usage=NO_USAGE))
    await ledger.stop()


def test_nothing_yet(switchtower: Callable) -> None:
    assert switchtower("requests").out == "No requests.\n"
    assert json.loads(switchtower("requests", "--json").out) == []
    assert switchtower("requests", "--csv").out == ""


EXPORTS = [("requests", "--csv"), ("requests", "--jsonl"), ("usage", "--csv")]


def export(environ: dict[str, str], argv: tuple[str, ...], **how: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", *argv]
    env = {**os.environ, **environ, "PYTHONIOENCODING": "cp1252"}
    return subprocess.run(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, timeout=30, check=False, **how)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("argv", EXPORTS)
async def test_an_export_is_whole_where_the_code_page_lacks_a_letter(
    environ: dict[str, str], home: Path, argv: tuple[str, ...]
) -> None:
    ledger = Ledger(home / "usage.sqlite3")
    ledger.start()
    ledger.record(event(0, model="模型", provider="a模型"))
    await ledger.stop()
    done = export(environ, argv, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) >= 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("argv", EXPORTS)
def test_an_export_that_cannot_be_written_says_why(environ: dict[str, str], argv: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = export({**environ, "PYTHONUNBUFFERED": "1"}, argv, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("switchtower: The output cannot be written: No space left on device. Free some space")
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("rows")
def test_the_newest_come_first(switchtower: Callable) -> None:
    lines = switchtower("requests").out.splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["r4", "r3", "r2", "r1"]
    assert lines[4].split()[3:] == ["fast", "openai", "default", "200", "412", "1,000", "20", "0.0012", "-"]
    assert "\x1b" not in "".join(lines)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--last", "2"], ["r4", "r3"]),
        (["--provider", "groq"], ["r2"]),
        (["--model", "llama"], ["r2"]),
        (["--client", "editor"], ["r3"]),
        (["--status", "429"], ["r2"]),
        (["--status", "failed"], ["r4", "r2"]),
        (["--since", "2d", "--status", "ok"], ["r3", "r1"]),
    ],
)
def test_filters(switchtower: Callable, options: list[str], found: list[str]) -> None:
    told = json.loads(switchtower("requests", "--json", *options).out)
    assert [row["request_id"] for row in told] == found


@pytest.mark.usefixtures("rows")
def test_json_tells_everything(switchtower: Callable) -> None:
    (row,) = json.loads(switchtower("requests", "--json", "--provider", "groq").out)
    assert row["attempts"][0] == {
        "provider": "openai", "model": "gpt-5-mini", "fault": "provider_error", "ms": 20.0, "reason": "priority 1",
    }  # fmt: skip
    assert row["skipped"] == [{"provider": "mistral", "model": "small", "reason": "its budget is spent"}]
    assert (row["cost_usd"], row["usage"]["fresh_input"], row["started_at"][-1]) == (None, None, "Z")


@pytest.mark.usefixtures("rows")
def test_exports_begin_with_the_oldest(switchtower: Callable) -> None:
    lines = [json.loads(line) for line in switchtower("requests", "--jsonl").out.splitlines()]
    assert [line["request_id"] for line in lines] == ["r1", "r2", "r3", "r4"]
    table = list(csv.DictReader(switchtower("requests", "--csv", "--last", "2").out.splitlines()))
    assert [row["request_id"] for row in table] == ["r3", "r4"]
    assert (table[0]["output"], table[0]["usage_source"], table[0]["attempts"], table[0]["cost_usd"]) == (
        "20", "provider", "1", "",
    )  # fmt: skip


@pytest.mark.usefixtures("rows")
async def test_a_request_without_a_model_is_explained(environ: dict[str, str], home: Path, capsys: Any) -> None:
    ledger = Ledger(home / "usage.sqlite3")
    ledger.start()
    ledger.record(event(5, model="", provider="", provider_model="", outcome="failed", status=400, usage=NO_USAGE))
    await ledger.stop()
    explain(Namespace(request_id="r5", json=False), environ)
    assert capsys.readouterr().out.startswith("r5: chat for -, streamed\n")


@pytest.mark.usefixtures("rows")
def test_a_request_is_explained(switchtower: Callable) -> None:
    text = switchtower("explain", "r2").out
    assert "r2: chat for fast, streamed" in text
    assert "failed, status 429, after 412 ms\n" in text
    assert "cost unknown" in text
    lines = text.splitlines()[-4:]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "-"]
    assert "priority 1" in lines[1]
    assert "provider_error" in lines[1]
    assert "not asked: its budget is spent" in lines[3]
    assert "\x1b" not in text
    assert "Nobody was asked." in switchtower("explain", "r4").out
    told = json.loads(switchtower("explain", "r1", "--json").out)
    assert (told["cost_usd"], told["price_source"]) == (0.0012, "genai-prices")
    assert "cost $0.001200 (by the list of genai-prices)" in switchtower("explain", "r1").out


def test_an_unknown_request(switchtower: Callable) -> None:
    ended = switchtower("explain", "nope")
    assert ended.code == 1
    assert "`switchtower requests` lists those there are" in ended.err


@pytest.mark.parametrize("wrong", [["--last", "0"], ["--last", "x"], ["--status", "odd"], ["--since", "7h"]])
def test_wrong_options(switchtower: Callable, wrong: list[str]) -> None:
    assert switchtower("requests", *wrong).code == 2


def test_a_file_that_cannot_be_read_is_said(switchtower: Callable, home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "usage.sqlite3").write_text("nonsense " * 500)
    ended = switchtower("requests")
    assert ended.code == 1
    assert "cannot be read" in ended.err
