"""The main window."""

import pytest
from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.domain.status import HealthState
from app.store.settings_errors import SettingsError
from app.ui.bridge import Bridge
from app.ui.windows.about import About
from app.ui.windows.main import FRAME, PAGES, MainWindow
from app.ui.windows.welcome import Welcome
from ui.fake_runtime import FakeRuntime


@pytest.fixture
def quits() -> list[int]:
    return []


@pytest.fixture
def window(qtbot: QtBot, bridge: Bridge, quits: list[int]) -> MainWindow:
    made = MainWindow(bridge, lambda: quits.append(1))
    qtbot.addWidget(made)
    return made


def page_name(window: MainWindow) -> str:
    return window.pages.currentWidget().objectName()


async def test_pages_are_chosen_in_the_side_bar(window: MainWindow) -> None:
    window.present()
    assert page_name(window) == "health-page"
    window.side.setCurrentRow(1)
    assert page_name(window) == "usage-page"
    window.present("health")
    assert page_name(window) == "health-page"
    assert [window.side.item(row).text() for row in range(window.side.count())] == [page.title for page in PAGES]


async def test_shortcuts(qtbot: QtBot, window: MainWindow, quits: list[int]) -> None:
    window.present()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert page_name(window) == "usage-page"
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert page_name(window) == "health-page"
    qtbot.keyClick(window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    window.findChild(QPushButton, "quit").click()
    assert quits == [1, 1]
    qtbot.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()


@pytest.mark.parametrize(
    ("screen", "size"),
    [
        (QSize(1280, 720), QSize(1040, 720 - FRAME.height())),
        (QSize(2560, 1440), QSize(1040, 740)),
        (QSize(640, 480), QSize(820, 560)),
    ],
)
def test_it_is_first_no_larger_than_the_screen(
    qtbot: QtBot, bridge: Bridge, monkeypatch: pytest.MonkeyPatch, screen: QSize, size: QSize
) -> None:
    monkeypatch.setattr(QScreen, "availableSize", lambda _: screen)
    window = MainWindow(bridge, lambda: None)
    qtbot.addWidget(window)
    assert window.size() == size


async def test_closing_only_hides(window: MainWindow) -> None:
    window.present()
    window.close()
    assert not window.isVisible()
    window.present("usage")
    assert window.isVisible()


def test_a_minimised_window_comes_back(window: MainWindow) -> None:
    window.showMinimized()
    window.present()
    assert not window.isMinimized()


def test_problems_and_failures_are_shown(window: MainWindow, bridge: Bridge, fake: FakeRuntime) -> None:
    window.present()
    fake.change(listening="", problem="127.0.0.1:8484 is taken by process 7.", demo=True)
    bridge.refresh()
    assert window.banner.problems["problem"].text.text() == "127.0.0.1:8484 is taken by process 7."
    assert window.header.demo.isVisible()
    bridge.failed.emit("Test alpha: it failed.")
    assert window.banner.news.isVisible()


def test_news_hold_no_state_that_passes(window: MainWindow, bridge: Bridge, fake: FakeRuntime) -> None:
    window.present()
    fake.change(listening="", problem="127.0.0.1:8484 is taken by process 7.")
    fake.change_provider("alpha", state=HealthState.UNREACHABLE)
    bridge.refresh()
    assert window.banner.news.text.text() == "alpha can't be used"
    fake.change(listening="http://127.0.0.1:8484/v1", problem="")
    bridge.refresh()
    assert window.banner.news.text.text() == "alpha can't be used"
    assert not window.banner.problems["problem"].isVisible()


async def test_a_failed_command_stays_until_dismissed(window: MainWindow, fake: FakeRuntime) -> None:
    window.present()
    fake.error = SettingsError("config.toml cannot be written.")
    window.findChild(QPushButton, "enable-provider").click()
    await fake.settle()
    assert window.banner.news.text.text() == "Switch alpha off: config.toml cannot be written."
    window.findChild(QPushButton, "news-close").click()
    assert not window.banner.news.isVisible()


def test_copying_from_the_tray(window: MainWindow, fake: FakeRuntime) -> None:
    window.copy_address()
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:8484/v1"
    window.copy_token()
    assert QGuiApplication.clipboard().text().startswith("sk-local-")
    fake.local_token = None
    window.copy_token()
    assert window.isVisible()
    assert "keyring" in window.banner.news.text.text()


async def test_adding_opens_one_dialog_that_blocks_nothing(qtbot: QtBot, window: MainWindow) -> None:
    window.present("usage")
    window.add_provider(first=True)
    window.add_provider(first=True)
    qtbot.waitUntil(lambda: any(dialog.isVisible() for dialog in window.findChildren(Welcome)))
    (dialog,) = window.findChildren(Welcome)
    assert page_name(window) == "health-page"
    dialog.reject()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert window.findChildren(Welcome) == []
    window.findChild(QPushButton, "add-provider").click()
    qtbot.waitUntil(lambda: any(dialog.isVisible() for dialog in window.findChildren(Welcome)))
    window.findChildren(Welcome)[0].reject()


def test_nothing_is_added_before_the_program_has_started(qtbot: QtBot) -> None:
    window = MainWindow(Bridge(), lambda: None)
    qtbot.addWidget(window)
    window.add_provider()
    assert window.findChildren(Welcome) == []


def test_every_label_is_plain_text(window: MainWindow) -> None:
    labels = [label for label in window.findChildren(QLabel) if label.text()]
    assert len(labels) > 10
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in labels)


def test_everything_that_takes_the_keyboard_has_a_name(window: MainWindow) -> None:
    for kind in (QPushButton, QLineEdit):
        for widget in window.findChildren(kind):
            assert widget.objectName(), widget
            assert widget.accessibleName() or isinstance(widget, QPushButton), widget.objectName()
    for name in ("side-bar", "providers", "usage", "provider-error", "usage-chart"):
        assert window.findChild(QWidget, name).accessibleName(), name


async def test_about_opens_once_from_the_side_bar_and_from_the_tray(
    qtbot: QtBot, window: MainWindow, fake: FakeRuntime
) -> None:
    window.show_about()
    window.findChild(QPushButton, "about").click()
    qtbot.waitUntil(lambda: any(dialog.isVisible() for dialog in window.findChildren(About)))
    await fake.settle()
    [dialog] = window.findChildren(About)
    assert window.isVisible()
    dialog.findChild(QPushButton, "close-about").click()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert window.findChildren(About) == []
