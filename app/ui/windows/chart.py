"""Stacked bars, painted by ourselves: input and output tokens per day."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui import theme, wording

_INPUT = {False: "#2f6fd0", True: "#5b93ea"}
_OUTPUT = {False: "#e08a00", True: "#f0a63c"}
_STEPS = 4
_WIDEST_BAR = 56.0
_GAP = 0.3
_MANY = 1_000_000
_SOME = 1_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label and its two parts."""

    label: str
    input_tokens: int
    output_tokens: int

    @property
    def height(self) -> int:
        """Both parts together."""
        return self.input_tokens + self.output_tokens


def nice_top(highest: int) -> int:
    """A round number not below `highest` that divides into four steps."""
    if highest <= _STEPS:
        return _STEPS
    size = int("1" + "0" * (len(str(highest)) - 1))
    return next(n for n in (size, 2 * size, 4 * size, 6 * size, 8 * size, 10 * size) if n >= highest)


def short(number: float) -> str:
    """`1.2M`, `40k`, `500`."""
    if number >= _MANY:
        return f"{number / _MANY:.3g}M"
    return f"{number / _SOME:.3g}k" if number >= _SOME else f"{number:.3g}"


class BarChart(QWidget):
    """Shows a row of bars with a scale and a legend; its accessible description says the same in words."""

    def __init__(self) -> None:
        """Begin without bars."""
        super().__init__()
        self.setObjectName("usage-chart")
        self.setAccessibleName("Tokens by day")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.bars: list[Bar] = []

    def sizeHint(self) -> QSize:
        """Room for a scale of five lines."""
        return QSize(400, self.fontMetrics().height() * 12)

    def minimumSizeHint(self) -> QSize:
        """Half of that."""
        return self.sizeHint() / 2

    def show_bars(self, bars: list[Bar]) -> None:
        """Show `bars` from now on."""
        self.bars = bars
        said = (f"{b.label}: {wording.count(b.input_tokens)} in, {wording.count(b.output_tokens)} out" for b in bars)
        self.setAccessibleDescription("; ".join(said))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint scale, bars and legend."""
        del event
        line = float(self.fontMetrics().height())
        top = nice_top(max((bar.height for bar in self.bars), default=0))
        left = self.fontMetrics().horizontalAdvance(short(top)) + line
        plot = QRectF(left, line * 1.8, self.width() - left, self.height() - line * 3.4)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_scale(painter, plot, top)
        if self.bars:
            self._paint_bars(painter, plot, top)
        self._paint_legend(painter, line)
        painter.end()

    def _paint_scale(self, painter: QPainter, plot: QRectF, top: int) -> None:
        palette, line = self.palette(), self.fontMetrics().height()
        for step in range(_STEPS + 1):
            y = plot.bottom() - plot.height() * step / _STEPS
            painter.setPen(palette.mid().color())
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(palette.placeholderText().color())
            place = QRectF(0, y - line / 2, plot.left() - line / 2, line)
            painter.drawText(
                place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, short(top * step / _STEPS)
            )

    def _paint_bars(self, painter: QPainter, plot: QRectF, top: int) -> None:
        dark, slot = theme.is_dark(self.palette()), plot.width() / len(self.bars)
        width = min(_WIDEST_BAR, slot * (1 - _GAP))
        every = self._label_every(slot)
        for number, bar in enumerate(self.bars):
            x, y = plot.left() + slot * number + (slot - width) / 2, plot.bottom()
            for tokens, colours in ((bar.input_tokens, _INPUT), (bar.output_tokens, _OUTPUT)):
                height = plot.height() * tokens / top
                y -= height
                painter.fillRect(QRectF(x, y, width, height), QColor(colours[dark]))
            if (len(self.bars) - 1 - number) % every == 0:
                self._paint_label(painter, plot, x + width / 2, bar.label)

    def _label_every(self, slot: float) -> int:
        """Every how many bars a label fits."""
        widest = max(self.fontMetrics().horizontalAdvance(bar.label) for bar in self.bars) + self.fontMetrics().height()
        return max(1, -(-int(widest) // max(1, int(slot))))

    def _paint_label(self, painter: QPainter, plot: QRectF, middle: float, text: str) -> None:
        line, width = self.fontMetrics().height(), self.fontMetrics().horizontalAdvance(text)
        left = min(max(0.0, middle - width / 2), self.width() - width)
        painter.setPen(self.palette().placeholderText().color())
        painter.drawText(QRectF(left, plot.bottom() + line * 0.3, width + 1, line), Qt.AlignmentFlag.AlignLeft, text)

    def _paint_legend(self, painter: QPainter, line: float) -> None:
        dark, x = theme.is_dark(self.palette()), float(self.width())
        for text, colours in (("Output tokens", _OUTPUT), ("Input tokens", _INPUT)):
            x -= self.fontMetrics().horizontalAdvance(text)
            painter.setPen(self.palette().windowText().color())
            painter.drawText(QRectF(x, 0, self.width() - x, line), Qt.AlignmentFlag.AlignLeft, text)
            x -= line
            painter.fillRect(QRectF(x, line * 0.15, line * 0.7, line * 0.7), QColor(colours[dark]))
            x -= line
