"""The dialog that adds a provider, which is also the welcome at the first start: pick, paste the key, test, done."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.windows import plain
from app.ui.windows.access import Access
from app.ui.windows.kind_form import KindForm
from app.ui.windows.kind_picker import KindPicker
from app.ui.windows.verdict import Verdict

if TYPE_CHECKING:
    from app.domain.secret import Secret
    from app.providers.spec import ProviderSpec
    from app.ui.bridge import Bridge

_WIDTH_EM = 116
_HEIGHT_LINES = 34
_FIRST_TEXT = "Pick a provider and paste its key. Every tool on this machine can then use it, at one address."
_MORE_TEXT = "Pick a provider and paste its key."
_DONE_TEXT = (
    "Point your tool at this address and give it this token. Tools call them base URL and API key. "
    "Tools made for Anthropic, Gemini or Ollama take the address without /v1."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says at one moment."""

    kind: "ProviderSpec"
    base_url: str
    key: "Secret | None"


class Welcome(QDialog):
    """Opened with `open()`; nothing waits for it. A failed test is said, and does not keep anyone from adding."""

    added = Signal(str)

    def __init__(self, bridge: "Bridge", parent: QWidget | None, *, first: bool = False) -> None:
        """List every kind; `first` greets someone who has no provider yet. Without a runtime there is none."""
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setWindowTitle("Welcome to Switchtower" if first else "Add a provider")
        self._bridge = bridge
        self._failed: Wish | None = None
        self._busy = False
        self.picker = KindPicker(bridge.runtime.registry if bridge.runtime is not None else ())
        self.form = KindForm()
        self.verdict = Verdict("test-result")
        self.test = plain.button("test", "&Test", self._test)
        self.add = plain.button("add", "&Add", self._add, role="primary")
        self.skip = plain.button("skip", "&Skip" if first else "&Cancel", self.reject)
        self.done_button = plain.button("done", "&Done", self.accept, role="primary")
        self.access = Access(bridge, "welcome-")
        self.ready = plain.label("done-title")
        self.steps = QStackedWidget()
        self.steps.addWidget(self._first_step("Welcome to Switchtower" if first else "Add a provider", first=first))
        self.steps.addWidget(self._last_step())
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.steps)
        self._connect()
        width, height = self.fontMetrics().averageCharWidth() * _WIDTH_EM, self.fontMetrics().height() * _HEIGHT_LINES
        self.setMinimumSize(width * 4 // 5, height * 4 // 5)
        self.resize(width, height)
        self._show_kind()

    def _connect(self) -> None:
        self.picker.picked.connect(self._show_kind)
        self.form.changed.connect(self._changed)
        self._bridge.failed.connect(self._command_failed)
        self._bridge.changed.connect(self._show_access)

    # -- layout

    def _first_step(self, title: str, *, first: bool) -> QWidget:
        page, column = _page(plain.label("welcome-title", title), _FIRST_TEXT if first else _MORE_TEXT)
        self.picker.setFixedWidth(self.fontMetrics().averageCharWidth() * _WIDTH_EM * 3 // 8)
        beside = QHBoxLayout()
        beside.setSpacing(theme.MARGIN_PX)
        beside.addWidget(self.picker)
        beside.addWidget(self.form, 1)
        column.addLayout(beside, 1)
        column.addWidget(self.verdict)
        column.addLayout(_buttons(self.skip, None, self.test, self.add))
        self.add.setDefault(True)
        return page

    def _last_step(self) -> QWidget:
        page, column = _page(self.ready, _DONE_TEXT)
        card = plain.card("welcome-access")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(theme.MARGIN_PX, 12, 12, 12)
        inside.addLayout(self.access)
        column.addWidget(card)
        column.addStretch(1)
        column.addLayout(_buttons(None, self.done_button))
        return page

    # -- the form

    def wish(self) -> Wish | None:
        """What is to be added; None while something is missing."""
        spec = self.picker.spec
        if spec is None or self.form.missing():
            return None
        return Wish(spec, self.form.base_url(), self.form.key())

    def _show_access(self) -> None:
        self.access.refresh()

    def _show_kind(self) -> None:
        self.form.show_kind(self.picker.spec)
        self._changed()

    def _changed(self) -> None:
        """Something was typed: what the last test said is about something else now."""
        self._failed = None
        self.verdict.clear()
        self._show_buttons()

    def _show_buttons(self) -> None:
        ready = self.wish() is not None and not self._busy
        self.test.setEnabled(ready)
        self.add.setEnabled(ready)
        self.picker.setEnabled(not self._busy)
        self.form.set_enabled(not self._busy)
        self.add.setText("&Add anyway" if self._failed is not None else "&Add")

    # -- commands

    def _test(self) -> None:
        if (wish := self.wish()) is not None:
            self._try_out(wish, then_add=False)

    def _add(self) -> None:
        """Test first; add when the test went well, or when it failed before with the same values."""
        wish = self.wish()
        if wish is None or self._busy:
            return
        if wish == self._failed:
            self._do_add(wish)
        else:
            self._try_out(wish, then_add=True)

    def _try_out(self, wish: Wish, *, then_add: bool) -> None:
        self._begin(f"Testing {wish.kind.name}…")

        def judge(problem: str) -> None:
            if then_add and not problem:
                self._do_add(wish)
                return
            self._end()
            self._failed = wish if problem else None
            self.verdict.say(problem or _good(wish.kind), good=not problem)
            self._show_buttons()
            if problem:
                self.form.ask_again()

        self._bridge.run(
            f"Test {wish.kind.name}",
            lambda runtime: runtime.test_new(wish.kind.id, wish.base_url, wish.key),
            plain.while_alive(self, judge),
        )

    def _do_add(self, wish: Wish) -> None:
        self._begin(f"Adding {wish.kind.name}…")
        self._bridge.run(
            f"Add {wish.kind.name}",
            lambda runtime: runtime.add_provider(wish.kind.id, base_url=wish.base_url, key=wish.key),
            plain.while_alive(self, lambda provider_id: self._added(wish, provider_id)),
        )

    def _added(self, wish: Wish, provider_id: str) -> None:
        well = wish != self._failed and wish.kind.lists_models
        self._end()
        self.form.forget_key()
        self.access.refresh()
        self.ready.setText(f"{wish.kind.name} is ready" if well else f"{wish.kind.name} was added")
        self.steps.setCurrentIndex(1)
        self.done_button.setDefault(True)
        self.done_button.setFocus()
        self.added.emit(provider_id)

    def _command_failed(self, line: str) -> None:
        """A command failed while this is open; whichever it was, the user sees why."""
        if not self.isVisible():
            return
        was_busy = self._busy
        self._end()
        self.verdict.say(line, good=False)
        if was_busy:
            self.form.ask_again()

    def _begin(self, text: str) -> None:
        self._busy = True
        self.verdict.wait(text)
        self._show_buttons()

    def _end(self) -> None:
        self._busy = False
        self._show_buttons()


def _page(heading: QLabel, text: str) -> tuple[QWidget, QVBoxLayout]:
    """One step with its heading."""
    page = QWidget()
    plain.grown(heading, 5, bold=True)
    column = QVBoxLayout(page)
    column.setContentsMargins(*(theme.MARGIN_PX + 4,) * 4)
    column.setSpacing(theme.GAP_PX)
    column.addWidget(heading)
    column.addWidget(plain.label("step-text", text, wrap=True, role="muted"))
    column.addSpacing(theme.GAP_PX)
    return page, column


def _buttons(*buttons: QPushButton | None) -> QHBoxLayout:
    """The last line of a step; None is the gap between left and right."""
    row = QHBoxLayout()
    row.setContentsMargins(0, theme.GAP_PX, 0, 0)
    row.setSpacing(theme.GAP_PX)
    for button in buttons:
        if button is None:
            row.addStretch(1)
        else:
            row.addWidget(button)
    return row


def _good(kind: "ProviderSpec") -> str:
    """What a test without a problem means."""
    if kind.lists_models:
        return f"{kind.name} answers."
    return f"{kind.name} has nothing that could be asked for free: the first request will tell."
