"""What all tables share."""

import pytest
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from app.ui.models.cells import LEFT, RIGHT, Column, RowsModel, as_tooltip

ROLE = Qt.ItemDataRole


def two_columns() -> RowsModel[str]:
    model = RowsModel[str](
        (
            Column("Name", str, tooltip=lambda row: f"<b>{row}</b>"),
            Column("Length", lambda row: str(len(row)), number=True, spoken=lambda row: f"{len(row)} letters"),
        )
    )
    model.rows = ["one", "three"]
    return model


def test_it_is_a_sound_model(qtmodeltester: ModelTester) -> None:
    qtmodeltester.check(two_columns())


def test_cells_and_titles() -> None:
    model = two_columns()
    assert [model.index(1, column).data() for column in (0, 1)] == ["three", "5"]
    assert model.index(1, 1).data(ROLE.AccessibleTextRole) == "5 letters"
    assert model.index(1, 0).data(ROLE.AccessibleTextRole) == "three"
    assert model.index(0, 0).data(ROLE.TextAlignmentRole) == LEFT
    assert model.index(0, 1).data(ROLE.TextAlignmentRole) == RIGHT
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Length"
    assert model.headerData(1, Qt.Orientation.Horizontal, ROLE.TextAlignmentRole) == RIGHT
    assert model.headerData(0, Qt.Orientation.Vertical) is None


def test_tooltips_are_shown_letter_by_letter() -> None:
    model = two_columns()
    shown = model.index(0, 0).data(ROLE.ToolTipRole)
    assert "&lt;b&gt;one&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert model.index(0, 1).data(ROLE.ToolTipRole) is None
    assert as_tooltip("") == ""


def test_nothing_is_below_a_row_and_nothing_outside() -> None:
    model = two_columns()
    assert model.rowCount(model.index(0, 0)) == model.columnCount(model.index(0, 0)) == 0
    assert model.data(QModelIndex()) is None
    stale = model.index(1, 0)
    model.rows.pop()
    assert model.data(stale) is None


def test_touching_repaints_whole_rows(qtbot: QtBot) -> None:
    model = two_columns()
    with qtbot.waitSignal(model.dataChanged) as signal:
        model.touch(0, 1)
    first, last = signal.args[:2]
    assert (first.row(), first.column(), last.row(), last.column()) == (0, 0, 1, 1)


@pytest.mark.parametrize("rows", [(0, 5), (-1, 0), (1, 0)])
def test_touching_what_is_not_there_does_nothing(qtbot: QtBot, rows: tuple[int, int]) -> None:
    model = two_columns()
    with qtbot.assertNotEmitted(model.dataChanged):
        model.touch(*rows)
