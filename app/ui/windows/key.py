"""The field that hides a key, and the dialog that replaces a provider's key."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.domain.secret import Secret
from app.ui import theme, wording
from app.ui.windows import plain
from app.ui.windows.verdict import Verdict

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus
    from app.ui.bridge import Bridge

_WIDTH_EM = 56


def key_field(name: str) -> QLineEdit:
    """A field that hides its text and keeps it out of undo and input methods."""
    field = QLineEdit()
    field.setObjectName(name)
    field.setEchoMode(QLineEdit.EchoMode.Password)
    field.setInputMethodHints(
        Qt.InputMethodHint.ImhHiddenText
        | Qt.InputMethodHint.ImhSensitiveData
        | Qt.InputMethodHint.ImhNoPredictiveText
        | Qt.InputMethodHint.ImhNoAutoUppercase
    )
    field.setPlaceholderText("Paste the key here")
    return field


def secret_in(field: QLineEdit) -> Secret | None:
    """What was pasted, without the blanks around it; None when there is nothing."""
    text = field.text().strip()
    return Secret(text) if text else None


class KeyDialog(QDialog):
    """Opened with `open()`; it stays until the key is stored, and deletes itself."""

    def __init__(self, bridge: "Bridge", provider: "ProviderStatus", parent: QWidget) -> None:
        """Ask for the key of `provider`."""
        super().__init__(parent)
        self.setObjectName("key-dialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._bridge = bridge
        self._provider_id = provider.id
        name = wording.one_line(wording.provider_name(provider))
        self.setWindowTitle(f"Key of {name}")
        self.prompt = plain.label("key-prompt", f"New &key for {plain.escaped(name)}")
        self.field = key_field("key")
        self.prompt.setBuddy(self.field)
        self.field.setAccessibleName(f"New key for {name}")
        self.verdict = Verdict("key-result")
        self.save = plain.button("save-key", "&Save", self._store, role="primary")
        self.save.setDefault(True)
        self.save.setEnabled(False)
        self.cancel = plain.button("cancel-key", "&Cancel", self.reject)
        self.field.textChanged.connect(self._changed)
        bridge.failed.connect(self._refused)
        self._lay_out()
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * _WIDTH_EM)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        note = "It is kept in the keyring of this computer, in place of the one that is there now."
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.MARGIN_PX,) * 4)
        column.setSpacing(theme.GAP_PX)
        column.addWidget(self.prompt)
        column.addWidget(self.field)
        column.addWidget(plain.label("key-note", note, wrap=True, role="muted"))
        column.addWidget(self.verdict)
        column.addSpacing(theme.GAP_PX)
        column.addLayout(buttons)

    def _changed(self, text: str) -> None:
        self.verdict.clear()
        self.save.setEnabled(bool(text.strip()))

    def _store(self) -> None:
        key = secret_in(self.field)
        if key is None:
            return
        provider_id = self._provider_id
        self._set_busy(busy=True)
        self._bridge.run(
            f"Store the key of {provider_id}",
            lambda runtime: runtime.set_key(provider_id, key),
            plain.while_alive(self, lambda _: self._stored()),
        )

    def _stored(self) -> None:
        self.field.clear()
        self.accept()

    def _refused(self, line: str) -> None:
        """A command failed while this is open; whichever it was, the user sees why. A refused key is typed anew."""
        was_saving = not self.field.isEnabled()
        self._set_busy(busy=False)
        self.verdict.say(line, good=False)
        if was_saving:
            self.field.setFocus()
            self.field.selectAll()

    def _set_busy(self, *, busy: bool) -> None:
        self.field.setEnabled(not busy)
        self.save.setEnabled(not busy and bool(self.field.text().strip()))
        self.save.setText("Saving…" if busy else "&Save")
