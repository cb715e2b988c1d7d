"""Sums from the ledger as a table; unknown cost is a dash."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.domain.usage import UsageRow
from app.ui import wording

Index = QModelIndex | QPersistentModelIndex

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

COLUMNS: tuple[tuple[str, Callable[[UsageRow], str]], ...] = (
    ("", lambda row: wording.one_line(row.key) or "nobody answered"),
    ("Requests", lambda row: wording.count(row.requests)),
    ("Failures", lambda row: wording.count(row.failures)),
    ("Input tokens", lambda row: tokens(row.input_tokens, row)),
    ("Output tokens", lambda row: tokens(row.output_tokens, row)),
    ("Unknown usage", lambda row: wording.count(row.unknown_usage)),
    ("Cost", lambda row: wording.cost(row.cost_usd)),
)


def tokens(number: int, row: UsageRow) -> str:
    """A sum of tokens; a dash when no request of the row told any."""
    nothing_known = number == 0 and row.unknown_usage >= row.requests
    return wording.count(None if nothing_known else number)


def total(rows: list[UsageRow]) -> UsageRow:
    """The sum of `rows`; its cost is unknown as soon as one is."""
    costs = [row.cost_usd for row in rows]
    return UsageRow(
        "Total",
        requests=sum(row.requests for row in rows),
        failures=sum(row.failures for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        unknown_usage=sum(row.unknown_usage for row in rows),
        cost_usd=None if None in costs or not costs else sum(cost for cost in costs if cost is not None),
    )


class UsageTable(QAbstractTableModel):
    """Shows `UsageRow` rows under a first column named after what they are grouped by."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.rows: list[UsageRow] = []
        self.grouped_by = ""

    def show(self, rows: list[UsageRow], grouped_by: str) -> None:
        """Show `rows` from now on."""
        if grouped_by == self.grouped_by and len(rows) == len(self.rows):
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))
            return
        self.beginResetModel()
        self.rows, self.grouped_by = rows, grouped_by
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The number of groups."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' titles, over their text."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section else _LEFT
        return (COLUMNS[section][0] or self.grouped_by) if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell's text or alignment."""
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return COLUMNS[index.column()][1](self.rows[index.row()])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() else _LEFT
        return None
