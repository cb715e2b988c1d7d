"""What this program is, which version, and whose work is in it: every part with its licence."""

import asyncio
import platform
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, qVersion
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QPlainTextEdit, QVBoxLayout

from app import __version__
from app.store import licences
from app.ui import icons, theme, wording
from app.ui.windows import plain

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.ui.bridge import Bridge

_ICON_PX = 48
_WIDTH_EM, _HEIGHT_EM = 164, 38
_NAMES_EM = 44
_ROW_PX = 6
_WHAT = "One local address for every tool, every provider behind it."
_TERMS = "Free software under the MIT licence, made with these parts, each under its own."


def versions() -> str:
    """What to name when reporting a problem."""
    return f"Version {__version__} · Python {platform.python_version()} · Qt {qVersion()}"


class About(QDialog):
    """Opened with `open()`; it deletes itself."""

    def __init__(self, bridge: "Bridge", parent: "QWidget") -> None:
        """Begin with the program; its parts are listed as soon as they are read."""
        super().__init__(parent)
        self.setObjectName("about")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("About Switchtower")
        self._parts: tuple[licences.Part, ...] = ()
        self.names = QListWidget()
        self.names.setObjectName("part-names")
        self.names.setAccessibleName("Parts of Switchtower with their licences")
        self.names.setFixedWidth(self.fontMetrics().averageCharWidth() * _NAMES_EM)
        self.names.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.names.currentRowChanged.connect(self._show_text)
        self.text = QPlainTextEdit()
        self.text.setObjectName("licence-text")
        self.text.setAccessibleName("Licence of the selected part")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.closing = plain.button("close-about", "&Close", self.accept, role="primary")
        self.closing.setDefault(True)
        self._lay_out()
        em = self.fontMetrics()
        self.resize(em.averageCharWidth() * _WIDTH_EM, em.height() * _HEIGHT_EM)
        bridge.run(
            "List the licences",
            lambda _: asyncio.to_thread(licences.parts),
            plain.while_alive(self, self.show_parts),
        )

    def _lay_out(self) -> None:
        lists = QHBoxLayout()
        lists.setSpacing(theme.GAP_PX)
        lists.addWidget(self.names)
        lists.addWidget(self.text, 1)
        last = QHBoxLayout()
        last.addWidget(plain.label("about-terms", _TERMS, wrap=True, role="muted"), 1)
        last.addWidget(self.closing)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.MARGIN_PX,) * 4)
        column.setSpacing(theme.MARGIN_PX)
        column.addLayout(_heading())
        column.addLayout(lists, 1)
        column.addLayout(last)

    def show_parts(self, parts: tuple[licences.Part, ...]) -> None:
        """List `parts` and show the licence of the first."""
        self._parts = parts
        self.names.clear()
        for part in parts:
            item = QListWidgetItem(
                wording.one_line(f"{part.name} {part.version}".strip() + f" · {part.licence}"), self.names
            )
            item.setSizeHint(QSize(0, self.names.fontMetrics().height() + _ROW_PX))
        self.names.setCurrentRow(0)

    def _show_text(self, row: int) -> None:
        self.text.setPlainText(self._parts[row].text if 0 <= row < len(self._parts) else "")


def _heading() -> QHBoxLayout:
    """Icon, name, what it is, and the versions, which can be copied."""
    picture = QLabel()
    picture.setPixmap(icons.app_icon().pixmap(_ICON_PX, _ICON_PX))
    name = plain.label("about-name", "Switchtower")
    plain.grown(name, 5, bold=True)
    words = QVBoxLayout()
    words.setSpacing(2)
    words.addWidget(name)
    words.addWidget(plain.label("about-what", _WHAT))
    words.addWidget(plain.label("about-versions", versions(), selectable=True, role="muted"))
    row = QHBoxLayout()
    row.setSpacing(theme.MARGIN_PX)
    row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(words, 1)
    return row
