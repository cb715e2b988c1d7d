"""Address and token, and their copy buttons."""

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.domain.secret import Secret
from app.ui.bridge import Bridge
from app.ui.windows.access import Access, masked
from ui.fake_runtime import FakeRuntime

TOKEN = "sk-local-0123456789abcdef0123"


@pytest.fixture
def holder(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def access(holder: QWidget, bridge: Bridge) -> Access:
    made = Access(bridge)
    holder.setLayout(made)
    return made


def test_the_token_is_masked_and_copied_in_full(access: Access) -> None:
    assert access.token.text() == "••••••••0123"
    access.copy_token.click()
    assert QGuiApplication.clipboard().text() == TOKEN
    assert TOKEN not in access.token.text() + access.copy_token.text() + access.copy_token.toolTip()


def test_the_address_is_copied(access: Access) -> None:
    assert access.address.text() == "http://127.0.0.1:8484/v1"
    access.copy_address.click()
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:8484/v1"


def test_a_short_token_shows_nothing_of_itself() -> None:
    assert masked(Secret("short")) == "••••••••"
    assert masked(None) == "—"


def test_without_a_server_there_is_no_address(
    access: Access, bridge: Bridge, fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.change(listening="", problem="127.0.0.1:8484 is taken.")
    bridge.refresh()
    monkeypatch.setattr(fake, "token", lambda: None)
    access.refresh()
    assert access.address.text() == "Not listening"
    assert not access.copy_address.isEnabled()
    assert not access.copy_token.isEnabled()
    assert not access.give_address()
    assert not access.give_token()


def test_before_the_program_has_started(holder: QWidget) -> None:
    access = Access(Bridge(), "welcome-")
    holder.setLayout(access)
    assert access.address.text() == "Starting…"
    assert access.address.objectName() == "welcome-address"
    assert not access.copy_token.isEnabled()
