"""Light and dark."""

from collections.abc import Iterator
from dataclasses import asdict

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.ui import theme

READ_TOGETHER = [
    ("text", "window"),
    ("text", "surface"),
    ("text", "stripe"),
    ("text", "selected"),
    ("text", "hover"),
    ("muted", "window"),
    ("muted", "surface"),
    ("accent_text", "accent"),
    ("bad_text", "bad"),
    ("good_text", "good"),
    ("note_text", "note"),
]


@pytest.fixture(autouse=True)
def restored(qapp: QApplication) -> Iterator[None]:
    palette = qapp.palette()
    yield
    qapp.setStyleSheet("")
    qapp.setPalette(palette)


def luminance(name: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    colour = QColor(name)
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_texts_have_contrast(colours: theme.Colours) -> None:
    named = asdict(colours)
    for text, ground in READ_TOGETHER:
        assert contrast(named[text], named[ground]) >= 4.5, (text, ground)
    for bar in ("bar_input", "bar_output"):
        assert contrast(named[bar], named["surface"]) >= 2.4, bar
    assert contrast(named["bar_input"], named["bar_output"]) >= 1.5


def test_every_colour_is_one() -> None:
    assert all(QColor.isValidColorName(name) for set_ in (theme.LIGHT, theme.DARK) for name in asdict(set_).values())


def test_the_desktops_wish_is_followed(qapp: QApplication) -> None:
    label = QLabel()
    theme.follow_desktop(qapp)
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert theme.colours_of(label) is theme.DARK
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.colours_of(label) is theme.LIGHT


def test_a_desktop_without_a_wish_is_light(qapp: QApplication) -> None:
    theme.dress(qapp, theme.DARK)
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Unknown)
    theme.follow_desktop(qapp)
    assert qapp.styleSheet()


def test_a_role_changes_how_a_widget_is_painted(qapp: QApplication) -> None:
    theme.dress(qapp, theme.LIGHT)
    button = QPushButton("Go")
    theme.set_role(button, "primary")
    button.resize(80, 30)
    assert button.grab().toImage().pixelColor(8, 15) == QColor(theme.LIGHT.accent)
    theme.set_role(button, "")
    assert button.grab().toImage().pixelColor(8, 15) == QColor(theme.LIGHT.surface)
