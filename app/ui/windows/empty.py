"""What stands where a table would be while there is nothing to show: a picture, a title, a hint, a way on."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui import icons, theme
from app.ui.windows import plain

_PICTURE_PX = 56
_HINT_EM = 52


def empty_state(name: str, icon: str, title: str, hint: str, button: QPushButton | None = None) -> QWidget:
    """A centred column; `icon` is a file of resources/icons."""
    whole = QWidget()
    whole.setObjectName(name)
    picture = QLabel()
    picture.setPixmap(icons.icon(icon).pixmap(_PICTURE_PX, _PICTURE_PX))
    heading = plain.label(f"{name}-title", title)
    plain.grown(heading, 4, bold=True)
    text = plain.label(f"{name}-hint", hint, role="muted")
    text.setWordWrap(True)
    text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    text.setFixedWidth(text.fontMetrics().averageCharWidth() * _HINT_EM)
    text.setMinimumHeight(text.heightForWidth(text.width()))
    column = QVBoxLayout(whole)
    column.setSpacing(theme.GAP_PX)
    column.addStretch(2)
    for widget in (picture, heading, text):
        column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
    if button is not None:
        column.addSpacing(theme.GAP_PX)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
    column.addStretch(3)
    return whole
