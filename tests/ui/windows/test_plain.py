"""Widgets that show text from outside as it is."""

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.ui.windows import plain

EVIL = "<img src='http://127.0.0.1:9/x.png'> <b>bold</b> &amp;"


def test_labels_show_markup_as_text(qtbot: QtBot) -> None:
    label = plain.label("said", EVIL, wrap=True, selectable=True, role="muted")
    qtbot.addWidget(label)
    assert label.textFormat() is Qt.TextFormat.PlainText
    assert label.text() == EVIL
    assert label.objectName() == "said"
    assert label.property("role") == "muted"
    assert label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByKeyboard


def test_a_label_keeps_what_is_selected_while_its_text_stays(qtbot: QtBot) -> None:
    label = plain.label("said", "some text", selectable=True)
    qtbot.addWidget(label)
    label.setSelection(0, 4)
    plain.set_text(label, "some text")
    assert label.selectedText() == "some"
    plain.set_text(label, "another")
    assert label.text() == "another"


def test_a_button_does_one_thing(qtbot: QtBot) -> None:
    done: list[int] = []
    button = plain.button("go", "&Go", lambda: done.append(1), "Go now", role="primary")
    qtbot.addWidget(button)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done == [1]
    assert button.accessibleName() == "Go now"
    assert not button.autoDefault()


@pytest.mark.parametrize(("answer", "times"), [("question-yes", 1), ("question-no", 0)])
def test_a_question_is_plain_and_only_yes_counts(qtbot: QtBot, answer: str, times: int) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    done: list[int] = []
    box = plain.ask(parent, EVIL, "&Remove", lambda: done.append(1))
    assert box.textFormat() is Qt.TextFormat.PlainText
    assert box.isModal()
    assert box.defaultButton() is box.findChild(QPushButton, "question-no")
    with qtbot.waitSignal(box.finished):
        box.findChild(QPushButton, answer).click()
    assert len(done) == times


def test_escape_is_no(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    done: list[int] = []
    box: QMessageBox = plain.ask(parent, "Remove it?", "&Remove", lambda: done.append(1))
    with qtbot.waitSignal(box.finished):
        qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert done == []


def test_a_name_with_an_ampersand_underlines_nothing() -> None:
    assert plain.escaped("R&D") == "R&&D"


def test_a_result_for_a_window_that_is_gone_is_dropped(qapp: object) -> None:
    del qapp
    owner, got = QObject(), list[int]()
    call = plain.while_alive(owner, got.append)
    call(1)
    from shiboken6 import delete

    delete(owner)
    call(2)
    assert got == [1]


def test_larger_text(qtbot: QtBot) -> None:
    label = plain.label("big")
    qtbot.addWidget(label)
    before = label.font().pointSizeF()
    plain.grown(label, 3, bold=True)
    assert label.font().pointSizeF() == before + 3
    assert label.font().bold()
