"""The strips above a page: problems that last until they are solved, and news that can be put away."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.domain.status import Snapshot
from app.ui import icons, theme, wording
from app.ui.windows import plain

NEWS_MS = 12_000
_ICON_PX = 18


class Strip(QFrame):
    """One coloured line of plain text with an icon and, for news, a button that puts it away."""

    def __init__(self, name: str, *, closable: bool) -> None:
        """Begin hidden."""
        super().__init__()
        self.setObjectName(name)
        self._picture = QLabel()
        self.text = plain.label(f"{name}-text", wrap=True, selectable=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8 if closable else 12, 8)
        row.setSpacing(10)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.text, 1)
        if closable:
            close = plain.button(f"{name}-close", "Dism&iss", self.hide, "Dismiss this message")
            close.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
            row.addWidget(close, 0, Qt.AlignmentFlag.AlignVCenter)
        self.hide()

    def say(self, text: str, *, bad: bool) -> None:
        """Show `text`; empty hides the strip."""
        plain.set_text(self.text, text)
        self.setAccessibleName(text)
        icon = icons.icon("tray-degraded" if bad else "health-healthy")
        self._picture.setPixmap(icon.pixmap(_ICON_PX, _ICON_PX))
        theme.set_role(self, "bad" if bad else "good")
        self.setVisible(bool(text))


class Banner(QWidget):
    """All strips of the window; it takes no room while there is none."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self.setObjectName("banner")
        self.problems = {name: Strip(name, closable=False) for name in ("problem", "settings-problem", "usage-problem")}
        self.hint = Strip("hint", closable=True)
        self.news = Strip("news", closable=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for strip in (*self.problems.values(), self.hint, self.news):
            column.addWidget(strip)
        self._fade = QTimer(self)
        self._fade.setSingleShot(True)
        self._fade.setInterval(NEWS_MS)
        self._fade.timeout.connect(self.news.hide)

    def show_problems(self, snapshot: Snapshot) -> None:
        """Say what is wrong now; a strip goes when its matter is well again."""
        said = (snapshot.problem, snapshot.settings_problem, snapshot.ledger_problem)
        for strip, text in zip(self.problems.values(), said, strict=True):
            line = wording.one_line(text)
            if line != strip.text.text():
                strip.say(line, bad=True)

    def tell(self, title: str, text: str, bad: bool) -> None:  # noqa: FBT001 - Qt's signal
        """Show news; good ones go away by themselves."""
        self.news.say(f"{title}. {text}" if text else title, bad=bad)
        if bad:
            self._fade.stop()
        else:
            self._fade.start()

    def fail(self, line: str) -> None:
        """Say that a command failed; it stays until it is dismissed or something newer is told."""
        self.tell(wording.one_line(line), "", bad=True)
