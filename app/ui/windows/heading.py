"""The headings that name a provider: one line, cut in its middle where a long name does not fit."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel

from app.ui.models.cells import as_tooltip
from app.ui.windows import plain

_LEAST_EM = 8


class Heading(QLabel):
    """Its `text` is always the whole, to be copied and heard; pointing at a cut one shows it."""

    def __init__(self, name: str, points: float) -> None:
        """Begin empty, bold and `points` larger than other text."""
        super().__init__()
        self.setObjectName(name)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        plain.grown(self, points, bold=True)

    @property
    def visible_text(self) -> str:
        """What is painted: the text, with an ellipsis in its middle when there is no room for all of it."""
        room_px = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room_px)

    def setText(self, text: str) -> None:
        """Show another text."""
        super().setText(text)
        self._explain()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another part of the text may be in sight now."""
        super().resizeEvent(event)
        self._explain()

    def minimumSizeHint(self) -> QSize:
        """A few letters, so that a long name never pushes others out of the window."""
        return QSize(self.fontMetrics().horizontalAdvance("m") * _LEAST_EM, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the whole text as every label does, a cut one without what is selected in it."""
        shown = self.visible_text
        if shown == self.text():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.drawText(self.contentsRect(), self.alignment().value, shown)
        painter.end()

    def _explain(self) -> None:
        text = self.text()
        self.setToolTip(as_tooltip(text) if self.visible_text != text else "")
