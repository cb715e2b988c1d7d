"""The icon in the tray: its state, its tooltip and its news, also in a tray that comes late."""

import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QSystemTrayIcon

from app.ui import icons, wording
from app.ui.bridge import Pace
from app.ui.tray_menu import Actions, TrayMenu

if TYPE_CHECKING:
    from app.domain.status import Snapshot
    from app.ui.bridge import Bridge

LOOK_EVERY_MS = 3000
PATIENCE_MS = 1500
_MESSAGE_MS = 8000
_CALM_S = 2.0
_WATCHER = "org.kde.StatusNotifierWatcher"


class Tray(QObject):
    """Owns the `QSystemTrayIcon`; `missing` is emitted when there is still no tray a moment after the start."""

    missing = Signal()
    arrived = Signal()

    def __init__(self, bridge: "Bridge", actions: Actions) -> None:
        """Show the icon at once, or as soon as a tray turns up."""
        super().__init__()
        self._bridge = bridge
        self._open_window = actions.open_health
        self._menu = TrayMenu(bridge, actions)
        self._state = icons.tower_state(None)
        self._gist: object = None
        self._latencies = Pace(_CALM_S)
        self._icon = self._make_icon()
        self._look = QTimer(self)
        self._look.setInterval(LOOK_EVERY_MS)
        self._look.timeout.connect(self._look_for_tray)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._say_when_missing)
        self._watcher = _watch_hosts(self)
        bridge.changed.connect(self._show)
        bridge.notice.connect(self._tell)
        bridge.notice_tray.connect(self._tell)
        if not QSystemTrayIcon.isSystemTrayAvailable():
            self._look.start()
            self._patience.start()

    # -- the icon

    def _make_icon(self) -> QSystemTrayIcon:
        icon = QSystemTrayIcon(icons.tray_icon(self._state), self)
        icon.setObjectName("tray")
        icon.setContextMenu(self._menu)
        icon.activated.connect(self._clicked)
        icon.show()
        return icon

    def renew(self) -> None:
        """Replace the icon: one that was made before its tray never appears in trays that speak StatusNotifier."""
        old, tooltip = self._icon, self._icon.toolTip()
        old.hide()
        old.deleteLater()
        self._icon = self._make_icon()
        self._icon.setToolTip(tooltip)

    def _clicked(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger and sys.platform != "darwin":
            self._open_window()

    def hide(self) -> None:
        """Take the icon away."""
        self._look.stop()
        self._patience.stop()
        self._icon.hide()

    # -- trays that are missing, late or replaced

    def _say_when_missing(self) -> None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            self.missing.emit()

    def _look_for_tray(self) -> None:
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._look.stop()
            self.renew()
            self.arrived.emit()

    def _host_came(self) -> None:
        """A StatusNotifier host registered its name; its icons are accepted a moment later."""
        self._look.start()

    # -- what it shows

    def _show(self, snapshot: "Snapshot") -> None:
        """Follow a snapshot; when only latencies moved, at most every few seconds unless the menu is open."""
        line = wording.status_line(snapshot)
        providers = [(p.id, p.name, p.enabled, p.state, p.cooling_until) for p in snapshot.providers]
        gist = (line, providers, snapshot.forced_provider, snapshot.demo)
        if gist != self._gist or self._menu.isVisible() or self._latencies.due():
            self._gist = gist
            self._menu.rebuild()
        title = f"Switchtower{' (demo)' if snapshot.demo else ''}"
        self._icon.setToolTip("\n".join(filter(None, (title, line, wording.out_of_the_ordinary(snapshot)))))
        if (state := icons.tower_state(snapshot)) is not self._state:
            self._state = state
            self._icon.setIcon(icons.tray_icon(state))

    def _tell(self, title: str, text: str, bad: bool) -> None:  # noqa: FBT001 - Qt's signal
        """Show a message; news without a text of their own get the state of the whole program."""
        kind = QSystemTrayIcon.MessageIcon.Warning if bad else QSystemTrayIcon.MessageIcon.Information
        if QSystemTrayIcon.supportsMessages():
            self._icon.showMessage(title, text or wording.status_line(self._bridge.snapshot), kind, _MESSAGE_MS)


def _watch_hosts(tray: Tray) -> QObject | None:
    """Hear of StatusNotifier hosts that appear after the icon was made; they exist on Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    from PySide6.QtDBus import QDBusConnection, QDBusServiceWatcher  # noqa: PLC0415 - not there on other systems

    watcher = QDBusServiceWatcher(
        _WATCHER,
        QDBusConnection.sessionBus(),
        QDBusServiceWatcher.WatchModeFlag.WatchForRegistration,
        tray,
    )
    watcher.serviceRegistered.connect(tray._host_came)
    return watcher
