"""The look and the manners that all tables share."""

from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

_ROW_EM = 2


def make_table(name: str, says: str) -> QTableView:
    """A read-only table that selects whole rows and sorts nothing."""
    table = QTableView()
    table.setObjectName(name)
    table.setAccessibleName(says)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() * _ROW_EM)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    return table
