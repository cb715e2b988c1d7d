"""A searchable list of the kinds of provider; arrow keys in the search field move through the list."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListView, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.models.kinds import KindList, KindSearch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.providers.spec import ProviderSpec

_ROW_PX = 12
_STEPS = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}


class KindPicker(QWidget):
    """`picked` is emitted when another kind, or none, is chosen."""

    picked = Signal()

    def __init__(self, specs: "Iterable[ProviderSpec]") -> None:
        """List `specs` with the first one chosen."""
        super().__init__()
        self.found = KindSearch(KindList(specs, row_px=self.fontMetrics().height() + _ROW_PX))
        self.search = QLineEdit()
        self.search.setObjectName("search-kinds")
        self.search.setAccessibleName("Search providers")
        self.search.setPlaceholderText("Search providers")
        self.search.setClearButtonEnabled(True)
        self.search.installEventFilter(self)
        self.list = QListView()
        self.list.setObjectName("kinds")
        self.list.setAccessibleName("Providers")
        self.list.setUniformItemSizes(True)
        self.list.setFrameShape(QListView.Shape.StyledPanel)
        self.list.setModel(self.found)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GAP_PX)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        self.search.textChanged.connect(self._look_for)
        self.list.selectionModel().currentChanged.connect(lambda *_: self.picked.emit())
        self._choose(0)

    @property
    def spec(self) -> "ProviderSpec | None":
        """The kind that is chosen."""
        return self.found.spec_at(self.list.currentIndex().row())

    def _choose(self, row: int) -> None:
        self.list.setCurrentIndex(self.found.index(row, 0))

    def _look_for(self, text: str) -> None:
        """Filter, and keep something chosen as long as anything is found."""
        self.found.look_for(text)
        if not self.list.currentIndex().isValid():
            self._choose(0)
        self.list.scrollTo(self.list.currentIndex())
        self.picked.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move through the list with the arrow keys while the search field has the focus."""
        if isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress and event.key() in _STEPS:
            row = self.list.currentIndex().row() + _STEPS[Qt.Key(event.key())]
            self._choose(max(0, min(row, self.found.rowCount() - 1)))
            return True
        return super().eventFilter(watched, event)
