"""The dialog that replaces a provider's key; the field hides what is pasted."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from app.domain.secret import Secret
from app.ui import wording
from app.ui.windows import plain

if TYPE_CHECKING:
    from app.domain.status import ProviderStatus
    from app.ui.bridge import Bridge

_WIDTH_EM = 64


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
    """Opened with `open()`; it deletes itself."""

    def __init__(self, bridge: "Bridge", provider: "ProviderStatus", parent: QWidget) -> None:
        """Ask for the key of `provider`."""
        super().__init__(parent)
        self.setObjectName("key-dialog")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._bridge = bridge
        self._provider_id = provider.id
        name = wording.provider_name(provider)
        self.setWindowTitle(f"Key of {name}")
        prompt = plain.label("key-prompt", f"New &key for {name.replace('&', '&&')}:")
        self._field = key_field("key")
        prompt.setBuddy(self._field)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.setObjectName("key-buttons")
        self._save = buttons.addButton("&Save", QDialogButtonBox.ButtonRole.AcceptRole)
        self._save.setObjectName("save-key")
        self._save.setEnabled(False)
        buttons.accepted.connect(self._store)
        buttons.rejected.connect(self.reject)
        self._field.textChanged.connect(lambda text: self._save.setEnabled(bool(text.strip())))
        column = QVBoxLayout(self)
        column.addWidget(prompt)
        column.addWidget(self._field)
        column.addWidget(plain.label("key-note", "It goes to the keyring of this computer, nowhere else.", wrap=True))
        column.addWidget(buttons)
        self.setMinimumWidth(self.fontMetrics().averageCharWidth() * _WIDTH_EM)

    def _store(self) -> None:
        key = secret_in(self._field)
        if key is None:
            return
        self._field.clear()
        provider_id = self._provider_id
        self._bridge.run(f"Store the key of {provider_id}", lambda runtime: runtime.set_key(provider_id, key))
        self.accept()
