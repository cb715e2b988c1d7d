"""The kinds of provider as a list that can be searched by name, id and host."""

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QSize, QSortFilterProxyModel, Qt

from app.providers.spec import ProviderSpec
from app.ui.models.cells import Index

SPEC_ROLE = Qt.ItemDataRole.UserRole
_SEARCHED = Qt.ItemDataRole.UserRole + 1


class KindList(QAbstractListModel):
    """One row per kind, those that run on this machine last, and behind them those that may be anywhere."""

    def __init__(self, specs: Iterable[ProviderSpec], row_px: int = 30) -> None:
        """Show `specs`, in their order within the two groups, `row_px` high."""
        super().__init__()
        self._size = QSize(0, row_px)
        self.specs = sorted(specs, key=lambda spec: (spec.needs_base_url and not spec.address, spec.local))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The number of kinds."""
        return 0 if parent.isValid() else len(self.specs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """A kind's name, the kind itself, or what a search looks through."""
        if not index.isValid():
            return None
        spec = self.specs[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{spec.name} (on this machine)" if spec.local else spec.name
        if role == Qt.ItemDataRole.SizeHintRole:
            return self._size
        if role == SPEC_ROLE:
            return spec
        return f"{spec.name} {spec.id} {spec.host or spec.address}" if role == _SEARCHED else None


class KindSearch(QSortFilterProxyModel):
    """The kinds that hold the text looked for."""

    def __init__(self, kinds: KindList) -> None:
        """Begin with all of `kinds`."""
        super().__init__()
        self.setSourceModel(kinds)
        self.setFilterRole(_SEARCHED)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def look_for(self, text: str) -> None:
        """Show only kinds that hold `text`."""
        self.setFilterFixedString(text.strip())

    def spec_at(self, row: int) -> ProviderSpec | None:
        """The kind in a row, None when there is no such row."""
        spec = self.index(row, 0).data(SPEC_ROLE)
        return spec if isinstance(spec, ProviderSpec) else None
