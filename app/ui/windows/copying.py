"""Put an address or a token on the clipboard, and say so on the button for a moment."""

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from app.domain.secret import Secret

SAID_MS = 2000
_SAID = "Copied ✓"
_SIDES_PX = 30
SECRET_HINT = "x-kde-passwordManagerHint"  # noqa: S105 - a media type that asks clipboard histories to look away


def copy_text(text: str) -> None:
    """Put `text` on the clipboard."""
    QGuiApplication.clipboard().setText(text)


def copy_secret(secret: Secret) -> None:
    """Put a secret on the clipboard in full, marked so that clipboard histories leave it out."""
    data = QMimeData()
    data.setText(secret.reveal())
    data.setData(SECRET_HINT, b"secret")
    QGuiApplication.clipboard().setMimeData(data)


def forget_secret() -> None:
    """Take a secret that was copied off the clipboard: it must not outlive the program.

    Qt would give it back after Python's end, which crashes.
    """
    clipboard = QGuiApplication.clipboard()
    held: QMimeData | None = clipboard.mimeData()
    if held is not None and held.hasFormat(SECRET_HINT):
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
