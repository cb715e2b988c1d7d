"""The providers as a table."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QItemSelectionModel, QPersistentModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.domain.status import BreakerState, HealthState, ProviderStatus
from app.ui.models.providers import COLUMNS, LAST_ERROR, NAME, STATE, ProviderTable
from ui.fake_runtime import provider

ROLE = Qt.ItemDataRole
THREE = (provider("a"), provider("b"), provider("c"))


@pytest.fixture
def table() -> ProviderTable:
    made = ProviderTable()
    made.show(THREE)
    return made


def ids(table: ProviderTable) -> list[str]:
    return [row.id for row in table.rows]


def texts(status: ProviderStatus) -> list[str]:
    table = ProviderTable()
    table.show((status,))
    return [table.index(0, column).data() for column in range(len(COLUMNS))]


def test_it_is_a_sound_model(qtmodeltester: ModelTester, table: ProviderTable) -> None:
    qtmodeltester.check(table)


def test_what_is_unknown_is_a_dash_and_no_error_is_empty() -> None:
    assert texts(provider("work", HealthState.UNKNOWN)) == ["work", "Not tried yet", "—", "Closed", "0", "0", ""]


def test_what_is_known() -> None:
    known = provider(
        "openai",
        HealthState.UNREACHABLE,
        kind="openai",
        name="OpenAI",
        latency_ms=212.4,
        breaker=BreakerState.HALF_OPEN,
        requests=12045,
        failures=31,
        detail="OpenAI\ncannot be reached.",
    )
    assert texts(known) == ["OpenAI", "Down", "212 ms", "Half open", "12,045", "31", "OpenAI cannot be reached."]


def test_every_state_has_a_word_and_an_icon_of_its_own() -> None:
    table = ProviderTable()
    table.show([provider(state, state) for state in HealthState])
    words = {table.index(row, STATE).data() for row in range(len(HealthState))}
    assert len(words) == len(HealthState)
    keys = {table.index(row, STATE).data(ROLE.DecorationRole).cacheKey() for row in range(len(HealthState))}
    assert len(keys) == len(HealthState)


def test_an_error_is_plain_text_in_cell_and_tooltip(table: ProviderTable) -> None:
    table.show((provider("a", detail="<img src=http://127.0.0.1:9/x.png>"),))
    cell = table.index(0, LAST_ERROR)
    assert cell.data() == "<img src=http://127.0.0.1:9/x.png>"
    assert "<img" not in cell.data(ROLE.ToolTipRole)
    assert table.index(0, LAST_ERROR).data(ROLE.AccessibleTextRole).startswith("<img")


def test_a_name_that_may_be_cut_is_whole_in_its_tooltip(table: ProviderTable) -> None:
    table.show((provider("work" * 16), provider("openai", kind="openai", name="OpenAI")))
    assert f"{'work' * 16}\nOpenAI-compatible (openai-compatible)" in table.index(0, NAME).data(ROLE.ToolTipRole)
    assert ">OpenAI (openai)<" in table.index(1, NAME).data(ROLE.ToolTipRole)


def test_a_screen_reader_hears_that_there_is_no_error(table: ProviderTable) -> None:
    assert table.index(0, LAST_ERROR).data(ROLE.AccessibleTextRole) == "no error"


def test_only_changed_rows_are_repainted(qtbot: QtBot, table: ProviderTable) -> None:
    with qtbot.waitSignal(table.dataChanged) as signal, qtbot.assertNotEmitted(table.modelReset):
        table.show((THREE[0], replace(THREE[1], requests=7), THREE[2]))
    assert (signal.args[0].row(), signal.args[1].row()) == (1, 1)
    with qtbot.assertNotEmitted(table.dataChanged):
        table.show(tuple(table.rows))


@pytest.mark.parametrize(
    "wanted",
    ["", "a", "b", "bc", "ac", "abcd", "xabc", "axbc", "xc", "axc", "dab", "cba", "bac"],
)
def test_any_change_ends_with_the_right_rows(table: ProviderTable, wanted: str) -> None:
    table.show([provider(name, requests=1) for name in wanted])
    assert ids(table) == list(wanted)
    assert all(row.requests == 1 for row in table.rows)


def test_a_provider_keeps_its_index_while_others_come_and_go(qtbot: QtBot, table: ProviderTable) -> None:
    selected = QItemSelectionModel(table)
    selected.select(table.index(1, 0), QItemSelectionModel.SelectionFlag.Select)
    kept = QPersistentModelIndex(table.index(1, 0))
    with qtbot.assertNotEmitted(table.modelReset):
        table.show((provider("x"), replace(THREE[1], failures=3), provider("y")))
    assert ids(table) == ["x", "b", "y"]
    assert kept.row() == 1
    assert [index.row() for index in selected.selectedIndexes()] == [1]
    table.show((THREE[1],))
    assert kept.row() == 0


def test_the_only_one_in_use_is_bold(table: ProviderTable) -> None:
    table.show(THREE, forced="b")
    bold = [table.index(row, NAME).data(ROLE.FontRole) for row in range(3)]
    assert [font is not None and font.bold() for font in bold] == [False, True, False]
    table.show(THREE)
    assert table.index(1, NAME).data(ROLE.FontRole) is None


def test_finding_a_row(table: ProviderTable) -> None:
    assert [table.find(name) for name in ("a", "c", "nobody")] == [0, 2, -1]
