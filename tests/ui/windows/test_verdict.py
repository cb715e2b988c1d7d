"""What came of a test."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.ui.windows.verdict import Verdict


def test_it_says_how_it_went_in_words(qtbot: QtBot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    verdict = Verdict("result")
    QVBoxLayout(holder).addWidget(verdict)
    holder.show()
    assert not verdict.isVisible()
    verdict.wait("Testing…")
    assert (verdict.text.text(), verdict.property("role")) == ("Testing…", "note")
    verdict.say("The key was <i>refused</i>.\nPaste another.", good=False)
    assert verdict.text.text() == "The key was <i>refused</i>. Paste another."
    assert verdict.text.textFormat() is Qt.TextFormat.PlainText
    assert (verdict.accessibleName(), verdict.property("role")) == (verdict.text.text(), "bad")
    verdict.say("OpenAI answers.", good=True)
    assert verdict.property("role") == "good"
    verdict.clear()
    assert not verdict.isVisible()
