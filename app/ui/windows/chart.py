"""Stacked bars, painted by ourselves: input and output tokens per day."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.domain.usage import UsageRow
from app.ui import theme
from app.ui.models.cells import as_tooltip
from app.ui.models.usage import short, tokens

_STEPS = 4
_WIDEST_BAR_PX = 44.0
_GAP = 0.35


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, the sums it shows, and whether it is one of those the page is about."""

    label: str
    row: UsageRow
    meant: bool = True

    @property
    def height(self) -> int:
        """Both parts together."""
        return self.row.input_tokens + self.row.output_tokens

    @property
    def words(self) -> str:
        """The bar in words."""
        row = self.row
        return f"{self.label}: {tokens(row.input_tokens, row)} in, {tokens(row.output_tokens, row)} out"

    @property
    def mark(self) -> str:
        """What stands on the bar where it does not show everything."""
        return tokens(self.height, self.row, lambda _: "").strip()


def nice_top(highest: int) -> int:
    """A round number not below `highest` that divides into four steps."""
    if highest <= _STEPS:
        return _STEPS
    size = int("1" + "0" * (len(str(highest)) - 1))
    return next(n for n in (size, 2 * size, 4 * size, 6 * size, 8 * size, 10 * size) if n >= highest)


class BarChart(QWidget):
    """Shows a row of bars with a scale and a legend; its accessible description says the same in words."""

    def __init__(self) -> None:
        """Begin without bars."""
        super().__init__()
        self.setObjectName("usage-chart")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.bars: tuple[Bar, ...] = ()
        self.title = ""
        self.show_bars((), "Tokens per day")

    def sizeHint(self) -> QSize:
        """Room for a scale of five lines."""
        return QSize(400, self.fontMetrics().height() * 11)

    def minimumSizeHint(self) -> QSize:
        """Somewhat less than that."""
        return QSize(200, self.fontMetrics().height() * 8)

    def show_bars(self, bars: Sequence[Bar], title: str) -> None:
        """Show `bars` from now on, under `title`."""
        self.bars, self.title = tuple(bars), title
        self.setAccessibleName(title)
        said = "; ".join(bar.words for bar in self.bars if bar.height or bar.mark)
        self.setAccessibleDescription(said or "No tokens were counted.")
        self.update()

    # -- where things are

    @property
    def _line(self) -> float:
        return float(self.fontMetrics().height())

    @property
    def _top(self) -> int:
        return nice_top(max((bar.height for bar in self.bars), default=0))

    def _plot(self) -> QRectF:
        """The rectangle the bars stand in; left of it is the scale, below it are the days, above it the legend."""
        line = self._line
        left = self.fontMetrics().horizontalAdvance(short(self._top)) + line
        return QRectF(left, line * 2, self.width() - left, self.height() - line * 3.5)

    def bar_at(self, point: QPointF) -> Bar | None:
        """The bar in whose slot `point` is."""
        plot = self._plot()
        if not self.bars or not plot.left() <= point.x() < plot.right():
            return None
        return self.bars[int((point.x() - plot.left()) / plot.width() * len(self.bars))]

    def event(self, event: QEvent) -> bool:
        """Say what a bar stands for when it is pointed at."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            bar = self.bar_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), as_tooltip(bar.words) if bar else "", self)
            return True
        return super().event(event)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint scale, bars and legend."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, plot = theme.colours_of(self), self._plot()
        self._paint_scale(painter, plot, colours)
        if self.bars:
            self._paint_bars(painter, plot, colours)
        self._paint_legend(painter, colours)
        painter.end()

    def _paint_scale(self, painter: QPainter, plot: QRectF, colours: theme.Colours) -> None:
        line, top = self._line, self._top
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        for step in range(_STEPS + 1):
            y = plot.bottom() - plot.height() * step / _STEPS
            painter.setPen(QColor(colours.line))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(QColor(colours.muted))
            place = QRectF(0, y - line / 2, plot.left() - line / 2, line)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(place, flags, short(top * step / _STEPS))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _paint_bars(self, painter: QPainter, plot: QRectF, colours: theme.Colours) -> None:
        slot = plot.width() / len(self.bars)
        width = min(_WIDEST_BAR_PX, slot * (1 - _GAP))
        every, top = self._label_every(slot), self._top
        for number, bar in enumerate(self.bars):
            x, y = plot.left() + slot * number + (slot - width) / 2, plot.bottom()
            painter.setOpacity(1.0 if bar.meant else 0.4)
            for count, colour in (
                (bar.row.input_tokens, colours.bar_input),
                (bar.row.output_tokens, colours.bar_output),
            ):
                height = plot.height() * count / top
                y -= height
                painter.fillRect(QRectF(x, y, width, height), QColor(colour))
            painter.setOpacity(1.0)
            painter.setPen(QColor(colours.muted))
            painter.drawText(
                QRectF(x - width, y - self._line, width * 3, self._line), Qt.AlignmentFlag.AlignHCenter, bar.mark
            )
            if (len(self.bars) - 1 - number) % every == 0:
                painter.setPen(QColor(colours.text if bar.meant else colours.muted))
                self._paint_label(painter, plot, x + width / 2, bar.label)

    def _label_every(self, slot: float) -> int:
        """Every how many bars a label fits."""
        widest = max(self.fontMetrics().horizontalAdvance(bar.label) for bar in self.bars) + self._line
        return max(1, -(-int(widest) // max(1, int(slot))))

    def _paint_label(self, painter: QPainter, plot: QRectF, middle: float, text: str) -> None:
        line, width = self._line, self.fontMetrics().horizontalAdvance(text)
        left = min(max(0.0, middle - width / 2), self.width() - width)
        painter.drawText(QRectF(left, plot.bottom() + line * 0.4, width + 1, line), Qt.AlignmentFlag.AlignLeft, text)

    def _paint_legend(self, painter: QPainter, colours: theme.Colours) -> None:
        line, x = self._line, float(self.width())
        painter.setPen(QColor(colours.text))
        painter.drawText(QRectF(0, 0, x, line), Qt.AlignmentFlag.AlignLeft, self.title)
        painter.setPen(QColor(colours.muted))
        for text, colour in (("Output", colours.bar_output), ("Input", colours.bar_input)):
            x -= self.fontMetrics().horizontalAdvance(text) + 1
            painter.drawText(QRectF(x, 0, self.width() - x, line), Qt.AlignmentFlag.AlignLeft, text)
            x -= line
            painter.fillRect(QRectF(x, line * 0.15, line * 0.7, line * 0.7), QColor(colour))
            x -= line
