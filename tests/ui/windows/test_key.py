"""The dialog that replaces a key."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.domain.secret import Secret
from app.store.keyring_thread import KeyringProblem
from app.ui.bridge import Bridge
from app.ui.windows.key import KeyDialog, key_field, secret_in
from ui.fake_runtime import FakeRuntime, provider

KEY = "sk-test-0123456789"


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def dialog(parent: QWidget, bridge: Bridge) -> KeyDialog:
    made = KeyDialog(bridge, provider("R&D"), parent)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    made.open()
    return made


def test_a_key_field_hides_what_is_pasted(qtbot: QtBot) -> None:
    field = key_field("key")
    qtbot.addWidget(field)
    field.setText(f"  {KEY}\n")
    assert field.echoMode() is QLineEdit.EchoMode.Password
    assert secret_in(field) == Secret(KEY)
    field.setText("   ")
    assert secret_in(field) is None


def test_it_says_whose_key_it_is(dialog: KeyDialog) -> None:
    assert dialog.windowTitle() == "Key of R&D"
    assert dialog.prompt.text() == "New &key for R&&D"
    assert not dialog.save.isEnabled()


async def test_a_key_is_stored_and_forgotten_here(dialog: KeyDialog, fake: FakeRuntime) -> None:
    dialog.field.setText(KEY)
    dialog.save.click()
    assert dialog.save.text() == "Saving…"
    assert not dialog.save.isEnabled()
    await fake.settle()
    assert ("set_key", "R&D", Secret(KEY)) in fake.calls
    assert not dialog.isVisible()
    assert dialog.field.text() == ""


async def test_enter_stores(qtbot: QtBot, dialog: KeyDialog, fake: FakeRuntime) -> None:
    dialog.field.setText(KEY)
    qtbot.keyClick(dialog.field, Qt.Key.Key_Return)
    await fake.settle()
    assert ("set_key", "R&D", Secret(KEY)) in fake.calls


async def test_a_keyring_that_refuses_keeps_the_dialog_open(dialog: KeyDialog, fake: FakeRuntime) -> None:
    dialog.field.setText(KEY)
    fake.error = KeyringProblem("The keyring is locked.", "Unlock it.")
    dialog.save.click()
    await fake.settle()
    assert dialog.isVisible()
    assert "The keyring is locked. Unlock it." in dialog.verdict.text.text()
    assert dialog.save.isEnabled()
    assert dialog.field.text() == KEY
    assert dialog.focusWidget() is dialog.field
    assert dialog.field.hasSelectedText()
    dialog.field.setText("another")
    assert not dialog.verdict.isVisible()


def test_another_command_that_fails_leaves_what_is_typed_alone(dialog: KeyDialog, bridge: Bridge) -> None:
    dialog.field.setText(KEY)
    bridge.failed.emit("Test alpha: it failed.")
    assert dialog.verdict.text.text() == "Test alpha: it failed."
    assert not dialog.field.hasSelectedText()


def test_escape_stores_nothing(qtbot: QtBot, dialog: KeyDialog, fake: FakeRuntime) -> None:
    dialog.field.setText(KEY)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert fake.calls == []


async def test_a_dialog_closed_meanwhile_does_no_harm(dialog: KeyDialog, fake: FakeRuntime, bridge: Bridge) -> None:
    from shiboken6 import delete

    failed: list[str] = []
    bridge.failed.connect(failed.append)
    dialog.field.setText(KEY)
    dialog.save.click()
    delete(dialog)
    await fake.settle()
    bridge.failed.emit("something else")
    assert failed == ["something else"]
