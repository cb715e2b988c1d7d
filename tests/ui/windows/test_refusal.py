"""The box that says why the program does not start."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.ui.windows import refusal


def test_it_says_why_as_plain_text_without_holding_up_anything(qtbot: QtBot) -> None:
    box = refusal.show("The <b>keyring</b>\nis locked. Unlock it.")
    qtbot.addWidget(box)
    assert box.isVisible()
    assert not box.isModal()
    assert box.textFormat() is Qt.TextFormat.PlainText
    assert box.text() == "Switchtower does not start.\n\nThe <b>keyring</b> is locked. Unlock it."
    with qtbot.waitSignal(box.finished):
        box.button(QMessageBox.StandardButton.Close).click()
