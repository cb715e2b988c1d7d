"""The box that says why the program does not start, for those who started it where no terminal shows it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from app.ui import icons, wording


def show(line: str) -> QMessageBox:
    """Show `line` until somebody closes the box."""
    box = QMessageBox(QMessageBox.Icon.Critical, "Switchtower", "", QMessageBox.StandardButton.Close)
    box.setObjectName("refusal")
    box.setWindowIcon(icons.app_icon())
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(f"Switchtower does not start.\n\n{wording.one_line(line)}")
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setModal(False)
    box.show()
    return box
