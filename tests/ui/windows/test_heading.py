"""Headings with long names."""

import pytest
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.ui.windows.heading import Heading

LONG = f"<b>{'very-' * 12}long</b> · Up"


@pytest.fixture
def heading(qtbot: QtBot) -> Heading:
    made = Heading("provider-name", 1)
    qtbot.addWidget(made)
    made.show()
    return made


def test_a_name_that_fits_is_shown_as_it_is(heading: Heading) -> None:
    heading.setText("alpha · Up")
    heading.resize(heading.sizeHint())
    assert heading.visible_text == "alpha · Up"
    assert heading.toolTip() == ""


def test_a_long_one_keeps_both_ends_and_is_told_in_full(heading: Heading) -> None:
    heading.setText(LONG)
    heading.resize(200, 30)
    assert heading.visible_text.startswith("<b>very-")
    assert heading.visible_text.endswith(" · Up")
    assert "…" in heading.visible_text
    assert heading.text() == LONG
    assert "&lt;b&gt;very-" in heading.toolTip()
    heading.resize(heading.sizeHint())
    assert heading.visible_text == LONG
    assert heading.toolTip() == ""


def test_a_long_one_leaves_others_their_room(qtbot: QtBot) -> None:
    place, heading, button = QWidget(), Heading("provider-name", 1), QPushButton("Add")
    qtbot.addWidget(place)
    row = QHBoxLayout(place)
    row.addWidget(heading)
    row.addWidget(button)
    heading.setText(LONG)
    place.resize(300, 40)
    place.show()
    assert button.geometry().right() < place.width() == 300
    assert button.width() >= button.sizeHint().width()


def test_a_cut_one_is_painted(heading: Heading) -> None:
    heading.setText(LONG)
    heading.resize(200, 30)
    picture = heading.grab().toImage()
    paper = picture.pixelColor(0, 0)
    ink = [x for x in range(picture.width()) for y in range(picture.height()) if picture.pixelColor(x, y) != paper]
    assert max(ink) - min(ink) > picture.width() * 3 // 4
