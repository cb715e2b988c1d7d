"""Events become few signals; commands that fail become a line, whatever it was that failed."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.domain.chat import Operation
from app.domain.events import AlertKind, AlertRaised, RequestFinished
from app.domain.status import HealthState, Snapshot
from app.store.secrets import KeyringProblem
from app.store.settings_errors import SettingsError
from app.ui.bridge import EVERY_MS, Bridge, Pace
from ui.fake_runtime import FakeRuntime, provider


def finished() -> RequestFinished:
    from datetime import UTC, datetime

    return RequestFinished("r1", datetime.now(UTC), Operation.CHAT, "m", "default", stream=False)


async def test_many_events_become_one_snapshot(qtbot: QtBot, bridge: Bridge, fake: FakeRuntime) -> None:
    seen: list[Snapshot] = []
    bridge.changed.connect(seen.append)
    for n in range(200):
        fake.change_provider("alpha", requests=n)
    with qtbot.waitSignal(bridge.changed, timeout=5000):
        pass
    assert len(seen) == 1
    assert seen[0].providers[0].requests == 199


async def test_at_most_ten_snapshots_a_second(bridge: Bridge, fake: FakeRuntime) -> None:
    loop, times = asyncio.get_running_loop(), []
    bridge.changed.connect(lambda _: times.append(loop.time()))
    end = loop.time() + 0.6
    while loop.time() < end:
        fake.change_provider("alpha", requests=1)
        await asyncio.sleep(0.002)
    assert len(times) > 1
    assert min(b - a for a, b in pairwise(times)) > EVERY_MS / 1000 * 0.9


async def test_used_is_told_after_finished_requests_only(qtbot: QtBot, bridge: Bridge, fake: FakeRuntime) -> None:
    used: list[int] = []
    bridge.used.connect(lambda: used.append(1))
    fake.change_provider("alpha", latency_ms=1.0)
    with qtbot.waitSignal(bridge.changed, timeout=5000):
        pass
    assert used == []
    fake.bus.publish(finished())
    fake.bus.publish(finished())
    with qtbot.waitSignal(bridge.used, timeout=5000):
        pass
    assert used == [1]


def news_of(bridge: Bridge) -> list[tuple[str, str, bool]]:
    news: list[tuple[str, str, bool]] = []
    bridge.notice.connect(lambda title, text, bad: news.append((title, text, bad)))
    return news


def test_a_spent_budget_is_told(bridge: Bridge, fake: FakeRuntime) -> None:
    news = news_of(bridge)
    for kind in AlertKind:
        fake.bus.publish(AlertRaised(kind, "all", "The budget of $5.00 per day is spent."))
    titles = ["A budget is nearly spent", "A budget is spent"]
    assert news == [(title, "The budget of $5.00 per day is spent.", True) for title in titles]


def test_down_and_up_again_is_told_once_each(bridge: Bridge, fake: FakeRuntime) -> None:
    news = news_of(bridge)
    for state in (HealthState.UNREACHABLE, HealthState.UNREACHABLE, HealthState.SLOW, HealthState.HEALTHY):
        fake.change_provider("alpha", state=state)
        bridge.refresh()
    assert news == [
        ("alpha can't be used", "", True),
        ("alpha can be used again", "", False),
    ]


def test_several_that_fall_together_are_one_piece_of_news(bridge: Bridge, fake: FakeRuntime) -> None:
    news = news_of(bridge)
    fake.change(providers=(provider("alpha", HealthState.UNREACHABLE), provider("beta", HealthState.NEEDS_KEY)))
    bridge.refresh()
    assert [title for title, _, _ in news] == ["alpha and beta can't be used"]


def test_a_problem_that_lasts_is_told_once_in_the_tray(bridge: Bridge, fake: FakeRuntime) -> None:
    in_both, in_the_tray = news_of(bridge), []
    bridge.notice_tray.connect(lambda *news: in_the_tray.append(news))
    taken = "127.0.0.1:8484 is taken by process 7. End it."
    for values in ({"settings_problem": "config.toml:3: <b>wrong</b>"}, {"problem": taken, "listening": ""}, {}):
        fake.change(**values)
        bridge.refresh()
    assert in_the_tray == [
        ("The settings file can't be used", "The last good settings are in use. The window says what is wrong.", True),
        ("Port 8484 is taken", "The window says what to do.", True),
    ]
    for problem in ("", taken):
        fake.change(problem=problem)
        bridge.refresh()
    assert [title for title, _, _ in in_the_tray[2:]] == ["Port 8484 is taken"]
    assert in_both == []


def test_a_problem_at_the_start_is_told(qtbot: QtBot, fake: FakeRuntime) -> None:
    bridge, told = Bridge(), []
    bridge.notice_tray.connect(lambda title, *_: told.append(title))
    fake.change(listening="", problem="127.0.0.1:8484 is taken by process 7. End it.")
    runtime: Any = fake
    bridge.attach(runtime)
    bridge.detach()
    assert told == ["Port 8484 is taken"]


@pytest.mark.parametrize("state", [HealthState.DISABLED, HealthState.RATE_LIMITED, HealthState.UNKNOWN])
def test_what_the_user_did_or_what_passes_is_no_news(bridge: Bridge, fake: FakeRuntime, state: HealthState) -> None:
    news = news_of(bridge)
    fake.change_provider("alpha", state=state)
    bridge.refresh()
    fake.change_provider("alpha", state=HealthState.HEALTHY)
    bridge.refresh()
    assert news == []


async def test_a_command_runs_with_an_owner_and_hands_over_its_result(bridge: Bridge, fake: FakeRuntime) -> None:
    results: list[Any] = []
    bridge.run("Test alpha", lambda runtime: runtime.test_provider("alpha"), results.append)
    assert len(fake.tasks) == 1
    await fake.settle()
    assert results[0].id == "alpha"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SettingsError("config.toml cannot be written: read-only. Change its rights."), "Try it: config.toml cannot"),
        (KeyringProblem("The keyring is locked.", "Unlock it."), "Try it: The keyring is locked. Unlock it."),
    ],
)
async def test_an_expected_failure_is_shown_with_its_remedy(
    bridge: Bridge, fake: FakeRuntime, error: Exception, line: str
) -> None:
    lines: list[str] = []
    ended: list[bool] = []
    bridge.failed.connect(lines.append)
    fake.error = error
    bridge.run("Try it", lambda runtime: runtime.force_provider("alpha"), None, lambda: ended.append(True))
    await fake.settle()
    assert lines[0].startswith(line)
    assert ended == [True]


async def test_an_unexpected_failure_is_logged_and_its_text_kept_out_of_the_window(
    bridge: Bridge, fake: FakeRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []
    bridge.failed.connect(lines.append)
    fake.error = ZeroDivisionError("secret inside")
    bridge.run("Try it", lambda runtime: runtime.force_provider("alpha"))
    await fake.settle()
    assert lines == ["Try it: unexpected ZeroDivisionError; the log has the details."]
    assert "command failed" in caplog.text


async def test_a_mistake_in_what_follows_a_command_is_caught_too(bridge: Bridge, fake: FakeRuntime) -> None:
    lines: list[str] = []
    bridge.failed.connect(lines.append)
    bridge.run("Try it", lambda runtime: runtime.force_provider("alpha"), lambda _: 1 / 0)
    await fake.settle()
    assert lines == ["Try it: unexpected ZeroDivisionError; the log has the details."]


async def test_what_comes_after_detaching_is_dropped(bridge: Bridge, fake: FakeRuntime) -> None:
    results: list[Any] = []
    bridge.run("Test alpha", lambda runtime: runtime.test_provider("alpha"), results.append)
    bridge.detach()
    await fake.settle()
    assert results == []


def test_a_command_before_the_start_says_so(qtbot: QtBot) -> None:
    bridge, lines = Bridge(), []
    bridge.failed.connect(lines.append)
    bridge.run("Add OpenAI", lambda runtime: runtime.force_provider(""))
    bridge.refresh()
    assert lines == ["Add OpenAI: Switchtower is still starting."]


def test_pace() -> None:
    now = 0.0
    pace = Pace(2.0, clock=lambda: now)
    answers = []
    for now in (0.0, 1.0, 1.9, 2.0, 3.0, 4.5):  # noqa: B007 - the clock reads it
        answers.append(pace.due())
    assert answers == [True, False, False, True, False, True]
