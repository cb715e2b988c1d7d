"""Widgets that show text from outside as it is: never as rich text, so no link, picture or markup in it comes alive."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QSizePolicy, QWidget


def label(name: str, text: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label called `name`; `selectable` lets people copy its text."""
    made = QLabel()
    made.setObjectName(name)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    if wrap:
        made.setWordWrap(True)
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return made


def button(name: str, text: str, do: Callable[[], None], says: str = "") -> QPushButton:
    """A button called `name`; `says` is what a screen reader says when the text alone is not enough."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setAutoDefault(False)
    if says:
        made.setAccessibleName(says)
    made.clicked.connect(lambda _=False: do())
    return made


def ask(parent: QWidget, question: str, yes: str, then: Callable[[], None]) -> QMessageBox:
    """Ask before something that cannot be undone; opens without blocking and calls `then` on `yes`."""
    box = QMessageBox(QMessageBox.Icon.Question, "Switchtower", "", QMessageBox.StandardButton.NoButton, parent)
    box.setObjectName("question")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(question)
    agree = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    agree.setObjectName("question-yes")
    refuse = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(refuse)
    box.setEscapeButton(refuse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.finished.connect(lambda _: then() if box.clickedButton() is agree else None)
    box.open()
    return box


def grown(widget: QWidget, points: float, *, bold: bool = False) -> None:
    """Make the text of `widget` `points` larger."""
    font = widget.font()
    font.setPointSizeF(font.pointSizeF() + points)
    font.setBold(bold)
    widget.setFont(font)
