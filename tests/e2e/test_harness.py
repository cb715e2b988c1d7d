"""The harness itself: without it the other end-to-end tests would prove little."""

import sys

import pytest

from e2e.desktop import Desktop
from e2e.tray_hosts import BusTray, PixelTray, find
from e2e.waiting import eventually

TRAY = """
import signal, sys
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon
app = QApplication(["switchtower"])
app.setQuitOnLastWindowClosed(False)
red, green = QPixmap(32, 32), QPixmap(32, 32)
red.fill("red"), green.fill("green")
tray, menu = QSystemTrayIcon(QIcon(red)), QMenu()
entry = menu.addAction("alpha")
entry.setCheckable(True)
entry.toggled.connect(lambda on: tray.setIcon(QIcon(green if on else red)))
menu.addMenu("More").addAction("Quit", app.quit)
tray.setContextMenu(menu)
tray.setToolTip("a tooltip")
tray.show()
sys.exit(app.exec())
"""

pytestmark = pytest.mark.desktop


def test_an_embedded_icon_is_found_clicked_and_its_picture_changes(desktop: Desktop) -> None:
    tray = PixelTray(desktop)
    app = desktop.spawn(sys.executable, "-c", TRAY)
    before = tray.picture()
    tray.click(3)
    eventually(lambda: len(desktop.popups()) == 1, "the menu")
    desktop.shot("harness-menu")
    desktop.press("Down", "Return")
    eventually(lambda: tray.picture() != before, "another picture")
    assert app.poll() is None


def test_an_icon_on_the_bus_shows_its_menu_and_is_clicked(desktop: Desktop) -> None:
    with BusTray(desktop) as tray:
        app = desktop.spawn(sys.executable, "-c", TRAY)
        tray.wait_icon()
        assert "a tooltip" in tray.tooltip
        assert find(tray.menu(), "alpha").checked is False
        tray.click("alpha")
        eventually(lambda: find(tray.menu(), "alpha").checked, "the entry checked")
        tray.click("Quit")
        assert app.wait(10) == 0


def test_the_keyring_is_real_and_can_be_locked(machine: Desktop) -> None:
    put = "import keyring; print(keyring.get_keyring()); keyring.set_password('s', 'u', 'a value')"
    get = "import keyring; print(keyring.get_password('s', 'u'))"
    assert "SecretService" in machine.run(sys.executable, "-c", put)
    assert machine.run(sys.executable, "-c", get).strip() == "a value"
    machine.lock_keyring()
    assert "a value" not in machine.run(sys.executable, "-c", get)
