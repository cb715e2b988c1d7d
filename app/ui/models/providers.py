"""The providers as a table, patched by id so that selection and scrolling stay where they are."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QFont

from app.domain.status import ProviderStatus
from app.ui import icons, wording
from app.ui.models.cells import Column, RowsModel


def _whole_name(provider: ProviderStatus) -> str:
    """The id, where it is the user's own and may be cut in its cell, and the kind."""
    own = "" if provider.id == provider.kind else f"{provider.id}\n"
    return f"{own}{provider.name} ({provider.kind})"


COLUMNS: tuple[Column[ProviderStatus], ...] = (
    Column("Provider", lambda p: wording.one_line(wording.provider_name(p)), tooltip=_whole_name),
    Column("State", lambda p: wording.state(p.state)),
    Column("Latency", lambda p: wording.latency(p.latency_ms), number=True),
    Column("Breaker", lambda p: wording.breaker(p.breaker)),
    Column("Requests", lambda p: wording.count(p.requests), number=True),
    Column("Failures", lambda p: wording.count(p.failures), number=True),
    Column(
        "Last error",
        lambda p: wording.one_line(p.detail),
        tooltip=lambda p: p.detail,
        spoken=lambda p: wording.one_line(p.detail) or "no error",
    ),
)
NAME, STATE, LAST_ERROR = 0, 1, len(COLUMNS) - 1


class ProviderTable(RowsModel[ProviderStatus]):
    """Shows `ProviderStatus` rows; the one that everything is sent to is in bold."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__(COLUMNS)
        self._forced = ""
        self._bold = QFont()
        self._bold.setBold(True)

    def show(self, rows: Sequence[ProviderStatus], forced: str = "") -> None:
        """Show `rows` from now on; `forced` is the id of the only provider in use, if there is one."""
        self._drop_all_but({p.id for p in rows})
        kept = [p.id for p in self.rows]
        if [p.id for p in rows if p.id in set(kept)] != kept:
            self.beginResetModel()
            self.rows = list(rows)
            self.endResetModel()
        else:
            self._patch(rows)
        if forced != self._forced:
            self._forced = forced
            self.touch(0, len(self.rows) - 1)

    def _drop_all_but(self, wanted: set[str]) -> None:
        for number in reversed(range(len(self.rows))):
            if self.rows[number].id not in wanted:
                self.beginRemoveRows(QModelIndex(), number, number)
                del self.rows[number]
                self.endRemoveRows()

    def _patch(self, rows: Sequence[ProviderStatus]) -> None:
        """Insert what is new and repaint what changed; the common rows are in the same order."""
        for number, row in enumerate(rows):
            if number == len(self.rows) or self.rows[number].id != row.id:
                self.beginInsertRows(QModelIndex(), number, number)
                self.rows.insert(number, row)
                self.endInsertRows()
            elif self.rows[number] != row:
                self.rows[number] = row
                self.touch(number, number)

    def find(self, provider_id: str) -> int:
        """The row of a provider, -1 when it is not there."""
        return next((number for number, row in enumerate(self.rows) if row.id == provider_id), -1)

    def decoration(self, row: ProviderStatus, column: int, role: int) -> Any:
        """The state's icon, and the bold name of the only provider in use."""
        if role == Qt.ItemDataRole.DecorationRole and column == STATE:
            return icons.health_icon(row.state)
        if role == Qt.ItemDataRole.FontRole and column == NAME and row.id == self._forced:
            return self._bold
        return None
