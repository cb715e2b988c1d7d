"""Light and dark: one set of colours each, as a palette and a style sheet, after the desktop's wish."""

from dataclasses import asdict, dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

GAP_PX = 8
"""Between things that belong together."""

MARGIN_PX = 16
"""Around pages and between groups."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Everything that is painted; `*_text` stands on the colour it is named after."""

    window: str
    surface: str
    stripe: str
    line: str
    text: str
    muted: str
    faded: str
    hover: str
    pressed: str
    accent: str
    accent_hover: str
    accent_text: str
    selected: str
    bad: str
    bad_text: str
    good: str
    good_text: str
    note: str
    note_text: str
    bar_input: str
    bar_output: str


LIGHT = Colours(
    window="#f3f4f7",
    surface="#ffffff",
    stripe="#f8f9fb",
    line="#d5d9e0",
    text="#1b1f24",
    muted="#5a626d",
    faded="#9aa1ab",
    hover="#eef1f6",
    pressed="#e1e6ee",
    accent="#1f5fc9",
    accent_hover="#184fab",
    accent_text="#ffffff",
    selected="#dbe7fd",
    bad="#fdeceb",
    bad_text="#86180f",
    good="#e5f5e9",
    good_text="#14532d",
    note="#fff4d6",
    note_text="#664600",
    bar_input="#1f5fc9",
    bar_output="#e08a1e",
)
DARK = Colours(
    window="#191b1f",
    surface="#22252a",
    stripe="#262a30",
    line="#3a3f48",
    text="#e7e9ec",
    muted="#a5acb7",
    faded="#6d7480",
    hover="#2d3138",
    pressed="#363b44",
    accent="#2f6bd8",
    accent_hover="#3f7ce8",
    accent_text="#ffffff",
    selected="#2a4470",
    bad="#4a2220",
    bad_text="#ffd8d3",
    good="#1c3a27",
    good_text="#c8f1d3",
    note="#43371a",
    note_text="#ffe5a8",
    bar_input="#5a94f5",
    bar_output="#f6bd6e",
)

_ROLES = QPalette.ColorRole
_FADED_ROLES = (_ROLES.WindowText, _ROLES.Text, _ROLES.ButtonText)
_SHEET = """
QPushButton {{ padding: 5px 13px; border: 1px solid {line}; border-radius: 6px; background: {surface}; color: {text}; }}
QPushButton:hover {{ background: {hover}; }}
QPushButton:pressed {{ background: {pressed}; }}
QPushButton:focus {{ border-color: {accent}; }}
QPushButton:disabled {{ color: {faded}; background: {window}; }}
QPushButton:checked {{ background: {selected}; color: {text}; }}
QPushButton[role="primary"] {{ background: {accent}; border-color: {accent}; color: {accent_text}; font-weight: 600; }}
QPushButton[role="primary"]:hover {{ background: {accent_hover}; }}
QPushButton[role="primary"]:focus {{ border-color: {text}; }}
QPushButton[role="primary"]:disabled {{ background: {pressed}; border-color: {pressed}; color: {faded}; }}
QPushButton[role="link"] {{ border-color: transparent; background: transparent; color: {muted}; padding: 5px 4px; }}
QPushButton[role="link"]:hover {{ color: {text}; }}
QPushButton[role="link"]:checked {{ background: transparent; }}
QPushButton[role="link"]:focus {{ border-color: {accent}; }}
QPushButton[segment="first"] {{ border-top-right-radius: 0; border-bottom-right-radius: 0; }}
QPushButton[segment="middle"] {{ border-radius: 0; border-left-width: 0; }}
QPushButton[segment="last"] {{ border-top-left-radius: 0; border-bottom-left-radius: 0; border-left-width: 0; }}
QLineEdit {{ padding: 5px 8px; border: 1px solid {line}; border-radius: 6px; background: {surface}; color: {text};
    selection-background-color: {accent}; selection-color: {accent_text}; }}
QLineEdit:focus {{ border-color: {accent}; }}
QLineEdit:disabled {{ color: {faded}; background: {window}; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="demo"] {{ background: {note}; color: {note_text}; border-radius: 6px;
    padding: 4px 10px; font-weight: 600; }}
QFrame[role="card"] {{ background: {surface}; border: 1px solid {line}; border-radius: 8px; }}
QFrame[role="bad"] {{ background: {bad}; border-radius: 6px; }}
QFrame[role="bad"] QLabel {{ color: {bad_text}; }}
QFrame[role="good"] {{ background: {good}; border-radius: 6px; }}
QFrame[role="good"] QLabel {{ color: {good_text}; }}
QFrame[role="note"] {{ background: {note}; border-radius: 6px; }}
QFrame[role="note"] QLabel {{ color: {note_text}; }}
QPlainTextEdit[role="quiet"] {{ border: none; background: transparent; color: {text};
    selection-background-color: {accent}; selection-color: {accent_text}; }}
QTableView, QListView {{ border: 1px solid {line}; border-radius: 8px; background: {surface}; color: {text};
    alternate-background-color: {stripe}; selection-background-color: {selected}; selection-color: {text};
    outline: none; }}
QTableView:focus, QListView:focus {{ border-color: {accent}; }}
QListView::item:selected {{ background: {selected}; color: {text}; }}
QListView::item {{ padding: 0 8px; border-radius: 5px; }}
QListView::item:hover:!selected {{ background: {hover}; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{ background: transparent; color: {muted}; border: none; border-bottom: 1px solid {line};
    padding: 7px 12px; font-weight: 600; }}
QListWidget#side-bar {{ border: none; background: transparent; }}
QListWidget#side-bar::item {{ padding: 0 8px; border-radius: 6px; border: 1px solid transparent; }}
QListWidget#side-bar::item:selected {{ background: {accent}; color: {accent_text}; }}
QListWidget#side-bar:focus::item:selected {{ border-color: {text}; }}
QScrollBar {{ background: transparent; border: none; margin: 2px; }}
QScrollBar:vertical {{ width: 12px; }}
QScrollBar:horizontal {{ height: 12px; }}
QScrollBar::handle {{ background: {line}; border-radius: 4px; min-height: 24px; min-width: 24px; }}
QScrollBar::handle:hover {{ background: {faded}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QToolTip {{ background: {surface}; color: {text}; border: 1px solid {line}; padding: 4px; }}
"""


def follow_desktop(app: QApplication) -> None:
    """Dress `app` as the desktop wishes, now and whenever the wish changes."""
    hints = app.styleHints()
    hints.colorSchemeChanged.connect(partial(_follow, app))
    _follow(app, hints.colorScheme())


def _follow(app: QApplication, scheme: Qt.ColorScheme) -> None:
    dress(app, DARK if scheme is Qt.ColorScheme.Dark else LIGHT)


def dress(app: QApplication, colours: Colours) -> None:
    """Show every window of `app` in `colours`."""
    app.setStyle("Fusion")
    app.setPalette(palette(colours))
    app.setStyleSheet(_SHEET.format(**asdict(colours)))


def palette(colours: Colours) -> QPalette:
    """The palette for what the style sheet does not name: menus, message boxes, scroll bars, our own painting."""
    made = QPalette()
    roles = {
        _ROLES.Window: colours.window,
        _ROLES.WindowText: colours.text,
        _ROLES.Base: colours.surface,
        _ROLES.AlternateBase: colours.stripe,
        _ROLES.Text: colours.text,
        _ROLES.Button: colours.surface,
        _ROLES.ButtonText: colours.text,
        _ROLES.BrightText: colours.bad_text,
        _ROLES.PlaceholderText: colours.muted,
        _ROLES.ToolTipBase: colours.surface,
        _ROLES.ToolTipText: colours.text,
        _ROLES.Highlight: colours.accent,
        _ROLES.HighlightedText: colours.accent_text,
        _ROLES.Link: colours.accent,
        _ROLES.Mid: colours.line,
    }
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    for role in _FADED_ROLES:
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.faded))
    return made


def colours_of(widget: QWidget) -> Colours:
    """The colours that `widget` is shown in, for what paints itself."""
    shown = widget.palette()
    return DARK if shown.color(_ROLES.Window).lightness() < shown.color(_ROLES.WindowText).lightness() else LIGHT


def set_role(widget: QWidget, role: str) -> None:
    """Have `widget` painted as the style sheet says for `role`."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        for painted in (widget, *widget.findChildren(QWidget)):
            painted.style().unpolish(painted)
            painted.style().polish(painted)
