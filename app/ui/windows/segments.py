"""A row of joined buttons of which exactly one is chosen."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

T = TypeVar("T")


class Segments(QWidget, Generic[T]):
    """Entries are (object name, text, value); `chosen` is emitted when the user chooses another one."""

    chosen = Signal()

    def __init__(self, says: str, entries: Sequence[tuple[str, str, T]], first: int = 0) -> None:
        """Begin with entry number `first`."""
        super().__init__()
        self.setAccessibleName(says)
        self._values = [value for _, _, value in entries]
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for number, (name, text, _) in enumerate(entries):
            button = QPushButton(text)
            button.setObjectName(name)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setChecked(number == first)
            button.setProperty("segment", _place(number, len(entries)))
            self._group.addButton(button, number)
            row.addWidget(button)
        self._group.idToggled.connect(self._toggled)

    @property
    def value(self) -> T:
        """What is chosen."""
        return self._values[self._group.checkedId()]

    def _toggled(self, number: int, on: bool) -> None:  # noqa: FBT001 - Qt's signal
        del number
        if on:
            self.chosen.emit()


def _place(number: int, count: int) -> str:
    """Where a button stands, for its rounded corners."""
    if count == 1:
        return ""
    return {0: "first", count - 1: "last"}.get(number, "middle")
