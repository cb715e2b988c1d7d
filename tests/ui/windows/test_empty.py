"""What is shown instead of an empty table."""

from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.ui.windows import plain
from app.ui.windows.empty import empty_state


def test_it_names_what_to_do(qtbot: QtBot) -> None:
    pressed: list[int] = []
    button = plain.button("go", "Add", lambda: pressed.append(1))
    shown = empty_state("none", "page-health", "No provider yet", "Add one. " * 20, button)
    qtbot.addWidget(shown)
    shown.resize(600, 400)
    shown.show()
    button.click()
    assert pressed == [1]
    hint = shown.findChild(QLabel, "none-hint")
    assert hint.height() >= hint.heightForWidth(hint.width())
    assert shown.findChild(QLabel, "none-title").text() == "No provider yet"


def test_it_may_have_no_button(qtbot: QtBot) -> None:
    shown = empty_state("none", "page-usage", "Nothing", "Wait.")
    qtbot.addWidget(shown)
    assert shown.findChild(QLabel, "none-hint").text() == "Wait."
