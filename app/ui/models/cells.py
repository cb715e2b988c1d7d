"""What every table of ours shares: columns as data, cells that are only read, text from outside shown as it is."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
Row = TypeVar("Row")

LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ROLE = Qt.ItemDataRole


def as_tooltip(text: str) -> str:
    """`text` so that Qt, which guesses, shows it letter by letter and wraps long lines; nothing for nothing."""
    return f"<p style='white-space: pre-wrap'>{html.escape(text)}</p>" if text else ""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column: its title, a cell's text, and what pointing at the cell or a screen reader adds to it."""

    title: str
    text: Callable[[Row], str]
    number: bool = False
    tooltip: Callable[[Row], str] = lambda _: ""
    spoken: Callable[[Row], str] | None = None


class RowsModel(QAbstractTableModel, Generic[Row]):
    """A read-only table of `rows` seen through `columns`."""

    def __init__(self, columns: Sequence[Column[Row]]) -> None:
        """Begin empty."""
        super().__init__()
        self.columns = tuple(columns)
        self.rows: list[Row] = []

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The number of rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The number of columns."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        """The columns' titles, aligned like their cells."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        if role == _ROLE.TextAlignmentRole:
            return RIGHT if column.number else LEFT
        return column.title if role == _ROLE.DisplayRole else None

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        """A cell's text, tooltip, spoken text or alignment."""
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row, column = self.rows[index.row()], self.columns[index.column()]
        if role == _ROLE.DisplayRole:
            return column.text(row)
        if role == _ROLE.AccessibleTextRole:
            return (column.spoken or column.text)(row)
        if role == _ROLE.ToolTipRole:
            return as_tooltip(column.tooltip(row)) or None
        if role == _ROLE.TextAlignmentRole:
            return RIGHT if column.number else LEFT
        return self.decoration(row, index.column(), role)

    def decoration(self, row: Row, column: int, role: int) -> Any:
        """Fonts and icons; none unless a table says so."""
        del row, column, role
        return None

    def touch(self, first: int, last: int) -> None:
        """Have rows `first` to `last` painted again."""
        if 0 <= first <= last < len(self.rows):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.columns) - 1))
