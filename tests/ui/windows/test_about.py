"""The dialog that names version, parts and licences."""

import platform

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from app import __version__
from app.store.licences import Part
from app.ui.bridge import Bridge
from app.ui.windows.about import About, versions
from ui.fake_runtime import FakeRuntime

PARTS = (Part("One", "1.0", "MIT", "text of one"), Part("Two", "2.0", "<b>Other</b>", "<i>text</i> of two"))


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


async def test_it_lists_what_is_installed(parent: QWidget, bridge: Bridge, fake: FakeRuntime) -> None:
    dialog = About(bridge, parent)
    dialog.open()
    await fake.settle()
    assert dialog.names.item(0).text() == f"Switchtower {__version__} · MIT"
    assert "MIT License" in dialog.text.toPlainText()
    assert dialog.names.count() > 20
    dialog.accept()


async def test_the_text_follows_the_chosen_part_and_is_never_markup(
    parent: QWidget, bridge: Bridge, fake: FakeRuntime
) -> None:
    dialog = About(bridge, parent)
    await fake.settle()
    dialog.show_parts(PARTS)
    assert dialog.text.toPlainText() == "text of one"
    dialog.names.setCurrentRow(1)
    assert dialog.text.toPlainText() == "<i>text</i> of two"
    assert dialog.names.item(1).text() == "Two 2.0 · <b>Other</b>"
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in dialog.findChildren(QLabel) if label.text())
    dialog.show_parts(())
    assert dialog.text.toPlainText() == ""


async def test_closing_it_while_it_reads_harms_nothing(parent: QWidget, bridge: Bridge, fake: FakeRuntime) -> None:
    dialog = About(bridge, parent)
    dialog.open()
    dialog.reject()
    await fake.settle()


def test_the_versions_can_be_quoted() -> None:
    assert versions().startswith(f"Version {__version__} · Python {platform.python_version()} · Qt 6.")
