"""The strips above a page: problems that last until they are solved, and news that can be put away."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.domain.status import Snapshot
from app.ui import icons, theme, wording
from app.ui.windows import plain

GOOD_NEWS_MS = 12_000
BAD_NEWS_MS = 60_000
_ICON_PX = 18
_COLOURS = {  # (bad, dark) -> background, text
    (True, False): ("#fdecea", "#7a1c12"),
    (True, True): ("#4a211d", "#ffd9d4"),
    (False, False): ("#e7f4ea", "#14532d"),
    (False, True): ("#1d3a28", "#c9f2d4"),
}


class Strip(QFrame):
    """One coloured line of plain text with an icon and, for news, a button that puts it away."""

    def __init__(self, name: str, *, closable: bool) -> None:
        """Begin hidden."""
        super().__init__()
        self.setObjectName(name)
        self.setAutoFillBackground(True)
        self._bad = True
        self._picture = QLabel()
        self.text = plain.label(f"{name}-text", wrap=True, selectable=True)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 8, 12, 8)
        self._row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        self._row.addWidget(self.text, 1)
        if closable:
            close = plain.button(f"{name}-close", "Dismiss", self.hide)
            close.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
            self._row.addWidget(close)
        self.hide()

    def say(self, text: str, *, bad: bool) -> None:
        """Show `text`; empty hides the strip."""
        self._bad = bad
        self.text.setText(text)
        self.setAccessibleName(text)
        name = "tray-degraded" if bad else "health-healthy"
        self._picture.setPixmap(icons.icon(name).pixmap(_ICON_PX, _ICON_PX))
        self._colour()
        self.setVisible(bool(text))

    def _colour(self) -> None:
        """Take the colours for good or bad news in light or dark."""
        parent = self.parentWidget()
        dark = theme.is_dark((parent or self).palette())
        background, ink = _COLOURS[self._bad, dark]
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Window, QColor(background))
        palette.setColor(QPalette.ColorRole.WindowText, QColor(ink))
        self.setPalette(palette)


class Banner(QWidget):
    """All strips of the window."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self.setObjectName("banner")
        self.problem = Strip("problem", closable=False)
        self.hint = Strip("hint", closable=True)
        self.news = Strip("news", closable=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for strip in (self.problem, self.hint, self.news):
            column.addWidget(strip)
        self._fade = QTimer(self)
        self._fade.setSingleShot(True)
        self._fade.timeout.connect(self.news.hide)

    def show_problems(self, snapshot: Snapshot) -> None:
        """Say what is wrong now; the strip goes when all is well again."""
        problems = (snapshot.problem, snapshot.settings_problem, snapshot.ledger_problem)
        text = "\n".join(wording.one_line(problem) for problem in problems if problem)
        if text != self.problem.text.text():
            self.problem.say(text, bad=True)

    def tell(self, title: str, text: str, bad: bool) -> None:  # noqa: FBT001 - Qt's signal
        """Show news for a while; the pages show how things are."""
        self.news.say(f"{title}. {text}" if text else title, bad=bad)
        self._fade.start(BAD_NEWS_MS if bad else GOOD_NEWS_MS)

    def fail(self, line: str) -> None:
        """Say that a command failed."""
        self.tell(wording.one_line(line), "", bad=True)
