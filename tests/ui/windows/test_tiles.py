"""The sums as large numbers."""

from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.domain.usage import UsageRow
from app.ui.windows.tiles import Tiles


def test_unknown_is_a_dash_and_known_a_number(qtbot: QtBot) -> None:
    tiles = Tiles()
    qtbot.addWidget(tiles)
    assert {number.text() for number in tiles.numbers.values()} == {"—"}
    tiles.show_row(UsageRow("Total", 1200, 3, 45000, 600, 2, 0.5, 2))
    shown = [number.text() for number in tiles.numbers.values()]
    assert shown == ["1,200", "3", "≥ 45,000", "≥ 600", "≥ $0.50"]
    assert "2 requests" in tiles.findChild(QLabel, "sum-input-tokens").toolTip()
    assert "2 requests" in tiles.numbers["Cost"].toolTip()
    assert tiles.findChild(QLabel, "sum-cost").accessibleName() == "Cost"


def test_large_numbers_are_brief_and_exact_when_pointed_at(qtbot: QtBot) -> None:
    tiles = Tiles()
    qtbot.addWidget(tiles)
    tiles.show_row(UsageRow("Total", 1, 0, 41_413_455, 999_999))
    assert tiles.numbers["Input tokens"].text() == "41.4M"
    assert tiles.numbers["Input tokens"].toolTip() == "41,413,455"
    assert tiles.numbers["Output tokens"].text() == "999,999"
