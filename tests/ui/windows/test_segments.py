"""A row of joined buttons."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.ui.windows.segments import Segments

ENTRIES = (("today", "&Today", 1), ("week", "&Week", 7), ("month", "&Month", 30))


def test_exactly_one_is_chosen(qtbot: QtBot) -> None:
    segments = Segments("Period", ENTRIES, first=1)
    qtbot.addWidget(segments)
    assert segments.value == 7
    with qtbot.waitSignal(segments.chosen):
        qtbot.mouseClick(segments.findChild(QPushButton, "month"), Qt.MouseButton.LeftButton)
    assert segments.value == 30
    with qtbot.assertNotEmitted(segments.chosen):
        qtbot.mouseClick(segments.findChild(QPushButton, "month"), Qt.MouseButton.LeftButton)


def test_they_are_joined(qtbot: QtBot) -> None:
    segments = Segments("Period", ENTRIES)
    qtbot.addWidget(segments)
    assert [button.property("segment") for button in segments.findChildren(QPushButton)] == ["first", "middle", "last"]
    alone = Segments("Period", ENTRIES[:1])
    qtbot.addWidget(alone)
    assert alone.findChild(QPushButton).property("segment") == ""


def test_arrow_keys_choose(qtbot: QtBot) -> None:
    segments = Segments("Period", ENTRIES)
    qtbot.addWidget(segments)
    segments.show()
    segments.activateWindow()
    first = segments.findChild(QPushButton, "today")
    first.setFocus()
    qtbot.waitUntil(first.hasFocus)
    qtbot.keyClick(first, Qt.Key.Key_Right)
    assert segments.value == 7
