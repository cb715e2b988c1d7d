"""The one way our tables look and behave: whole rows, read only, reachable and left by keyboard."""

from PySide6.QtCore import QAbstractItemModel, QMargins, QModelIndex, QPersistentModelIndex, QSize, QTimer
from PySide6.QtGui import QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

_ROW_PX = 14
_LEAST_PX = 60
_SIDE_PX = 9
_MOST = 0.3
"""The part of the table that one column may take; a longer text ends in an ellipsis."""


class _Roomy(QStyledItemDelegate):
    """Keeps the texts of neighbouring cells apart; a row is marked in full, its current cell has no frame."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Paint the whole cell's background, and the text within margins."""
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, option.palette.highlight())
        option.state &= ~QStyle.StateFlag.State_HasFocus
        option.rect.adjust(_SIDE_PX, 0, -_SIDE_PX, 0)
        super().paint(painter, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """The text's size and the margins."""
        return super().sizeHint(option, index).grownBy(QMargins(_SIDE_PX, 0, _SIDE_PX, 0))


class RoomyTable(QTableView):
    """Columns are as wide as the widest text ever seen in them, so that nothing jumps about, within `_MOST`."""

    def __init__(self, stretched: int) -> None:
        """Leave the width of column `stretched` to the window."""
        super().__init__()
        self._stretched = stretched
        self._fit = QTimer(self)
        self._fit.setSingleShot(True)
        self._fit.setInterval(0)
        self._fit.timeout.connect(self.fit)
        self.horizontalHeader().setResizeContentsPrecision(0)  # measures what is in sight; a thousand rows take 100 ms
        self.verticalScrollBar().valueChanged.connect(self._fit_soon)

    def setModel(self, model: QAbstractItemModel | None) -> None:
        """Show `model` and follow its texts."""
        super().setModel(model)
        if model is not None:
            for changed in (model.dataChanged, model.rowsInserted, model.modelReset):
                changed.connect(self._fit_soon)
            self._fit_soon()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other rows may be in sight now."""
        super().resizeEvent(event)
        self._fit_soon()

    def showEvent(self, event: QShowEvent) -> None:
        """Texts may have changed while nobody looked."""
        super().showEvent(event)
        self._fit_soon()

    def _fit_soon(self) -> None:
        self._fit.start()

    def fit(self) -> None:
        """Widen the columns that are too narrow for what is in sight, but leave room for the others."""
        if not self.isVisible():
            return
        header, most_px = self.horizontalHeader(), round(self.viewport().width() * _MOST)
        for column in range(header.count()):
            title_px, now_px = header.sectionSizeHint(column), header.sectionSize(column)
            needed_px = max(self.sizeHintForColumn(column), now_px)
            wide_px = max(title_px, min(needed_px, most_px))
            if column != self._stretched and wide_px != now_px:
                header.resizeSection(column, wide_px)


def make_table(name: str, says: str, model: QAbstractItemModel, stretched: int) -> "RoomyTable":
    """A table of `model` whose column `stretched` takes the room that the others leave."""
    table = RoomyTable(stretched)
    table.setObjectName(name)
    table.setAccessibleName(says)
    table.setModel(model)
    table.setItemDelegate(_Roomy(table))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setCornerButtonEnabled(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + _ROW_PX)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionsClickable(False)
    header.setMinimumSectionSize(_LEAST_PX)
    header.setDefaultSectionSize(_LEAST_PX)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    header.setSectionResizeMode(stretched, QHeaderView.ResizeMode.Stretch)
    return table
