"""The main window: side bar, header, banner and pages. A page is added by one line in `PAGES`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.ui import icons, theme
from app.ui.windows import plain
from app.ui.windows.about import About
from app.ui.windows.banner import Banner
from app.ui.windows.header import Header
from app.ui.windows.health import HealthPage
from app.ui.windows.usage import UsagePage
from app.ui.windows.welcome import Welcome

if TYPE_CHECKING:
    from app.domain.status import Snapshot
    from app.ui.bridge import Bridge

_SIDE_EM = 12
_ICON_PX = 20
_SIZE = QSize(1040, 740)
_LEAST = QSize(820, 560)
FRAME = QSize(16, 48)
"""What a frame with its title bar takes at most: the real one is not known before the window is shown."""

_NO_TOKEN = "There is no local token yet: the keyring gave none."  # noqa: S105 - a message, not a token


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the side bar: its icon is `page-<name>.svg`, `make` builds the page for a window."""

    name: str
    title: str
    make: "Callable[[MainWindow], QWidget]"


PAGES = (
    Page("health", "Health", lambda window: HealthPage(window.bridge, window.add_provider)),
    Page("usage", "Usage", lambda window: UsagePage(window.bridge)),
)


class MainWindow(QMainWindow):
    """Made once and hidden when closed; the program goes on in the tray."""

    bridge: "Bridge"

    def __init__(self, bridge: "Bridge", quit_program: Callable[[], None]) -> None:
        """Build every page; nothing is shown yet."""
        super().__init__()
        self.bridge = bridge
        self.setObjectName("main-window")
        self.setWindowTitle("Switchtower")
        self.setWindowIcon(icons.app_icon())
        self._welcome: Welcome | None = None
        self.header = Header(bridge)
        self.banner = Banner()
        self.side = self._make_side()
        self.pages = QStackedWidget()
        for page in PAGES:
            self.pages.addWidget(page.make(self))
        self.side.currentRowChanged.connect(self.pages.setCurrentIndex)
        self.side.setCurrentRow(0)
        self._lay_out(
            plain.button("about", "A&bout", self.show_about, "About Switchtower", role="link"),
            plain.button("quit", "&Quit", quit_program, "Quit Switchtower"),
        )
        self._add_shortcuts(quit_program)
        bridge.changed.connect(self.show_snapshot)
        bridge.notice.connect(self.banner.tell)
        bridge.notice_here.connect(self.banner.tell)
        bridge.failed.connect(self.banner.fail)
        if bridge.snapshot is not None:
            self.show_snapshot(bridge.snapshot)
        self.setMinimumSize(_LEAST)
        self.resize(_SIZE.boundedTo(self.screen().availableSize() - FRAME))

    def _make_side(self) -> QListWidget:
        side = QListWidget()
        side.setObjectName("side-bar")
        side.setAccessibleName("Pages")
        side.setFixedWidth(side.fontMetrics().horizontalAdvance("m") * _SIDE_EM)
        side.setIconSize(QSize(_ICON_PX, _ICON_PX))
        side.setSpacing(1)
        side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for page in PAGES:
            item = QListWidgetItem(icons.page_icon(page.name), page.title, side)
            item.setSizeHint(QSize(0, side.fontMetrics().height() + theme.MARGIN_PX))
        return side

    def _lay_out(self, *below: QWidget) -> None:
        left = QVBoxLayout()
        left.setSpacing(theme.MARGIN_PX)
        left.addLayout(_brand())
        left.addWidget(self.side, 1)
        for button in below:
            left.addWidget(button)
        right = QVBoxLayout()
        right.setSpacing(theme.GAP_PX + 4)
        for widget in (self.header, self.banner):
            right.addWidget(widget)
        right.addWidget(self.pages, 1)
        middle = QWidget()
        whole = QHBoxLayout(middle)
        whole.setContentsMargins(*(theme.MARGIN_PX,) * 4)
        whole.setSpacing(theme.MARGIN_PX)
        whole.addLayout(left)
        whole.addLayout(right, 1)
        self.setCentralWidget(middle)

    def _add_shortcuts(self, quit_program: Callable[[], None]) -> None:
        """Ctrl+Q quits, Ctrl+W closes, Ctrl+1, Ctrl+2 … show a page."""
        QShortcut(QKeySequence("Ctrl+Q"), self).activated.connect(quit_program)
        QShortcut(QKeySequence("Ctrl+W"), self).activated.connect(self.close)
        for row in range(len(PAGES)):
            QShortcut(QKeySequence(f"Ctrl+{row + 1}"), self).activated.connect(partial(self.side.setCurrentRow, row))

    # -- showing

    def present(self, name: str = "") -> None:
        """Come to the front, on the page called `name` when one is given."""
        if name:
            self.side.setCurrentRow([page.name for page in PAGES].index(name))
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def showEvent(self, event: QShowEvent) -> None:
        """Take a snapshot: nothing may have happened for long."""
        super().showEvent(event)
        self.bridge.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Only hide."""
        event.ignore()
        self.hide()

    def show_snapshot(self, snapshot: "Snapshot") -> None:
        """Bring header and problems up to date; the pages listen themselves."""
        self.header.show_snapshot(snapshot)
        self.banner.show_problems(snapshot)

    # -- what the tray asks for

    def copy_address(self) -> None:
        """Put the address for clients on the clipboard."""
        self.header.access.give_address()

    def copy_token(self) -> None:
        """Put the local token on the clipboard, or show why there is none."""
        if not self.header.access.give_token():
            self.present()
            self.banner.fail(_NO_TOKEN)

    def add_provider(self, *, first: bool = False) -> None:
        """Open the dialog that adds a provider; `first` greets someone who has none yet."""
        if self.bridge.runtime is None:
            return
        self.present("health")
        if self._welcome is None:
            self._welcome = Welcome(self.bridge, self, first=first)
            self._welcome.finished.connect(self._welcome_over)
            QTimer.singleShot(0, self._welcome, self._welcome.open)

    def show_about(self) -> None:
        """Open the dialog that names version, parts and licences."""
        if self.bridge.runtime is None:
            return
        self.present()
        if self.findChild(About) is None:
            QTimer.singleShot(0, About(self.bridge, self).open)

    def _welcome_over(self) -> None:
        if self._welcome is not None:
            self._welcome.deleteLater()
            self._welcome = None


def _brand() -> QHBoxLayout:
    """The program's icon and name above the side bar."""
    picture = plain.label("brand-icon")
    picture.setPixmap(icons.app_icon().pixmap(_ICON_PX + 4, _ICON_PX + 4))
    name = plain.label("brand", "Switchtower")
    plain.grown(name, 2, bold=True)
    row = QHBoxLayout()
    row.setContentsMargins(6, 6, 0, 0)
    row.setSpacing(theme.GAP_PX)
    row.addWidget(picture)
    row.addWidget(name, 1)
    return row
