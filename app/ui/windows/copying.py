"""Put an address or a token on the clipboard, and say so on the button for a moment."""

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from app.domain.secret import Secret

SAID_MS = 2000
_SAID = "Copied ✓"
_SIDES_PX = 30
SECRET_HINTS = {
    "x-kde-passwordManagerHint": b"secret",
    'application/x-qt-windows-mime;value="ExcludeClipboardContentFromMonitorProcessing"': b"1",
}
"""Formats that ask clipboard histories to look away, by their names in Qt; macOS's own has none there."""


class _Copied:
    """The secret that was put on the clipboard last."""

    secret: Secret | None = None


def copy_text(text: str) -> None:
    """Put `text` on the clipboard."""
    QGuiApplication.clipboard().setText(text)


def copy_secret(secret: Secret) -> None:
    """Put a secret on the clipboard in full, marked so that histories leave it out, except on macOS."""
    data = QMimeData()
    data.setText(secret.reveal())
    for name, value in SECRET_HINTS.items():
        data.setData(name, value)
    _Copied.secret = secret
    QGuiApplication.clipboard().setMimeData(data)


def forget_secret() -> None:
    """Take a secret that was copied here off the clipboard, unless something else is there by now.

    It must not outlive the program: Qt would give it back after Python's end, which crashes.
    """
    secret, _Copied.secret = _Copied.secret, None
    clipboard = QGuiApplication.clipboard()
    if secret is not None and Secret(clipboard.text()) == secret:
        clipboard.clear()


class CopyButton(QPushButton):
    """Calls `copy`, which says whether there was something to copy."""

    def __init__(self, name: str, text: str, says: str, copy: Callable[[], bool]) -> None:
        """Show `text`; screen readers say `says`."""
        super().__init__(text)
        self.setObjectName(name)
        self.setAccessibleName(says)
        self.setToolTip(says)
        self.setAutoDefault(False)
        self._text = text
        self._copy = copy
        self._back = QTimer(self)
        self._back.setSingleShot(True)
        self._back.setInterval(SAID_MS)
        self._back.timeout.connect(self._reset)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance(_SAID) + _SIDES_PX)
        self.clicked.connect(self._clicked)

    def _clicked(self) -> None:
        if self._copy():
            self.setText(_SAID)
            self._back.start()

    def _reset(self) -> None:
        self.setText(self._text)
