"""The look and the manners that all tables share."""

from PySide6.QtCore import QMargins, QModelIndex, QPersistentModelIndex, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QProxyStyle,
    QStyle,
    QStyledItemDelegate,
    QStyleOption,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

Index = QModelIndex | QPersistentModelIndex

_ROW_EM = 2
_MARGIN_PX = 8


class _Roomy(QStyledItemDelegate):
    """Keeps the texts of neighbouring cells apart."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint the whole cell's background, and the text within margins."""
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(option.rect, option.palette.highlight())
        option.rect.adjust(_MARGIN_PX, 0, -_MARGIN_PX, 0)
        super().paint(painter, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """The text's size and the margins."""
        return super().sizeHint(option, index).grownBy(QMargins(_MARGIN_PX, 0, _MARGIN_PX, 0))


class _RoomyHeader(QProxyStyle):
    """Gives titles the margins of the cells below them."""

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None
    ) -> int:
        """The system's measures, but for that margin."""
        return (
            _MARGIN_PX if metric is QStyle.PixelMetric.PM_HeaderMargin else super().pixelMetric(metric, option, widget)
        )


def make_table(name: str, says: str) -> QTableView:
    """A read-only table that selects whole rows and sorts nothing."""
    table = QTableView()
    table.setObjectName(name)
    table.setAccessibleName(says)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setItemDelegate(_Roomy(table))
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() * _ROW_EM)
    style = _RoomyHeader()
    style.setParent(table)
    table.horizontalHeader().setStyle(style)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    return table
