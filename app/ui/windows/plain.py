"""Widgets that show text from outside as it is: never as rich text, so no link, picture or markup in it comes alive."""

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFrame, QLabel, QMessageBox, QPushButton, QSizePolicy, QWidget
from shiboken6 import isValid

from app.ui import theme

T = TypeVar("T")


def label(name: str, text: str = "", *, wrap: bool = False, selectable: bool = False, role: str = "") -> QLabel:
    """A label called `name`; `selectable` lets people copy its text, `role` is one of the style sheet's."""
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
    if role:
        theme.set_role(made, role)
    return made


def set_text(shown: QLabel, text: str) -> None:
    """Leave a label alone, with what is selected in it, while its text stays the same."""
    if shown.text() != text:
        shown.setText(text)


def button(name: str, text: str, do: Callable[[], None], says: str = "", role: str = "") -> QPushButton:
    """A button called `name`; `says` is what a screen reader says when the text alone is not enough."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setAutoDefault(False)
    if says:
        made.setAccessibleName(says)
    if role:
        theme.set_role(made, role)
    made.clicked.connect(lambda _=False: do())
    return made


def card(name: str) -> QFrame:
    """A framed surface that groups what belongs together."""
    made = QFrame()
    made.setObjectName(name)
    theme.set_role(made, "card")
    return made


def escaped(text: str) -> str:
    """Text from outside for buttons and field labels, where `&` would underline the next letter."""
    return text.replace("&", "&&")


def ask(parent: QWidget, question: str, yes: str, then: Callable[[], None]) -> QMessageBox:
    """Ask before something that cannot be undone; opens without blocking and calls `then` on `yes`."""
    box = QMessageBox(QMessageBox.Icon.Question, "Switchtower", "", QMessageBox.StandardButton.NoButton, parent)
    box.setObjectName("question")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(question)
    agree = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    agree.setObjectName("question-yes")
    refuse = box.addButton(QMessageBox.StandardButton.Cancel)
    refuse.setObjectName("question-no")
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


def while_alive(owner: QObject, then: Callable[[T], None]) -> Callable[[T], None]:
    """`then`, unless `owner` is gone by the time it is called: a command may end after its window."""

    def call(result: T) -> None:
        if isValid(owner):
            then(result)

    return call
