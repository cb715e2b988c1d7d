"""The main window: header, side bar and pages. A page is added by one line in `PAGES`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QGuiApplication, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget

from app.ui import icons
from app.ui.windows import plain
from app.ui.windows.banner import Banner
from app.ui.windows.header import Header
from app.ui.windows.health import HealthPage
from app.ui.windows.usage import UsagePage
from app.ui.windows.welcome import Welcome

if TYPE_CHECKING:
    from app.domain.status import Snapshot
    from app.ui.bridge import Bridge

_SIDE_WIDTH_EM = 11
_SIZE = QSize(980, 620)


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the side bar: `name` is also its icon's, `make` builds the page for a window."""

    name: str
    title: str
    make: "Callable[[MainWindow], QWidget]"


PAGES = (
    Page("health", "Health", lambda window: HealthPage(window.bridge, window.add_provider)),
    Page("usage", "Usage", lambda window: UsagePage(window.bridge)),
)


class MainWindow(QWidget):
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
        self.header = Header(self.copy_address, self.copy_token)
        self.banner = Banner()
        self.side = self._make_side()
        self.pages = QStackedWidget()
        for page in PAGES:
            self.pages.addWidget(page.make(self))
        self.side.currentRowChanged.connect(self.pages.setCurrentIndex)
        self.side.setCurrentRow(0)
        self._lay_out(plain.button("quit", "&Quit Switchtower", quit_program))
        self._add_shortcuts(quit_program)
        bridge.changed.connect(self.show_snapshot)
        bridge.notice.connect(self.banner.tell)
        bridge.notice_here.connect(self.banner.tell)
        bridge.failed.connect(self.banner.fail)
        self.resize(_SIZE)

    def _make_side(self) -> QListWidget:
        side = QListWidget()
        side.setObjectName("side-bar")
        side.setAccessibleName("Pages")
        side.setFixedWidth(side.fontMetrics().horizontalAdvance("m") * _SIDE_WIDTH_EM)
        side.setIconSize(QSize(20, 20))
        side.setSpacing(2)
        side.setFrameShape(QFrame.Shape.NoFrame)
        side.viewport().setAutoFillBackground(False)
        for page in PAGES:
            item = QListWidgetItem(icons.page_icon(page.name), page.title, side)
            item.setSizeHint(QSize(0, side.fontMetrics().height() * 2))
        return side

    def _add_shortcuts(self, quit_program: Callable[[], None]) -> None:
        """Ctrl+Q quits, Ctrl+W closes, Ctrl+1, Ctrl+2 … show a page."""
        QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self).activated.connect(quit_program)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self).activated.connect(self.close)
        for row in range(len(PAGES)):
            QShortcut(QKeySequence(f"Ctrl+{row + 1}"), self).activated.connect(partial(self.side.setCurrentRow, row))

    def _lay_out(self, leave: QWidget) -> None:
        left = QVBoxLayout()
        left.addWidget(self.side, 1)
        left.addWidget(leave)
        right = QVBoxLayout()
        right.setSpacing(10)
        right.addWidget(self.header)
        right.addWidget(self.banner)
        right.addWidget(self.pages, 1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(12, 12, 12, 12)
        whole.setSpacing(14)
        whole.addLayout(left)
        whole.addLayout(right, 1)

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
        """Take a snapshot, and have health looked at more often while it is seen."""
        super().showEvent(event)
        self.bridge.watch_closely(on=True)
        self.bridge.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks any more."""
        super().hideEvent(event)
        self.bridge.watch_closely(on=False)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Only hide."""
        event.ignore()
        self.hide()

    def show_snapshot(self, snapshot: "Snapshot") -> None:
        """Bring header and problems up to date; the pages listen themselves."""
        self.header.show_snapshot(snapshot)
        self.banner.show_problems(snapshot)

    # -- what header and tray ask for

    def copy_address(self) -> None:
        """Put the address for clients on the clipboard."""
        if self.bridge.snapshot is not None and self.bridge.snapshot.listening:
            self._copy(self.bridge.snapshot.listening, "The address is on the clipboard")

    def copy_token(self) -> None:
        """Put the local token on the clipboard."""
        token = self.bridge.runtime.token() if self.bridge.runtime is not None else None
        if token is None:
            self.banner.fail("There is no local token yet: the keyring gave none.")
            return
        self._copy(token.reveal(), "The token is on the clipboard")

    def _copy(self, text: str, said: str) -> None:
        QGuiApplication.clipboard().setText(text)
        if self.isVisible():
            self.banner.tell(said, "", bad=False)

    def add_provider(self, *, first: bool = False) -> None:
        """Open the dialog that adds a provider; `first` greets someone who has none yet."""
        runtime = self.bridge.runtime
        if runtime is None:
            return
        self.present("health")
        if self._welcome is None:
            self._welcome = Welcome(self.bridge, runtime.registry, self, first=first)
            self._welcome.finished.connect(self._welcome_over)
            QTimer.singleShot(0, self._welcome.open)

    def _welcome_over(self) -> None:
        if self._welcome is not None:
            self._welcome.deleteLater()
            self._welcome = None
