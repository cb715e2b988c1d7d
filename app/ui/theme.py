"""Light and dark: on Linux our own palette after the desktop's wish, elsewhere the system's style as it is."""

import sys

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

_ROLES = QPalette.ColorRole
_LIGHT = {
    _ROLES.Window: "#f3f4f6",
    _ROLES.WindowText: "#1f2328",
    _ROLES.Base: "#ffffff",
    _ROLES.AlternateBase: "#f7f8fa",
    _ROLES.Text: "#1f2328",
    _ROLES.Button: "#ffffff",
    _ROLES.ButtonText: "#1f2328",
    _ROLES.PlaceholderText: "#6b7280",
    _ROLES.ToolTipBase: "#ffffff",
    _ROLES.ToolTipText: "#1f2328",
    _ROLES.Highlight: "#2166d1",
    _ROLES.HighlightedText: "#ffffff",
    _ROLES.Link: "#1a5fb4",
    _ROLES.Mid: "#cfd3da",
}
_DARK = {
    _ROLES.Window: "#202226",
    _ROLES.WindowText: "#e6e8eb",
    _ROLES.Base: "#18191c",
    _ROLES.AlternateBase: "#1e2024",
    _ROLES.Text: "#e6e8eb",
    _ROLES.Button: "#2d3036",
    _ROLES.ButtonText: "#e6e8eb",
    _ROLES.PlaceholderText: "#9aa1ab",
    _ROLES.ToolTipBase: "#2d3036",
    _ROLES.ToolTipText: "#e6e8eb",
    _ROLES.Highlight: "#3b76d6",
    _ROLES.HighlightedText: "#ffffff",
    _ROLES.Link: "#7fb0ff",
    _ROLES.Mid: "#43474f",
}
_GREY = {False: "#9aa1ab", True: "#6f7681"}
_FADED = (_ROLES.WindowText, _ROLES.Text, _ROLES.ButtonText)


def follow_desktop(app: QApplication) -> None:
    """Take the desktop's choice of light or dark, now and whenever it changes."""
    if sys.platform in ("win32", "darwin"):
        return
    hints = app.styleHints()
    hints.colorSchemeChanged.connect(lambda scheme: apply(app, dark=scheme == Qt.ColorScheme.Dark))
    apply(app, dark=hints.colorScheme() == Qt.ColorScheme.Dark)


def apply(app: QApplication, *, dark: bool) -> None:
    """Show `app` dark or light."""
    app.setStyle("Fusion")
    palette = QPalette()
    for role, colour in (_DARK if dark else _LIGHT).items():
        palette.setColor(role, QColor(colour))
    for role in _FADED:
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(_GREY[dark]))
    app.setPalette(palette)


def is_dark(palette: QPalette) -> bool:
    """Whether `palette` is a dark one."""
    return palette.color(_ROLES.Window).lightness() < palette.color(_ROLES.WindowText).lightness()
