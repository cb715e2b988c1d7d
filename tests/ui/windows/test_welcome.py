"""Adding a provider."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.domain.secret import Secret
from app.store.keyring_thread import KeyringProblem
from app.ui.bridge import Bridge
from app.ui.windows.welcome import Welcome
from ui.fake_runtime import FakeRuntime

KEY = Secret("sk-test-0123456789")
REFUSED = "OpenAI refused the key. <b>Paste</b> another."


@pytest.fixture
def welcome(qtbot: QtBot, bridge: Bridge) -> Welcome:
    made = Welcome(bridge, None, first=True)
    qtbot.addWidget(made)
    made.open()
    return made


def fill(welcome: Welcome, kind: str = "openai", key: str = KEY.reveal()) -> None:
    welcome.picker.search.setText(kind)
    welcome.form.key_edit.setText(key)


def test_it_begins_with_nothing_to_add(welcome: Welcome) -> None:
    assert welcome.windowTitle() == "Welcome to Switchtower"
    assert not welcome.add.isEnabled()
    assert not welcome.test.isEnabled()
    assert welcome.skip.text() == "&Skip"


def test_later_it_only_adds(qtbot: QtBot, bridge: Bridge) -> None:
    later = Welcome(bridge, None)
    qtbot.addWidget(later)
    assert later.windowTitle() == "Add a provider"
    assert later.skip.text() == "&Cancel"


async def test_pick_paste_test_add_done(qtbot: QtBot, welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome)
    welcome.test.click()
    assert welcome.verdict.text.text() == "Testing OpenAI…"
    assert not welcome.test.isEnabled()
    assert not welcome.form.key_edit.isEnabled()
    assert welcome.skip.isEnabled()
    await fake.settle()
    assert welcome.verdict.text.text() == "OpenAI answers."
    added: list[str] = []
    welcome.added.connect(added.append)
    welcome.add.click()
    await fake.settle()
    assert ("add_provider", "openai", "", KEY) in fake.calls
    assert added == ["openai"]
    assert welcome.steps.currentIndex() == 1
    assert welcome.ready.text() == "OpenAI is ready"
    assert welcome.form.key_edit.text() == ""
    assert welcome.access.address.text() == "http://127.0.0.1:8484/v1"
    with qtbot.waitSignal(welcome.accepted):
        qtbot.keyClick(welcome, Qt.Key.Key_Return)


async def test_adding_tests_first(welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome)
    welcome.add.click()
    await fake.settle()
    assert [call[0] for call in fake.calls] == ["test_new", "add_provider"]
    assert welcome.steps.currentIndex() == 1


async def test_a_failed_test_is_said_and_does_not_keep_anyone_from_adding(welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome)
    fake.test_answer = REFUSED
    welcome.add.click()
    await fake.settle()
    assert welcome.verdict.text.text() == REFUSED
    assert welcome.verdict.text.textFormat() is Qt.TextFormat.PlainText
    assert welcome.steps.currentIndex() == 0
    assert welcome.add.text() == "&Add anyway"
    assert welcome.focusWidget() is welcome.form.key_edit
    assert welcome.form.key_edit.hasSelectedText()
    welcome.add.click()
    await fake.settle()
    assert [call[0] for call in fake.calls] == ["test_new", "add_provider"]
    assert welcome.steps.currentIndex() == 1
    assert welcome.ready.text() == "OpenAI was added"


async def test_other_values_are_tested_anew(welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome)
    fake.test_answer = REFUSED
    welcome.test.click()
    await fake.settle()
    welcome.form.key_edit.setText("sk-another-0123456789")
    assert welcome.add.text() == "&Add"
    assert not welcome.verdict.isVisible()
    welcome.add.click()
    await fake.settle()
    assert [call[0] for call in fake.calls] == ["test_new", "test_new"]


async def test_a_keyring_that_refuses_is_said_here(welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome)
    fake.test_answer = REFUSED
    welcome.test.click()
    await fake.settle()
    fake.error = KeyringProblem("The keyring is locked.", "Unlock it.")
    welcome.add.click()
    await fake.settle()
    assert "The keyring is locked. Unlock it." in welcome.verdict.text.text()
    assert welcome.add.isEnabled()
    assert welcome.form.key_edit.text() == KEY.reveal()
    assert welcome.focusWidget() is welcome.form.key_edit
    assert welcome.form.key_edit.hasSelectedText()


def test_another_command_that_fails_leaves_what_is_typed_alone(welcome: Welcome, bridge: Bridge) -> None:
    fill(welcome)
    bridge.failed.emit("Test alpha: it failed.")
    assert welcome.verdict.text.text() == "Test alpha: it failed."
    assert not welcome.form.key_edit.hasSelectedText()


async def test_enter_adds(qtbot: QtBot, welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome, "ollama", "")
    qtbot.keyClick(welcome.picker.search, Qt.Key.Key_Return)
    await fake.settle()
    assert ("add_provider", "ollama", "", None) in fake.calls


def test_enter_adds_nothing_while_something_is_missing(qtbot: QtBot, welcome: Welcome, fake: FakeRuntime) -> None:
    qtbot.keyClick(welcome.picker.search, Qt.Key.Key_Return)
    welcome._add()
    welcome._test()
    assert fake.calls == []
    assert welcome.isVisible()


def test_escape_skips(qtbot: QtBot, welcome: Welcome, fake: FakeRuntime) -> None:
    with qtbot.waitSignal(welcome.rejected):
        qtbot.keyClick(welcome, Qt.Key.Key_Escape)
    assert fake.calls == []


async def test_skipping_during_a_test_does_no_harm(welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome)
    welcome.add.click()
    welcome.skip.click()
    await fake.settle()
    assert not welcome.isVisible()


async def test_a_base_url_goes_along(welcome: Welcome, fake: FakeRuntime) -> None:
    fill(welcome, "openai-compatible", "")
    assert not welcome.add.isEnabled()
    welcome.form.url_edit.setText("http://127.0.0.1:9/v1")
    welcome.add.click()
    await fake.settle()
    assert ("add_provider", "openai-compatible", "http://127.0.0.1:9/v1", None) in fake.calls


def test_every_label_is_plain_text(welcome: Welcome) -> None:
    texts = [label for label in welcome.findChildren(QLabel) if label.text()]
    assert texts
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in texts)


def test_a_new_address_shows_on_the_last_step(welcome: Welcome, bridge: Bridge, fake: FakeRuntime) -> None:
    fake.change(listening="http://127.0.0.1:9000/v1")
    bridge.refresh()
    assert welcome.access.address.text() == "http://127.0.0.1:9000/v1"
