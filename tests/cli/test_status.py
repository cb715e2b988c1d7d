import json
from collections.abc import Callable

import pytest

from app.cli.status import _show, duration


def test_not_running(switchtower: Callable, write_settings: Callable) -> None:
    write_settings("[server]\nport = 1\n")
    done = switchtower("status")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("switchtower: Switchtower is not running at http://127.0.0.1:1/v1. Start it")


def test_of_a_running_instance(switchtower: Callable, instance: str) -> None:
    done = switchtower("status")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert f"listening on {instance}, up " in lines[0]
    assert [line.split()[0] for line in lines[2:5]] == ["provider", "demo-a", "demo-b"]
    told = json.loads(switchtower("status", "--json").out)
    assert told["listening"] == instance
    assert [provider["id"] for provider in told["providers"]] == ["demo-a", "demo-b"]


def test_problems_are_shown_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    provider = {"id": "x", "state": "unreachable", "detail": "It is down.\x1b[31m"}
    _show({"version": "1", "problem": "Port taken.", "forced_provider": "x", "uptime_s": 61, "providers": [provider]})
    out = capsys.readouterr().out
    assert "not listening, up 1 min." in out
    assert "Problem: Port taken." in out
    assert "Only x is used." in out
    assert "x: It is down.\\x1b[31m" in out


def test_a_cost_that_lacks_something_is_no_zero(capsys: pytest.CaptureFixture[str]) -> None:
    costs = {"a": (0.0, 5), "b": (0.5, 1), "c": (0.25, 0), "d": (None, 2), "e": (0.0, 0)}
    providers = [{"id": i, "state": "healthy", "cost_usd": usd, "unknown_cost": n} for i, (usd, n) in costs.items()]
    _show({"version": "1", "providers": providers})
    told = [line[line.index("healthy") :].split()[7:-1] for line in capsys.readouterr().out.splitlines()[3:]]
    assert told == [["-"], ["≥", "0.5"], ["0.25"], ["-"], ["0.0"]]


def test_without_providers_it_says_how_to_add_one(capsys: pytest.CaptureFixture[str]) -> None:
    _show({"version": "1", "providers": []})
    assert "switchtower providers add KIND" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
