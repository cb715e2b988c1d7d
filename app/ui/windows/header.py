"""The top of the window: what a tool needs to connect, and the labels of what is out of the ordinary."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from app.ui import theme, wording
from app.ui.windows import plain
from app.ui.windows.access import Access

if TYPE_CHECKING:
    from app.domain.status import Snapshot
    from app.ui.bridge import Bridge


class Header(QFrame):
    """Address and token with their copy buttons."""

    def __init__(self, bridge: "Bridge") -> None:
        """Begin with what `bridge` knows."""
        super().__init__()
        self.setObjectName("header")
        theme.set_role(self, "card")
        self.access = Access(bridge)
        self.demo = plain.label("demo-label", "Demo: invented providers", role="demo")
        self.lan = plain.label("lan-label", "Open to the local network", role="demo")
        self.keyless = plain.label("keyless-label", "", role="demo")
        labels = QVBoxLayout()
        for label in (self.demo, self.lan, self.keyless):
            label.hide()
            labels.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        labels.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.MARGIN_PX, theme.GAP_PX + 2, theme.GAP_PX + 4, theme.GAP_PX + 2)
        row.setSpacing(theme.MARGIN_PX)
        row.addLayout(self.access, 1)
        row.addLayout(labels)

    def show_snapshot(self, snapshot: "Snapshot") -> None:
        """Bring everything up to date."""
        self.access.refresh()
        self.demo.setVisible(snapshot.demo)
        self.lan.setVisible(snapshot.lan)
        self.keyless.setText(wording.keyless(snapshot))
        self.keyless.setVisible(bool(snapshot.keyless))
