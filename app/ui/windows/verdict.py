"""What came of a test or a command, inside a dialog: words with an icon, never colour alone."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy

from app.ui import icons, theme, wording
from app.ui.windows import plain

_ICON_PX = 18


class Verdict(QFrame):
    """Takes no room while there is nothing to say."""

    def __init__(self, name: str) -> None:
        """Begin with nothing to say."""
        super().__init__()
        self.setObjectName(name)
        self._picture = QLabel()
        self.text = plain.label(f"{name}-text", wrap=True, selectable=True)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 7, 10, 7)
        row.setSpacing(9)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.text, 1)
        self.hide()

    def say(self, text: str, *, good: bool) -> None:
        """Show how it went."""
        self._show(text, "health-healthy" if good else "tray-degraded", "good" if good else "bad")

    def wait(self, text: str) -> None:
        """Show that something is under way."""
        self._show(text, "health-unknown", "note")

    def clear(self) -> None:
        """Say nothing any more."""
        self.text.setText("")
        self.hide()

    def _show(self, text: str, icon: str, role: str) -> None:
        line = wording.one_line(text)
        self.text.setText(line)
        self.setAccessibleName(line)
        self._picture.setPixmap(icons.icon(icon).pixmap(_ICON_PX, _ICON_PX))
        theme.set_role(self, role)
        self.show()
