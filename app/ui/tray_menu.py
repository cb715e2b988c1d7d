"""The tray's menu: what it says is decided from a snapshot, then patched in place or rebuilt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from app.ui import icons, wording

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus, Snapshot
    from app.ui.bridge import Bridge

_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Actions:
    """What the entries of the menu do besides commands to the runtime."""

    copy_address: Callable[[], None]
    copy_token: Callable[[], None]
    open_health: Callable[[], None]
    open_usage: Callable[[], None]
    add_provider: Callable[[], None]
    about: Callable[[], None]
    quit: Callable[[], None]


def provider_label(provider: "ProviderStatus", now: datetime) -> str:
    """`openai · 212 ms` while it is up, else its state, with the seconds it is still left alone."""
    name = wording.provider_name(provider)
    if provider.state.up:
        return f"{name} · {wording.latency(provider.latency_ms)}" if provider.latency_ms is not None else name
    if provider.cooling_until is not None and provider.cooling_until > now:
        left_s = max(1, round((provider.cooling_until - now).total_seconds()))
        return f"{name} · {wording.state(provider.state)}, {left_s} s"
    return f"{name} · {wording.state(provider.state)}"


def _escaped(text: str) -> str:
    """Text from outside for an action, where `&` would underline the next letter."""
    return wording.one_line(text).replace("&", "&&")


class TrayMenu(QMenu):
    """Status, providers, *Use only*, copying, windows, quitting."""

    def __init__(self, bridge: "Bridge", actions: Actions) -> None:
        """Build it for what `bridge` knows now."""
        super().__init__()
        self.setObjectName("tray-menu")
        self._bridge = bridge
        self._actions = actions
        self._providers: dict[str, QAction] = {}
        self._only: dict[str, QAction] = {}
        self._shown_only: QActionGroup | None = None
        self._countdown = QTimer(self)
        self._countdown.setInterval(_SECOND_MS)
        self._countdown.timeout.connect(self.patch)
        self.aboutToShow.connect(self._opened)
        self.aboutToHide.connect(self._countdown.stop)
        self.rebuild()

    def _opened(self) -> None:
        self._bridge.refresh()
        self.rebuild()
        self._countdown.start()

    # -- building

    def rebuild(self) -> None:
        """Make the entries anew when the providers are others than before, and bring all of them up to date."""
        snapshot = self._bridge.snapshot
        ids = [p.id for p in snapshot.providers] if snapshot else []
        if not self.actions() or ids != list(self._providers):
            self._build(snapshot.providers if snapshot else ())
        self.patch()

    def _build(self, providers: "tuple[ProviderStatus, ...]") -> None:
        self.clear()
        self._status = self._entry("status", "", self._actions.open_health)
        self.addSeparator()
        self._providers = {p.id: self._provider_entry(p.id) for p in providers}
        self._use_only = self._only_menu(providers)
        self.addSeparator()
        self._address = self._entry("copy-address", "Copy &address", self._actions.copy_address)
        self._token = self._entry("copy-token", "Copy &token", self._actions.copy_token)
        self.addSeparator()
        self._entry("open", "&Open Switchtower", self._actions.open_health)
        self._entry("usage", "&Usage", self._actions.open_usage)
        self._add = self._entry("add-provider", "A&dd a provider…", self._actions.add_provider)
        self.addSeparator()
        self._about = self._entry("about", "A&bout Switchtower", self._actions.about)
        self._entry("quit", "&Quit", self._actions.quit)

    def _entry(self, name: str, text: str, do: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        action.setObjectName(f"tray-{name}")
        action.triggered.connect(lambda _=False: do())
        self.addAction(action)
        return action

    def _provider_entry(self, provider_id: str) -> QAction:
        action = QAction(self)
        action.setObjectName(f"tray-provider-{provider_id}")
        action.setCheckable(True)
        action.triggered.connect(lambda on: self._enable(provider_id, on))
        self.addAction(action)
        return action

    def _only_menu(self, providers: "tuple[ProviderStatus, ...]") -> QMenu:
        menu = QMenu("Use o&nly", self)
        menu.setObjectName("tray-use-only")
        self._shown_only = QActionGroup(menu)
        names = {"": "&Automatic"} | {p.id: _escaped(wording.provider_name(p)) for p in providers}
        self._only = {i: self._only_entry(menu, self._shown_only, i, name) for i, name in names.items()}
        if providers:
            self.addSeparator()
            self.addMenu(menu)
        return menu

    def _only_entry(self, menu: QMenu, group: QActionGroup, provider_id: str, name: str) -> QAction:
        action = QAction(name, menu)
        action.setObjectName(f"tray-only-{provider_id or 'automatic'}")
        action.setCheckable(True)
        action.triggered.connect(lambda _=False: self._force(provider_id))
        group.addAction(action)
        menu.addAction(action)
        return action

    # -- keeping it true

    def patch(self) -> None:
        """Bring texts, marks and icons up to date."""
        snapshot = self._bridge.snapshot
        _set_text(self._status, _escaped(wording.status_line(snapshot)))
        self._status.setIcon(icons.tray_icon(icons.tower_state(snapshot)))
        for action, usable in self._usable(snapshot):
            action.setEnabled(usable)
        if snapshot is None:
            return
        now = datetime.now(UTC)
        for provider in snapshot.providers:
            if (entry := self._providers.get(provider.id)) is not None:
                _set_text(entry, _escaped(provider_label(provider, now)))
                entry.setIcon(icons.health_icon(provider.state))
                entry.setChecked(provider.enabled)
        if (forced := self._only.get(snapshot.forced_provider)) is not None:
            forced.setChecked(True)

    def _usable(self, snapshot: "Snapshot | None") -> list[tuple[QAction, bool]]:
        """Which entries make sense now."""
        up = snapshot is not None
        listens = snapshot is not None and bool(snapshot.listening)
        runtime = self._bridge.runtime
        has_token = runtime is not None and runtime.token() is not None
        return [(self._address, listens), (self._token, has_token), (self._add, up), (self._about, up)]

    # -- commands

    def _enable(self, provider_id: str, on: bool) -> None:  # noqa: FBT001 - Qt's signal
        what = f"Switch {provider_id} {'on' if on else 'off'}"
        self._bridge.run(what, lambda runtime: runtime.enable_provider(provider_id, on))

    def _force(self, provider_id: str) -> None:
        what = f"Use only {provider_id}" if provider_id else "Choose automatically"
        self._bridge.run(what, lambda runtime: runtime.force_provider(provider_id))


def _set_text(action: QAction, text: str) -> None:
    """Change a text only when it differs: each change is a message to the panel."""
    if action.text() != text:
        action.setText(text)
