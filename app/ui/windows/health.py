"""The health page: every provider with its state and counters, and what can be done about it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.domain.status import HealthState
from app.ui import theme, wording
from app.ui.models.providers import LAST_ERROR, ProviderTable
from app.ui.windows import plain
from app.ui.windows.details import Details
from app.ui.windows.empty import empty_state
from app.ui.windows.heading import Heading
from app.ui.windows.key import KeyDialog
from app.ui.windows.tables import make_table

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus, Snapshot
    from app.engine.trial import Trial
    from app.ui.bridge import Bridge

_STARTING, _EMPTY, _FULL = range(3)
_UNTOLD = "It has nothing that could be asked for free: the first request will tell, and so does Send a message…"
_HINT = "Add one with its key, and every tool on this machine can use it at the address above."


def headline(snapshot: "Snapshot") -> str:
    """How many providers can be used, and whether only one of them is asked."""
    wanted = [p for p in snapshot.providers if p.enabled]
    off = len(snapshot.providers) - len(wanted)
    if snapshot.offline:
        return wording.OFFLINE
    parts = [wording.up(wanted) if wanted else "No provider is on"]
    if off:
        parts.append(f"{off} off")
    if snapshot.forced_provider:
        parts.append(f"only {wording.one_line(snapshot.forced_provider)} is asked")
    return " · ".join(parts)


class HealthPage(QWidget):
    """Table, buttons, and the selected provider in full."""

    def __init__(self, bridge: "Bridge", add_provider: Callable[[], None]) -> None:
        """Build it for what `bridge` knows now; `add_provider` opens the dialog that adds one."""
        super().__init__()
        self.setObjectName("health-page")
        self._bridge = bridge
        self._forced = ""
        self._selected_id = ""
        self._watching = False
        self._tested: set[str] = set()
        self._trials: set[str] = set()
        self.model = ProviderTable()
        self.table = make_table("providers", "Providers", self.model, LAST_ERROR)
        self.details = Details()
        self.headline = Heading("headline", 2)
        self.stack = QStackedWidget()
        self._make_buttons(add_provider)
        self._lay_out(add_provider)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._selection_changed())
        bridge.changed.connect(self.show_snapshot)
        if bridge.snapshot is not None:
            self.show_snapshot(bridge.snapshot)

    def _make_buttons(self, add_provider: Callable[[], None]) -> None:
        self.enable = plain.button("enable-provider", "&Disable", self._toggle)
        self.test = plain.button("test-provider", "&Test", self._test)
        self.message = plain.button("send-trial", "&Send a message…", self._ask_trial)
        self.only = plain.button("use-only", "Use &only this", self._use_only)
        self.key = plain.button("replace-key", "Replace &key…", self._replace_key)
        self.remove = plain.button("remove-provider", "&Remove…", self._ask_remove)
        self.automatic = plain.button("automatic", "Auto&matic", self._use_all, "Use all providers again")
        self.add = plain.button("add-provider", "&Add…", add_provider, "Add a provider", role="primary")
        self.enable.setMinimumWidth(self.enable.sizeHint().width())
        self.test.setMinimumWidth(self.test.fontMetrics().horizontalAdvance("Testing…") + 30)

    @property
    def _about_selected(self) -> tuple[QPushButton, ...]:
        return self.enable, self.test, self.message, self.only, self.key, self.remove

    def _lay_out(self, add_provider: Callable[[], None]) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.GAP_PX)
        top.addWidget(self.headline)
        top.addWidget(self.automatic)
        top.addStretch(1)
        top.addWidget(self.add)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GAP_PX)
        for button in self._about_selected:
            buttons.addWidget(button)
        buttons.addStretch(1)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GAP_PX + 2)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addLayout(buttons)
        column.addWidget(self.details)
        first = plain.button("add-first-provider", "&Add a provider…", add_provider, role="primary")
        plain.grown(first, 1.5, bold=True)
        self.stack.addWidget(empty_state("starting", "page-health", "Starting…", "The providers are being loaded."))
        self.stack.addWidget(empty_state("no-providers", "page-health", "No provider yet", _HINT, first))
        self.stack.addWidget(full)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)

    # -- when it is seen

    def showEvent(self, event: QShowEvent) -> None:
        """Have health looked at more often while it is seen."""
        super().showEvent(event)
        self._watch(on=True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks any more."""
        super().hideEvent(event)
        self._watch(on=False)

    def _watch(self, *, on: bool) -> None:
        if self._bridge.runtime is not None and on is not self._watching:
            self._watching = on
            self._bridge.runtime.watch_closely(on)

    # -- showing

    def show_snapshot(self, snapshot: "Snapshot") -> None:
        """Bring the table and the selected provider up to date."""
        self._watch(on=self.isVisible())
        self.stack.setCurrentIndex(_FULL if snapshot.providers else _EMPTY)
        self._forced = snapshot.forced_provider
        plain.set_text(self.headline, headline(snapshot))
        self.automatic.setVisible(bool(self._forced))
        wanted = self._selected_id
        self.model.show(snapshot.providers, self._forced)
        self._keep_selected(wanted)
        self._show_selected()

    def _keep_selected(self, provider_id: str) -> None:
        """Select the same provider again, else the one that took its row, else the first one."""
        if self.selected is not None and self.selected.id == provider_id:
            return
        row = max(self.model.find(provider_id), self.table.currentIndex().row(), 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(self.model.index(row, 0), flags)

    @property
    def selected(self) -> "ProviderStatus | None":
        """The provider the buttons are about."""
        row = self.table.currentIndex().row()
        return self.model.rows[row] if 0 <= row < len(self.model.rows) else None

    def _selection_changed(self) -> None:
        self._selected_id = self.selected.id if self.selected is not None else ""
        self._show_selected()

    def _show_selected(self) -> None:
        provider = self.selected
        for button in self._about_selected:
            button.setEnabled(provider is not None)
        self.details.show_provider(provider)
        if provider is None:
            return
        testing = provider.id in self._tested
        self.enable.setText("&Disable" if provider.enabled else "&Enable")
        self.test.setText("Testing…" if testing else "&Try now" if wording.is_left_alone(provider) else "&Test")
        self.test.setEnabled(provider.enabled and not testing)
        self.message.setEnabled(provider.enabled and provider.id not in self._trials)
        self.only.setEnabled(provider.enabled and provider.id != self._forced)

    # -- doing

    def _toggle(self) -> None:
        if (provider := self.selected) is not None:
            on = not provider.enabled
            what = f"Switch {provider.id} {'on' if on else 'off'}"
            self._bridge.run(what, lambda runtime: runtime.enable_provider(provider.id, on))

    def _use_only(self) -> None:
        if (provider := self.selected) is not None:
            self._bridge.run(f"Use only {provider.id}", lambda runtime: runtime.force_provider(provider.id))

    def _use_all(self) -> None:
        self._bridge.run("Use all providers", lambda runtime: runtime.force_provider(""))

    def _test(self) -> None:
        if (provider := self.selected) is None:
            return
        left_alone = wording.is_left_alone(provider)
        self._tested.add(provider.id)
        self._show_selected()
        self._bridge.run(
            f"Test {provider.id}",
            lambda runtime: runtime.try_now(provider.id) if left_alone else runtime.test_provider(provider.id),
            self._tell_result,
            lambda: self._test_over(provider.id),
        )

    def _tell_result(self, provider: "ProviderStatus") -> None:
        name, good = wording.one_line(wording.provider_name(provider)), provider.state.up
        answered = f"{name} answered in {wording.latency(provider.latency_ms)}"
        said = answered if good else f"{name}: {wording.state(provider.state)}"
        untold = provider.state is HealthState.UNKNOWN
        self._tell(said, provider.detail or (_UNTOLD if untold else ""), bad=not good and not untold)

    def _test_over(self, provider_id: str) -> None:
        self._tested.discard(provider_id)
        self._show_selected()

    def _ask_trial(self) -> None:
        """Ask before money is spent."""
        if (provider := self.selected) is None or self._bridge.runtime is None:
            return
        name, model = wording.one_line(wording.provider_name(provider)), self._bridge.runtime.trial_model(provider.id)
        if not model:
            remedy = "Press Test first: a message needs the name of one of its models."
            self._tell(f"The models of {name} are not known", remedy, bad=True)
            return
        question = (
            f"Send {name} a message of two words for its model {wording.one_line(model)}? "
            "It costs what a short answer costs there, usually less than a cent."
        )
        plain.ask(self, question, "&Send", lambda: self._send_trial(provider.id, model))

    def _send_trial(self, provider_id: str, model: str) -> None:
        self._trials.add(provider_id)
        self._show_selected()
        self._bridge.run(
            f"Send {provider_id} a message",
            lambda runtime: runtime.send_trial(provider_id, model),
            self._tell_trial,
            lambda: self._trial_over(provider_id),
        )

    def _tell_trial(self, trial: "Trial") -> None:
        whose = f"{wording.one_line(trial.provider_id)}/{wording.one_line(trial.model)}"
        if trial.problem:
            self._tell(f"{whose} did not answer", trial.problem, bad=True)
            return
        tokens = f"{wording.count(trial.input_tokens)} tokens in, {wording.count(trial.output_tokens)} out"
        answered = f"{whose} answered in {wording.latency(trial.latency_ms)}"
        self._tell(answered, f"“{trial.text}” · {tokens}", bad=False)

    def _tell(self, title: str, text: str, *, bad: bool) -> None:
        self._bridge.notice_here.emit(title, wording.one_line(text), bad)

    def _trial_over(self, provider_id: str) -> None:
        self._trials.discard(provider_id)
        self._show_selected()

    def _replace_key(self) -> None:
        if (provider := self.selected) is not None:
            KeyDialog(self._bridge, provider, self).open()

    def _ask_remove(self) -> None:
        if (provider := self.selected) is not None:
            name = wording.one_line(wording.provider_name(provider))
            question = f"Remove {name} from the settings and delete its key from the keyring?"
            plain.ask(self, question, f"&Remove {plain.escaped(name)}", lambda: self._do_remove(provider.id))

    def _do_remove(self, provider_id: str) -> None:
        self._bridge.run(f"Remove {provider_id}", lambda runtime: runtime.remove_provider(provider_id))
