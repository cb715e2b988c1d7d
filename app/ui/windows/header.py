"""The top of the window: how the program is doing, the address for clients and the token, both to copy."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.ui import icons, wording
from app.ui.windows import plain

if TYPE_CHECKING:
    from app.domain.status import Snapshot

_ICON_PX = 30


class Header(QWidget):
    """State icon and line, demo label, and the two copy buttons."""

    def __init__(self, copy_address: Callable[[], None], copy_token: Callable[[], None]) -> None:
        """Begin with a program that is starting."""
        super().__init__()
        self.setObjectName("header")
        self._picture = QLabel()
        self._line = plain.label("status-line", "Starting…")
        plain.grown(self._line, 3, bold=True)
        self._address = plain.label("address", selectable=True)
        self._demo = self._badge()
        self._copy_address = plain.button("copy-address", "Copy &address", copy_address)
        self._copy_token = plain.button("copy-token", "Copy &token", copy_token)
        self._lay_out()
        self.show_snapshot(None)

    @staticmethod
    def _badge() -> QLabel:
        badge = plain.label("demo-label", "DEMO · invented answers")
        badge.setAutoFillBackground(True)
        badge.setBackgroundRole(QPalette.ColorRole.Highlight)
        badge.setForegroundRole(QPalette.ColorRole.HighlightedText)
        badge.setContentsMargins(8, 2, 8, 2)
        badge.hide()
        return badge

    def _lay_out(self) -> None:
        text = QVBoxLayout()
        text.setSpacing(1)
        first = QHBoxLayout()
        first.setSpacing(10)
        first.addWidget(self._line)
        first.addWidget(self._demo)
        first.addStretch(1)
        text.addLayout(first)
        text.addWidget(self._address)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(text, 1)
        row.addWidget(self._copy_address)
        row.addWidget(self._copy_token)

    def show_snapshot(self, snapshot: "Snapshot | None") -> None:
        """Bring everything up to date."""
        state = icons.tower_state(snapshot)
        self._picture.setPixmap(icons.tray_icon(state).pixmap(_ICON_PX, _ICON_PX))
        self._picture.setAccessibleName(f"State: {state}")
        self._line.setText(wording.status_line(snapshot).partition(" · ")[0])
        listening = snapshot.listening if snapshot else ""
        self._address.setText(listening or "Not listening")
        self._copy_address.setEnabled(bool(listening))
        self._copy_token.setEnabled(snapshot is not None)
        self._demo.setVisible(snapshot is not None and snapshot.demo)
