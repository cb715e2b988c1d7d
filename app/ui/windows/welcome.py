"""The dialog that adds a provider, which is also the welcome at the first start: pick, paste the key, test, done."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.ui import wording
from app.ui.windows import plain
from app.ui.windows.key import key_field, secret_in

if TYPE_CHECKING:
    from app.providers.registry import Registry
    from app.providers.spec import ProviderSpec
    from app.ui.bridge import Bridge

_LIST_EM = 36
_WIDTH_EM = 120
_HEIGHT_EM = 26
_KIND = Qt.ItemDataRole.UserRole


class Welcome(QDialog):
    """Opened with `open()`; nothing waits for it, and the test is only an offer."""

    def __init__(
        self, bridge: "Bridge", registry: "Registry", parent: QWidget | None = None, *, first: bool = False
    ) -> None:
        """List every kind of `registry`; `first` greets someone who has no provider yet."""
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setWindowTitle("Welcome to Switchtower" if first else "Add a provider")
        self._bridge = bridge
        self._registry = registry
        self._first = first
        self.search = QLineEdit()
        self.kinds = QListWidget()
        self.base_url = QLineEdit()
        self.key = key_field("key")
        self.page = plain.label("key-page", selectable=True, wrap=True)
        self.open_page = plain.button("open-key-page", "&Open page", self._browse)
        self.verdict = plain.label("test-result", wrap=True, selectable=True)
        self.test = plain.button("test", "&Test", self._test)
        self.buttons = QDialogButtonBox()
        self.add = self.buttons.addButton("&Add provider", QDialogButtonBox.ButtonRole.AcceptRole)
        self.skip = self.buttons.addButton("&Skip" if first else "&Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        self._name_parts()
        self._fill()
        self._lay_out()
        self._connect()
        self.kinds.setCurrentRow(0)
        self.resize(self.fontMetrics().averageCharWidth() * _WIDTH_EM, self.fontMetrics().height() * _HEIGHT_EM)

    def _name_parts(self) -> None:
        self.search.setObjectName("search-kinds")
        self.search.setAccessibleName("Search providers")
        self.search.setPlaceholderText("Search…")
        self.search.setClearButtonEnabled(True)
        self.kinds.setObjectName("kinds")
        self.kinds.setAccessibleName("Providers")
        self.base_url.setObjectName("base-url")
        self.verdict.setAccessibleName("Result of the test")
        self.add.setObjectName("add")
        self.add.setDefault(True)
        self.skip.setObjectName("skip")

    def _fill(self) -> None:
        for kind in self._registry.kinds():
            item = QListWidgetItem(self._registry.get(kind).name, self.kinds)
            item.setData(_KIND, kind)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.addWidget(self.search)
        left.addWidget(self.kinds, 1)
        beside = QHBoxLayout()
        beside.addLayout(left)
        beside.addSpacing(8)
        beside.addLayout(self._form(), 1)
        whole = QVBoxLayout(self)
        if self._first:
            title = plain.label("welcome-title", "Welcome to Switchtower")
            plain.grown(title, 4, bold=True)
            whole.addWidget(title)
            text = "Pick a provider and paste its key. Every tool on this machine can then use it at one address."
            whole.addWidget(plain.label("welcome-text", text, wrap=True))
            whole.addSpacing(6)
        whole.addLayout(beside, 1)
        whole.addWidget(self.buttons)
        self.kinds.setFixedWidth(self.fontMetrics().averageCharWidth() * _LIST_EM)
        self.search.setFixedWidth(self.kinds.width())

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setVerticalSpacing(10)
        self.chosen = plain.label("kind-name")
        plain.grown(self.chosen, 2, bold=True)
        page = QHBoxLayout()
        page.addWidget(self.page, 1)
        page.addWidget(self.open_page)
        trying = QHBoxLayout()
        trying.addWidget(self.test)
        trying.addStretch(1)
        form.addRow(self.chosen)
        form.addRow("Add&ress", self.base_url)
        form.addRow("&Key", self.key)
        form.addRow("Get one at", page)
        form.addRow("", trying)
        form.addRow(self.verdict)
        self.form = form
        return form

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.kinds.currentItemChanged.connect(lambda *_: self._show_kind())
        self.key.textChanged.connect(lambda _: self._check())
        self.base_url.textChanged.connect(lambda _: self._check())
        self.buttons.accepted.connect(self._add)
        self.buttons.rejected.connect(self.reject)

    # -- choosing

    @property
    def spec(self) -> "ProviderSpec | None":
        """The kind that is chosen."""
        item = self.kinds.currentItem()
        return None if item is None or item.isHidden() else self._registry.get(item.data(_KIND))

    def _filter(self, text: str) -> None:
        """Show the kinds whose name or id holds `text`, and choose the first of them."""
        wanted = text.strip().casefold()
        items = [self.kinds.item(row) for row in range(self.kinds.count())]
        for item in items:
            item.setHidden(wanted not in f"{item.text()} {item.data(_KIND)}".casefold())
        shown = [item for item in items if not item.isHidden()]
        if shown and (self.kinds.currentItem() is None or self.kinds.currentItem().isHidden()):
            self.kinds.setCurrentItem(shown[0])
        self._show_kind()

    def _show_kind(self) -> None:
        """Ask only for what the chosen kind needs."""
        spec = self.spec
        self.key.clear()
        self.base_url.clear()
        self.verdict.setText("")
        self.chosen.setText(spec.name if spec else "No provider has that name")
        if spec is not None:
            self.base_url.setPlaceholderText(spec.base_url or "https://…/v1")
            self.key.setPlaceholderText("Paste the key here" if spec.needs_key and not spec.local else "Not needed")
            self.page.setText(spec.key_url)
        url_wanted = spec is not None and (spec.needs_base_url or spec.local)
        self.form.setRowVisible(1, url_wanted)
        self.form.setRowVisible(2, spec is not None and spec.needs_key)
        self.form.setRowVisible(3, spec is not None and bool(spec.key_url))
        self._check()

    def _check(self) -> None:
        """Let the buttons work when everything needed is there."""
        spec = self.spec
        has_url = spec is not None and bool(self.base_url.text().strip() or spec.base_url)
        optional = spec is None or not spec.needs_key or spec.local or spec.needs_base_url
        ready = has_url and (optional or bool(self.key.text().strip()))
        self.add.setEnabled(ready)
        self.test.setEnabled(ready)

    def _browse(self) -> None:
        if self.spec is not None and self.spec.key_url:
            QDesktopServices.openUrl(QUrl(self.spec.key_url))

    # -- doing

    def _test(self) -> None:
        spec = self.spec
        if spec is None:
            return
        key, base_url = secret_in(self.key), self.base_url.text().strip()
        self.verdict.setText("Testing…")
        self._bridge.run(
            f"Test {spec.name}",
            lambda runtime: runtime.test_new(spec.id, base_url, key),
            lambda problem: self._show_result(spec, problem),
        )

    def _show_result(self, spec: "ProviderSpec", problem: str) -> None:
        if self.isVisible() and self.spec == spec:
            self.verdict.setText(wording.one_line(problem) or f"{spec.name} answers. The key works.")

    def _add(self) -> None:
        spec = self.spec
        if spec is None or not self.add.isEnabled():
            return
        key, base_url = secret_in(self.key), self.base_url.text().strip()
        self.key.clear()
        self._bridge.run(f"Add {spec.name}", lambda runtime: runtime.add_provider(spec.id, base_url=base_url, key=key))
        self.accept()
