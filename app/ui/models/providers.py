"""The providers as a table: one row each, patched in place so that selection and scrolling stay."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from app.domain.status import ProviderStatus
from app.ui import icons, wording

Index = QModelIndex | QPersistentModelIndex

_NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter

COLUMNS: tuple[tuple[str, Callable[[ProviderStatus], str]], ...] = (
    ("Provider", wording.provider_name),
    ("State", lambda p: wording.state(p.state)),
    ("Latency", lambda p: wording.latency(p.latency_ms)),
    ("Breaker", lambda p: wording.breaker(p.breaker)),
    ("Requests", lambda p: wording.count(p.requests)),
    ("Failures", lambda p: wording.count(p.failures)),
    ("Last error", lambda p: wording.one_line(p.detail) or wording.UNKNOWN),
)
STATE, LAST_ERROR = 1, len(COLUMNS) - 1
_NUMBERS = frozenset({2, 4, 5})


class ProviderTable(QAbstractTableModel):
    """Shows `ProviderStatus` rows; nothing in it is edited."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self.rows: tuple[ProviderStatus, ...] = ()

    def show(self, rows: tuple[ProviderStatus, ...]) -> None:
        """Show `rows` from now on."""
        if [p.id for p in rows] != [p.id for p in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        changed = [number for number, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new]
        self.rows = rows
        for number in changed:
            self.dataChanged.emit(self.index(number, 0), self.index(number, LAST_ERROR))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The number of providers."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The columns' titles, over their text."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _NUMBER if section in _NUMBERS else Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return COLUMNS[section][0] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A cell's text, alignment or icon."""
        row, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return COLUMNS[column][1](row)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMBERS:
            return _NUMBER
        if role == Qt.ItemDataRole.DecorationRole and column == STATE:
            return icons.health_icon(row.state)
        return None
