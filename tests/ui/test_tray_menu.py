"""The tray's menu: what it says, and that it is true before a panel reads it as well as when it opens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from app.domain.status import HealthState, ProviderStatus
from app.ui.bridge import Bridge
from app.ui.tray_menu import Actions, TrayMenu, provider_label
from ui.fake_runtime import TWO, FakeRuntime, provider

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class Asked:
    """Notes which entries were chosen."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.actions = Actions(*(self._noting(name) for name in Actions.__slots__))

    def _noting(self, name: str) -> Any:
        return lambda: self.names.append(name)


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def menu(qtbot: QtBot, bridge: Bridge, asked: Asked) -> TrayMenu:
    made = TrayMenu(bridge, asked.actions)
    qtbot.addWidget(made)
    bridge.changed.connect(lambda _: made.rebuild())
    return made


def action(menu: QMenu, name: str) -> QAction:
    found = menu.findChild(QAction, f"tray-{name}")
    assert isinstance(found, QAction)
    return found


def texts(menu: QMenu) -> list[str]:
    return [entry.text().replace("&", "") for entry in menu.actions() if not entry.isSeparator()]


def test_it_says_all_there_is(menu: TrayMenu) -> None:
    assert texts(menu) == [
        "Ready · 127.0.0.1:8484",
        "alpha · 212 ms",
        "beta · 48 ms",
        "Use only",
        "Copy address",
        "Copy token",
        "Open Switchtower",
        "Usage",
        "Add a provider…",
        "About Switchtower",
        "Quit",
    ]
    assert menu.actions()[0].isEnabled()
    assert action(menu, "provider-alpha").isChecked()
    assert not action(menu, "provider-alpha").icon().isNull()


def test_while_the_program_starts_only_windows_and_quitting_work(qtbot: QtBot, asked: Asked) -> None:
    menu = TrayMenu(Bridge(), asked.actions)
    qtbot.addWidget(menu)
    assert texts(menu)[0] == "Starting…"
    enabled = [entry.text().replace("&", "") for entry in menu.actions() if entry.isEnabled() and entry.text()]
    assert enabled == ["Starting…", "Open Switchtower", "Usage", "Quit"]


def test_a_token_is_copied_only_when_there_is_one(menu: TrayMenu, fake: FakeRuntime) -> None:
    assert action(menu, "copy-token").isEnabled()
    fake.local_token = None
    menu.patch()
    assert not action(menu, "copy-token").isEnabled()
    assert action(menu, "copy-address").isEnabled()


@pytest.mark.parametrize(
    ("status", "label"),
    [
        (provider("a", latency_ms=212.4), "a · 212 ms"),
        (provider("a"), "a"),
        (provider("a", HealthState.UNREACHABLE), "a · Down"),
        (provider("a", HealthState.DISABLED, enabled=False), "a · Off"),
        (provider("a", HealthState.RATE_LIMITED, cooling_until=NOW + timedelta(seconds=12)), "a · Rate limited, 12 s"),
        (provider("a", HealthState.RATE_LIMITED, cooling_until=NOW - timedelta(seconds=1)), "a · Rate limited"),
        (provider("openai", kind="openai", name="OpenAI"), "OpenAI"),
    ],
)
def test_a_providers_label(status: ProviderStatus, label: str) -> None:
    assert provider_label(status, NOW) == label


async def test_a_click_on_a_provider_switches_it_off_and_on(menu: TrayMenu, fake: FakeRuntime) -> None:
    action(menu, "provider-alpha").trigger()
    await fake.settle()
    assert not action(menu, "provider-alpha").isChecked()
    assert "alpha · Off" in texts(menu)
    action(menu, "provider-alpha").trigger()
    await fake.settle()
    assert fake.calls == [("enable_provider", "alpha", False), ("enable_provider", "alpha", True)]
    assert action(menu, "provider-alpha").isChecked()


async def test_a_switch_that_fails_goes_back(menu: TrayMenu, fake: FakeRuntime, bridge: Bridge) -> None:
    from app.store.settings_errors import SettingsError

    failed: list[str] = []
    bridge.failed.connect(failed.append)
    fake.error = SettingsError("config.toml cannot be written")
    action(menu, "provider-alpha").trigger()
    await fake.settle()
    assert action(menu, "provider-alpha").isChecked()
    assert failed == ["Switch alpha off: config.toml cannot be written"]


async def test_use_only_forces_a_provider_and_automatic_frees_it(menu: TrayMenu, fake: FakeRuntime) -> None:
    assert action(menu, "only-automatic").isChecked()
    action(menu, "only-beta").trigger()
    await fake.settle()
    assert action(menu, "only-beta").isChecked()
    assert not action(menu, "only-automatic").isChecked()
    action(menu, "only-automatic").trigger()
    await fake.settle()
    assert fake.calls == [("force_provider", "beta"), ("force_provider", "")]


def test_the_other_entries_do_what_they_say(menu: TrayMenu, asked: Asked) -> None:
    for name in ("status", "copy-address", "copy-token", "open", "usage", "add-provider", "quit"):
        action(menu, name).trigger()
    assert asked.names[:1] == ["open_health"]
    assert asked.names[1:] == ["copy_address", "copy_token", "open_health", "open_usage", "add_provider", "quit"]


def test_it_is_rebuilt_when_providers_come_and_go(menu: TrayMenu, bridge: Bridge, fake: FakeRuntime) -> None:
    fake.change(providers=(*TWO, provider("gamma")))
    bridge.refresh()
    assert "gamma" in texts(menu)
    fake.change(providers=())
    bridge.refresh()
    assert texts(menu)[:2] == ["No provider yet · 127.0.0.1:8484", "Copy address"]


def test_opening_takes_a_new_snapshot(qtbot: QtBot, bridge: Bridge, asked: Asked, fake: FakeRuntime) -> None:
    menu = TrayMenu(bridge, asked.actions)
    qtbot.addWidget(menu)
    fake.state = replace(fake.state, providers=(provider("alpha", HealthState.UNREACHABLE), TWO[1]))
    menu.aboutToShow.emit()
    assert "alpha · Down" in texts(menu)
    assert menu._countdown.isActive()
    menu.aboutToHide.emit()
    assert not menu._countdown.isActive()


def test_patching_keeps_the_entries_a_panel_has_already_read(menu: TrayMenu, bridge: Bridge, fake: FakeRuntime) -> None:
    before = menu.actions()
    fake.change_provider("alpha", state=HealthState.UNREACHABLE, latency_ms=None)
    bridge.refresh()
    assert menu.actions() == before
    assert "alpha · Down" in texts(menu)


def test_names_cannot_underline_or_break_the_menu(menu: TrayMenu, bridge: Bridge, fake: FakeRuntime) -> None:
    fake.change(providers=(provider("x", kind="x", name="R&D\n<b>lab</b>"),))
    bridge.refresh()
    assert action(menu, "provider-x").text() == "R&&D <b>lab</b>"


def test_a_taken_port_is_the_first_line(menu: TrayMenu, bridge: Bridge, fake: FakeRuntime) -> None:
    fake.change(listening="", problem="127.0.0.1:8484 is taken by process 7. End it.")
    bridge.refresh()
    assert texts(menu)[0] == "Port 8484 is taken"
    assert not action(menu, "copy-address").isEnabled()
