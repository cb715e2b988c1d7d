"""The icon: its state, tooltip and messages, and trays that are missing or late."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QSystemTrayIcon
from pytestqt.qtbot import QtBot

from app.domain.status import HealthState
from app.ui import icons, tray
from app.ui.bridge import Bridge
from app.ui.icons import TowerState
from app.ui.tray import Tray
from app.ui.tray_menu import Actions
from ui.fake_runtime import FakeRuntime

Reason = QSystemTrayIcon.ActivationReason


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
def made(qtbot: QtBot, bridge: Bridge, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Tray]:
    monkeypatch.setattr(tray, "PATIENCE_MS", 20)
    monkeypatch.setattr(tray, "LOOK_EVERY_MS", 20)
    nothing = [lambda: None] * 4
    made = Tray(bridge, Actions(lambda: None, lambda: None, lambda: opened.append("window"), *nothing))
    bridge.refresh()
    yield made
    made.hide()
    made.deleteLater()


def shown(made: Tray) -> QSystemTrayIcon:
    return made._icon


def test_icon_and_tooltip_follow_the_state(made: Tray, bridge: Bridge, fake: FakeRuntime) -> None:
    assert shown(made).toolTip() == "Switchtower\nReady · 127.0.0.1:8484"
    assert shown(made).icon().cacheKey() == icons.tray_icon(TowerState.READY).cacheKey()
    fake.change_provider("alpha", state=HealthState.UNREACHABLE)
    bridge.refresh()
    assert shown(made).toolTip() == "Switchtower\n1 of 2 providers up · 127.0.0.1:8484"
    assert shown(made).icon().cacheKey() == icons.tray_icon(TowerState.DEGRADED).cacheKey()


def test_the_demo_says_that_it_is_one(made: Tray, bridge: Bridge, fake: FakeRuntime) -> None:
    fake.change(demo=True)
    bridge.refresh()
    assert shown(made).toolTip().startswith("Switchtower (demo)")


def test_a_left_click_opens_the_window(made: Tray, opened: list[str]) -> None:
    for reason in (Reason.Context, Reason.DoubleClick, Reason.Trigger):
        shown(made).activated.emit(reason)
    assert opened == ["window"]


def test_news_are_shown_where_there_is_a_tray(
    made: Tray, bridge: Bridge, fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[object, ...]] = []
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda _, *what: said.append(what))
    fake.change_provider("alpha", state=HealthState.UNREACHABLE, detail="<img src=x>")
    bridge.refresh()
    bridge.refresh()
    [(title, text, kind, _)] = said
    assert (title, text) == ("alpha can't be used", "1 of 2 providers up · 127.0.0.1:8484")
    assert kind is QSystemTrayIcon.MessageIcon.Warning


def test_a_taken_port_is_told_where_there_is_a_tray(
    made: Tray, bridge: Bridge, fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[object, ...]] = []
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda _, *what: said.append(what))
    fake.change(listening="", problem="127.0.0.1:8484 is taken by process 7. End it.")
    bridge.refresh()
    bridge.refresh()
    assert [what[:2] for what in said] == [("Port 8484 is taken", "The window says what to do.")]


def test_without_a_tray_it_says_so_after_a_moment(qtbot: QtBot, made: Tray) -> None:
    with qtbot.waitSignal(made.missing, timeout=5000):
        pass


def test_a_late_tray_gets_a_new_icon(
    qtbot: QtBot, made: Tray, bridge: Bridge, fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shown(made)
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    with qtbot.waitSignal(made.arrived, timeout=5000):
        pass
    assert shown(made) is not first
    assert shown(made).isVisible()
    assert shown(made).toolTip() == "Switchtower\nReady · 127.0.0.1:8484"
    fake.change_provider("alpha", state=HealthState.UNREACHABLE)
    bridge.refresh()
    assert "1 of 2" in shown(made).toolTip()
    assert not made._look.isActive()


def test_a_host_that_registers_later_is_looked_for_again(made: Tray) -> None:
    made._look.stop()
    made._host_came()
    assert made._look.isActive()


def test_latencies_alone_do_not_flood_the_panel(made: Tray, bridge: Bridge, fake: FakeRuntime) -> None:
    changes: list[int] = []
    made._menu.actions()[2].changed.connect(lambda: changes.append(1))
    for ms in range(50):
        fake.change_provider("alpha", latency_ms=float(ms + 300))
        bridge.refresh()
    assert len(changes) <= 2
