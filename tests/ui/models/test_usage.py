"""Usage as a table and as bars."""

from datetime import date

import pytest
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.domain.usage import Grouping, UsageRow
from app.ui.models.usage import UsageTable, days, short, spent, tokens, why_at_least, why_costs_more

ROWS = [
    UsageRow("openai", 10, 1, 4000, 300, 0, 1.5),
    UsageRow("groq", 4, 0, 1000, 50, 1, 0.25, 1),
    UsageRow("local", 2, 2, 0, 0, 2, None, 2),
]


def texts(table: UsageTable, row: int) -> list[str]:
    return [table.index(row, column).data() for column in range(table.columnCount())]


@pytest.fixture
def table() -> UsageTable:
    made = UsageTable()
    made.show(ROWS, Grouping.PROVIDER)
    return made


def test_it_is_a_sound_model(qtmodeltester: ModelTester, table: UsageTable) -> None:
    qtmodeltester.check(table)


def test_rows_and_their_total(table: UsageTable) -> None:
    assert texts(table, 0) == ["openai", "10", "1", "4,000", "300", "$1.50"]
    assert texts(table, 1) == ["groq", "4", "0", "≥ 1,000", "≥ 50", "≥ $0.25"]
    assert texts(table, 2) == ["local", "2", "2", "—", "—", "—"]
    assert texts(table, 3) == ["Total", "16", "3", "≥ 5,000", "≥ 350", "≥ $1.75"]
    assert table.index(3, 0).data(Qt.ItemDataRole.FontRole).bold()
    assert table.index(0, 0).data(Qt.ItemDataRole.FontRole) is None


def test_nothing_has_no_total() -> None:
    table = UsageTable()
    table.show([], Grouping.MODEL)
    assert table.rowCount() == 0
    assert table.total.requests == 0


def test_why_a_cost_is_not_exact(table: UsageTable) -> None:
    assert spent(ROWS[0]) == "$1.50"
    assert why_costs_more(ROWS[0]) == ""
    assert spent(UsageRow("x", 2, cost_usd=0.00001, unknown_cost=1)) == "> $0"
    assert why_costs_more(table.total) == "What 3 requests cost is not known."
    assert table.index(3, 5).data(Qt.ItemDataRole.ToolTipRole).count(why_costs_more(table.total)) == 1


def test_zero_tokens_are_a_zero_when_they_were_told() -> None:
    assert tokens(0, UsageRow("x", 3)) == "0"
    assert tokens(0, UsageRow("x", 3, unknown_usage=3)) == "—"
    assert tokens(5, UsageRow("x", 3, unknown_usage=3)) == "≥ 5"
    assert tokens(0, UsageRow("x", 3, unknown_usage=1)) == "≥ 0"
    assert tokens(0, UsageRow("x", 3, failures=2, unknown_usage=1)) == "—"


def test_why_a_number_is_not_exact(table: UsageTable) -> None:
    assert why_at_least(ROWS[1]) == "1 request did not say how many tokens were used."
    assert table.index(1, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert table.index(0, 3).data(Qt.ItemDataRole.ToolTipRole) is None


def test_the_first_column_is_named_after_the_grouping(qtbot: QtBot, table: UsageTable) -> None:
    assert table.headerData(0, Qt.Orientation.Horizontal) == "Provider"
    with qtbot.waitSignal(table.modelReset):
        table.show(ROWS, Grouping.MODEL)
    assert table.headerData(0, Qt.Orientation.Horizontal) == "Model"


def test_the_same_groups_are_patched(qtbot: QtBot, table: UsageTable) -> None:
    with qtbot.assertNotEmitted(table.modelReset), qtbot.waitSignal(table.dataChanged):
        table.show([UsageRow("openai", 11), *ROWS[1:]], Grouping.PROVIDER)
    assert texts(table, 0)[1] == "11"
    assert texts(table, 3)[1] == "17"


def test_requests_that_nobody_answered() -> None:
    table = UsageTable()
    table.show([UsageRow("", 1, 1)], Grouping.PROVIDER)
    assert texts(table, 0)[0] == "(nobody answered)"


def test_days_without_requests_are_there_too() -> None:
    rows = [UsageRow("2026-11-23", 3), UsageRow("2026-11-01", 9), UsageRow("nonsense", 1)]
    found = days(rows, date(2026, 11, 24), 3)
    assert [(bar.day.day, bar.row.requests) for bar in found] == [(22, 0), (23, 3), (24, 0)]


def test_short_numbers() -> None:
    assert [short(n) for n in (0, 500, 40_000, 1_250_000)] == ["0", "500", "40k", "1.25M"]
