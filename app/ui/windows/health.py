"""The health page: every provider with its state and counters, and what can be done about it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.ui import wording
from app.ui.models.providers import LAST_ERROR, ProviderTable
from app.ui.windows import plain
from app.ui.windows.key import KeyDialog
from app.ui.windows.tables import make_table

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus, Snapshot
    from app.ui.bridge import Bridge


class HealthPage(QWidget):
    """Table, buttons, and the selected provider's last error in full."""

    def __init__(self, bridge: "Bridge", add_provider: Callable[[], None]) -> None:
        """Build it for what `bridge` knows now."""
        super().__init__()
        self.setObjectName("health-page")
        self._bridge = bridge
        self.model = ProviderTable()
        self.table = make_table("providers", "Providers")
        self.table.setModel(self.model)
        self.table.horizontalHeader().setSectionResizeMode(LAST_ERROR, QHeaderView.ResizeMode.Stretch)
        self._detail = plain.label("provider-detail", wrap=True, selectable=True)
        self._detail.setAccessibleName("Last error of the selected provider")
        self._enable = plain.button("enable-provider", "&Enable", self._toggle)
        self._test = plain.button("test-provider", "&Test", self._try)
        self._key = plain.button("replace-key", "Replace &key…", self._replace_key)
        self._remove = plain.button("remove-provider", "&Remove…", self._ask_remove)
        self._add = plain.button("add-provider", "A&dd a provider…", add_provider)
        self._filled = QStackedWidget()
        self._lay_out(add_provider)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_selected())
        self.model.modelReset.connect(self._select_something)
        bridge.changed.connect(self.show_snapshot)
        if bridge.snapshot is not None:
            self.show_snapshot(bridge.snapshot)
        self._show_selected()

    def _lay_out(self, add_provider: Callable[[], None]) -> None:
        buttons = QHBoxLayout()
        for button in (self._enable, self._test, self._key, self._remove):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self._add)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(buttons)
        column.addWidget(self.table, 1)
        column.addWidget(self._detail)
        self._filled.addWidget(full)
        self._filled.addWidget(_nothing_yet(add_provider))
        self._filled.addWidget(plain.label("starting", "Starting…"))
        self._filled.setCurrentIndex(2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._filled)

    # -- showing

    def show_snapshot(self, snapshot: "Snapshot") -> None:
        """Bring the table and the selected provider up to date."""
        self._filled.setCurrentIndex(0 if snapshot.providers else 1)
        self.model.show(snapshot.providers)
        self._show_selected()

    def _select_something(self) -> None:
        if self.model.rows:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.table.selectionModel().setCurrentIndex(self.model.index(0, 0), flags)

    @property
    def selected(self) -> "ProviderStatus | None":
        """The provider the buttons are about."""
        row = self.table.currentIndex().row()
        return self.model.rows[row] if 0 <= row < len(self.model.rows) else None

    def _show_selected(self) -> None:
        provider = self.selected
        for button in (self._enable, self._test, self._key, self._remove):
            button.setEnabled(provider is not None)
        if provider is None:
            self._detail.setText("")
            return
        self._enable.setText("Disabl&e" if provider.enabled else "&Enable")
        self._test.setEnabled(provider.enabled)
        _set_text(self._detail, describe(provider))

    # -- doing

    def _toggle(self) -> None:
        if (provider := self.selected) is not None:
            on = not provider.enabled
            what = f"Switch {provider.id} {'on' if on else 'off'}"
            self._bridge.run(what, lambda runtime: runtime.enable_provider(provider.id, on))

    def _try(self) -> None:
        if (provider := self.selected) is not None:
            self._test.setText("Testing…")
            what = f"Test {provider.id}"
            self._bridge.run(
                what,
                lambda runtime: runtime.test_provider(provider.id),
                self._tell_result,
                lambda: self._test.setText("&Test"),
            )

    def _tell_result(self, provider: "ProviderStatus") -> None:
        name, good = wording.provider_name(provider), provider.state.up
        answered = f"{name} answered in {wording.latency(provider.latency_ms)}"
        said = answered if good else f"{name}: {wording.state(provider.state)}"
        self._bridge.notice_here.emit(said, wording.one_line(provider.detail), not good)

    def _replace_key(self) -> None:
        if (provider := self.selected) is not None:
            KeyDialog(self._bridge, provider, self).open()

    def _ask_remove(self) -> None:
        if (provider := self.selected) is not None:
            name = wording.provider_name(provider)
            question = f"Remove {name} and delete its key from the keyring?"
            plain.ask(self, question, f"Remove {name}".replace("&", "&&"), lambda: self._do_remove(provider.id))

    def _do_remove(self, provider_id: str) -> None:
        self._bridge.run(f"Remove {provider_id}", lambda runtime: runtime.remove_provider(provider_id))


def describe(provider: "ProviderStatus") -> str:
    """The selected provider in two lines: what it is, and its last error with the remedy."""
    name = wording.provider_name(provider)
    facts = [f"{name} ({provider.kind})" if name != provider.kind else name, f"priority {provider.priority}"]
    facts.append(f"{wording.count(provider.models)} models" if provider.models is not None else "models unknown")
    if provider.checked_at is not None:
        facts.append(f"last heard of at {provider.checked_at.astimezone():%H:%M:%S}")
    return f"{' · '.join(facts)}\n{wording.one_line(provider.detail) or 'No error.'}"


def _set_text(label: QLabel, text: str) -> None:
    """Leave a label alone, with what is selected in it, while its text stays the same."""
    if label.text() != text:
        label.setText(text)


def _nothing_yet(add_provider: Callable[[], None]) -> QWidget:
    """What is shown instead of an empty table."""
    empty = QWidget()
    title = plain.label("no-providers", "No provider yet")
    plain.grown(title, 4, bold=True)
    hint = plain.label("no-providers-hint", "Add one with its key, and every tool on this machine can use it.")
    column = QVBoxLayout(empty)
    column.addStretch(1)
    for widget in (title, hint, plain.button("add-first-provider", "A&dd a provider…", add_provider)):
        column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
    column.addStretch(2)
    return empty
