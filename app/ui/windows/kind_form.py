"""What has to be filled in for a chosen kind of provider: only what that kind needs."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.providers.spec import RESPONSES
from app.ui import theme
from app.ui.windows import plain
from app.ui.windows.key import key_field, secret_in

if TYPE_CHECKING:
    from app.domain.secret import Secret
    from app.providers.spec import ProviderSpec

_LOCAL = "Runs on this machine. Start it first."
_LOCAL_KEYLESS = f"{_LOCAL} If it demands a key, take “OpenAI-compatible server” with its address."
_ANY = "Any server that speaks OpenAI's dialect."
_ANY_RESPONSES = "Any server with OpenAI's Responses API, asked in nothing else."
_LOGIN = "Paste a key, or leave this empty to use the login of this computer"


def about(spec: "ProviderSpec") -> str:
    """One line on a kind: where it is, or what its address is made of."""
    if spec.local:
        return _LOCAL if spec.needs_key else _LOCAL_KEYLESS
    if spec.about:
        return spec.about
    if spec.host:
        return f"The provider at {spec.host}."
    return _ANY_RESPONSES if spec.dialect == RESPONSES else _ANY


def url_problem(text: str) -> str:
    """What is wrong with an address that was typed; empty when nothing is."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    return "" if usable else "The address must begin with https:// or http:// and name a host."


class KindForm(QFrame):
    """`changed` is emitted whenever something was typed."""

    changed = Signal()

    def __init__(self) -> None:
        """Begin without a kind."""
        super().__init__()
        self.setObjectName("kind-form")
        theme.set_role(self, "card")
        self._spec: ProviderSpec | None = None
        self.name = plain.label("kind-name", wrap=True)
        plain.grown(self.name, 3, bold=True)
        self.about = plain.label("kind-about", wrap=True, role="muted")
        self.key_title = plain.label("key-title", "&Key")
        self.key_edit = key_field("key")
        self.key_title.setBuddy(self.key_edit)
        self.key_page = plain.label("key-page", wrap=True, selectable=True, role="muted")
        self.open_page = plain.button("open-key-page", "&Open key page", self._browse, "Open the page that gives keys")
        self.url_title = plain.label("base-url-title", "Add&ress")
        self.url_edit = QLineEdit()
        self.url_edit.setObjectName("base-url")
        self.url_title.setBuddy(self.url_edit)
        self.advanced = QPushButton("Ad&vanced")
        self.hint = plain.label("missing", wrap=True, role="muted")
        self._prepare()
        self._lay_out()

    def _prepare(self) -> None:
        self.key_edit.setAccessibleName("Key")
        self.url_edit.setAccessibleName("Address of the provider")
        self.advanced.setObjectName("advanced")
        self.advanced.setCheckable(True)
        self.advanced.setAutoDefault(False)
        theme.set_role(self.advanced, "link")
        for field in (self.key_edit, self.url_edit):
            field.textChanged.connect(lambda _: self._typed())
        self.advanced.toggled.connect(lambda _: self._show_fields())

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.MARGIN_PX,) * 4)
        column.setSpacing(theme.GAP_PX)
        column.addWidget(self.name)
        column.addWidget(self.about)
        column.addSpacing(theme.GAP_PX)
        column.addWidget(self.key_title)
        column.addWidget(self.key_edit)
        column.addWidget(self.key_page)
        column.addWidget(self.open_page, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(theme.GAP_PX)
        advanced = QHBoxLayout()
        advanced.addWidget(self.advanced)
        advanced.addStretch(1)
        column.addLayout(advanced)
        column.addWidget(self.url_title)
        column.addWidget(self.url_edit)
        column.addWidget(self.hint)
        column.addStretch(1)

    # -- the kind

    def show_kind(self, spec: "ProviderSpec | None") -> None:
        """Ask for what `spec` needs; what was typed for another kind is gone."""
        if spec is not None and spec is self._spec:
            return
        self._spec = spec
        self.advanced.setChecked(False)
        self.forget_key()
        self.url_edit.setText(spec.address if spec else "")
        self.url_edit.setCursorPosition(0)
        self.name.setText(spec.name if spec else "Nothing found")
        self.about.setText(about(spec) if spec else "Try another word, or take “OpenAI-compatible”.")
        if spec is not None:
            optional = _LOGIN if spec.auth.logs_in else "Only if it needs one"
            self.key_edit.setPlaceholderText("Paste the key here" if self._key_needed else optional)
            self.url_edit.setPlaceholderText(spec.base_url or "https://example.com/v1")
            self.key_page.setText(f"Get one at {spec.key_url}")
        self._show_fields()
        self._typed()

    def _show_fields(self) -> None:
        spec = self._spec
        with_key = spec is not None and spec.needs_key
        asks_url = spec is not None and spec.needs_base_url
        with_page = spec is not None and with_key and bool(spec.key_url)
        shown: tuple[tuple[QWidget, bool], ...] = (
            (self.key_title, with_key),
            (self.key_edit, with_key),
            (self.key_page, with_page),
            (self.open_page, with_page),
            (self.advanced, spec is not None and not asks_url),
            (self.url_title, asks_url or self.advanced.isChecked()),
            (self.url_edit, asks_url or self.advanced.isChecked()),
        )
        for widget, visible in shown:
            widget.setVisible(visible)
        self.advanced.setText("Ad&vanced ▾" if self.advanced.isChecked() else "Ad&vanced ▸")

    def _typed(self) -> None:
        """Say why nothing can be added yet, once something was typed."""
        spec = self._spec
        begun = spec is not None and (self.key() is not None or self.base_url() != spec.address)
        self.hint.setText(self.missing() if begun else "")
        self.hint.setVisible(bool(self.hint.text()))
        self.changed.emit()

    @property
    def _key_needed(self) -> bool:
        spec = self._spec
        if spec is None or not spec.needs_key or spec.local or spec.auth.logs_in:
            return False
        return not spec.needs_base_url or bool(spec.address)

    def _browse(self) -> None:
        if self._spec is not None and self._spec.key_url:
            QDesktopServices.openUrl(QUrl(self._spec.key_url))

    # -- what was typed

    def base_url(self) -> str:
        """The address that was typed; empty is the kind's own."""
        return self.url_edit.text().strip()

    def key(self) -> "Secret | None":
        """The key that was pasted."""
        return secret_in(self.key_edit)

    def missing(self) -> str:
        """What still has to be filled in; empty when nothing is."""
        if self._spec is None:
            return "Pick a provider."
        if self._key_needed and self.key() is None:
            return "Paste a key."
        url = self.base_url()
        if words := self._spec.own_words_in(url):
            return f"Put your own in the place of {words[0]}."
        return url_problem(url) if url or self._spec.needs_base_url else ""

    def forget_key(self) -> None:
        """Empty the field."""
        self.key_edit.clear()

    def ask_again(self) -> None:
        """Have the key typed anew, or the address where no key is asked for."""
        field = next((f for f in (self.key_edit, self.url_edit) if not f.isHidden()), None)
        if field is not None:
            field.setFocus()
            field.selectAll()

    def set_enabled(self, on: bool) -> None:  # noqa: FBT001 - like Qt's own
        """Let people type, or not while a command runs."""
        for field in (self.key_edit, self.url_edit, self.advanced):
            field.setEnabled(on)
