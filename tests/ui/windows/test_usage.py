"""The usage page."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.domain.usage import Grouping, UsageRow
from app.ui.bridge import Bridge
from app.ui.windows.usage import UsagePage, bars_of, since
from ui.fake_runtime import FakeRuntime

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=timezone(timedelta(hours=5)))
ROWS = {
    Grouping.PROVIDER: [UsageRow("openai", 10, 1, 4000, 300, 0, 1.5), UsageRow("groq", 4, 0, 100, 50, 1, None)],
    Grouping.MODEL: [UsageRow("gpt-5-mini", 14, 1, 4100, 350, 1, None)],
    Grouping.DAY: [UsageRow("2026-11-24", 14, 1, 4100, 350)],
}


@pytest.fixture
def page(qtbot: QtBot, bridge: Bridge, fake: FakeRuntime) -> UsagePage:
    fake.rows = dict(ROWS)
    made = UsagePage(bridge, lambda: NOW)
    made._settle.setInterval(1)
    qtbot.addWidget(made)
    made.resize(900, 600)
    return made


def questions(fake: FakeRuntime) -> list[tuple[Any, ...]]:
    return [call[1:] for call in fake.calls if call[0] == "usage"]


def keys(page: UsagePage) -> list[str]:
    return [page.model.index(row, 0).data() for row in range(page.model.rowCount())]


async def test_showing_it_reads_a_week_by_provider(page: UsagePage, fake: FakeRuntime) -> None:
    page.show()
    await fake.settle()
    week = datetime(2026, 11, 18, tzinfo=NOW.tzinfo)
    assert questions(fake) == [(week, Grouping.PROVIDER), (week, Grouping.DAY)]
    assert keys(page) == ["openai", "groq", "Total"]
    assert page.tiles.numbers["Requests"].text() == "14"
    assert page.footnote.isVisible()
    assert [bar.height for bar in page.chart.bars] == [0] * 6 + [4450]


async def test_today_keeps_the_week_in_the_chart(page: UsagePage, fake: FakeRuntime) -> None:
    page.show()
    page.findChild(QPushButton, "today").click()
    await fake.settle()
    assert questions(fake)[-2:] == [
        (datetime(2026, 11, 24, tzinfo=NOW.tzinfo), Grouping.PROVIDER),
        (datetime(2026, 11, 18, tzinfo=NOW.tzinfo), Grouping.DAY),
    ]
    assert [bar.meant for bar in page.chart.bars] == [False] * 6 + [True]


async def test_thirty_days_by_model(page: UsagePage, fake: FakeRuntime) -> None:
    page.show()
    page.findChild(QPushButton, "30-days").click()
    page.findChild(QPushButton, "by-model").click()
    await fake.settle()
    assert keys(page) == ["gpt-5-mini", "Total"]
    assert len(page.chart.bars) == 30
    assert page.chart.title == "Tokens per day, last 30 days"


async def test_nothing_in_this_time(page: UsagePage, fake: FakeRuntime) -> None:
    fake.rows = {}
    page.show()
    await fake.settle()
    assert not page.table.isVisible()
    assert page.stack.currentWidget().objectName() == "no-usage"


async def test_what_cannot_be_read_is_not_called_nothing(page: UsagePage, fake: FakeRuntime, bridge: Bridge) -> None:
    fake.rows = {}
    fake.change(ledger_problem="The usage database usage.sqlite3 cannot be read: disk I/O error.")
    page.show()
    await fake.settle()
    assert page.stack.currentWidget().objectName() == "usage-unknown"
    assert not page.tiles.isVisible()
    fake.change(ledger_problem="")
    page.ask()
    await fake.settle()
    assert page.stack.currentWidget().objectName() == "no-usage"


async def test_only_the_newest_answer_is_shown(page: UsagePage, fake: FakeRuntime) -> None:
    page.show()
    page.findChild(QPushButton, "by-model").click()
    page.findChild(QPushButton, "by-provider").click()
    await fake.settle()
    assert keys(page) == ["openai", "groq", "Total"]


async def test_finished_requests_are_read_once_they_have_settled(
    qtbot: QtBot, page: UsagePage, bridge: Bridge, fake: FakeRuntime
) -> None:
    page.show()
    await fake.settle()
    before = len(questions(fake))
    for number in range(50):
        fake.bus.publish(RequestFinished(f"r{number}", datetime.now(UTC), Operation.CHAT, "m", "default", stream=False))
    bridge.refresh()
    qtbot.waitUntil(lambda: len(questions(fake)) > before)
    await fake.settle()
    assert len(questions(fake)) == before + 2


async def test_a_hidden_page_asks_nothing(page: UsagePage, bridge: Bridge, fake: FakeRuntime) -> None:
    bridge.used.emit()
    page._ask_when_seen()
    assert not page._settle.isActive()
    assert questions(fake) == []
    await fake.settle()


def test_before_the_program_has_started(qtbot: QtBot) -> None:
    page = UsagePage(Bridge())
    qtbot.addWidget(page)
    page.show()
    assert page.stack.currentWidget().objectName() == "usage-starting"


def test_periods_are_whole_local_days() -> None:
    assert since(1, NOW) == datetime(2026, 11, 24, tzinfo=NOW.tzinfo)
    assert since(30, NOW).date().isoformat() == "2026-10-26"


def test_bars_have_dates() -> None:
    assert bars_of([], 1, NOW)[-1].label == "Tue 24 Nov"
    assert len(bars_of([], 30, NOW)) == 30
    unknown = UsageRow("2026-11-24", 1, unknown_usage=1)
    assert bars_of([unknown], 1, NOW)[-1].words == "Tue 24 Nov: — in, — out"
