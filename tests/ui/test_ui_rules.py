"""Rules for everything in `app/ui`: nothing blocks the loop, and no text from outside comes alive."""

import ast
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

import app.ui
from app.domain.status import HealthState
from app.ui.bridge import Bridge
from app.ui.windows.main import MainWindow
from ui.fake_runtime import FakeRuntime, provider

FOLDER = Path(app.ui.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
MARKUP = "<img src=http://127.0.0.1:9/seen.png><b>bold</b> <a href=http://127.0.0.1:9/>link</a>"
BLOCKING = {"exec", "exec_", "getText", "getItem", "question", "warning", "critical", "information", "waitForFinished"}
ASKED_OF_A_MESSAGE_BOX = {"question", "warning", "critical", "information"}


def calls_in(path: Path) -> list[ast.Attribute]:
    tree = ast.parse(path.read_text())
    return [n.func for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]


def blocks(call: ast.Attribute) -> bool:
    """Whether a call waits for the user inside Qt; `log.warning` and its like do not."""
    if call.attr in ASKED_OF_A_MESSAGE_BOX:
        return isinstance(call.value, ast.Name) and call.value.id == "QMessageBox"
    return call.attr in BLOCKING


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_dialog_blocks_the_loop(path: Path) -> None:
    assert [f"{path.name}:{call.lineno} {call.attr}" for call in calls_in(path) if blocks(call)] == []


@pytest.fixture
def window(qtbot: QtBot, bridge: Bridge, fake: FakeRuntime) -> MainWindow:
    """The window with markup everywhere, and the welcome in front of it."""
    made = MainWindow(bridge, lambda: None)
    qtbot.addWidget(made)
    evil: dict[str, Any] = {"kind": "x", "name": MARKUP, "detail": MARKUP}
    fake.change(
        providers=(provider("x", HealthState.CONFIG_ERROR, **evil),),
        settings_problem=MARKUP,
        ledger_problem=MARKUP,
        problem=MARKUP,
        listening="",
    )
    bridge.refresh()
    bridge.failed.emit(MARKUP)
    return made


def widgets(window: QWidget) -> list[QWidget]:
    return [window, *window.findChildren(QWidget)]


async def test_every_label_is_plain_text_and_no_tooltip_holds_markup(window: MainWindow, qtbot: QtBot) -> None:
    window.show()
    window.add_provider(first=True)
    qtbot.waitUntil(lambda: window.findChild(QWidget, "welcome") is not None)
    labels = [widget for widget in widgets(window) if isinstance(widget, QLabel)]
    assert len(labels) > 10
    shown = [label for label in labels if label.text()]
    assert [label.objectName() for label in shown if label.textFormat() is not Qt.TextFormat.PlainText] == []
    assert any(MARKUP in label.text() for label in shown)
    assert [w.objectName() for w in widgets(window) if MARKUP in w.toolTip()] == []


async def test_questions_are_plain_text_too(window: MainWindow, qtbot: QtBot) -> None:
    window.show()
    remove = window.findChild(QAbstractButton, "remove-provider")
    assert remove is not None
    remove.click()
    [box] = window.findChildren(QMessageBox)
    assert box.textFormat() is Qt.TextFormat.PlainText
    assert MARKUP in box.text()
    box.reject()


async def test_every_control_has_a_name_for_tests_and_one_for_screen_readers(window: MainWindow, qtbot: QtBot) -> None:
    window.show()
    controls = [w for w in widgets(window) if isinstance(w, QAbstractButton | QLineEdit) and w.isVisible()]
    own = [w for w in controls if not w.objectName().startswith("qt_")]
    assert len(own) > 5
    nameless = [type(w).__name__ for w in own if not w.objectName() and w.parentWidget().objectName() != "qt_"]
    assert nameless == []
    unspoken = [w.objectName() for w in own if isinstance(w, QAbstractButton) and not (w.accessibleName() or w.text())]
    assert unspoken == []
    assert QApplication.instance() is not None
