"""The searchable list of kinds."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.providers.registry import Registry
from app.ui.windows.kind_picker import KindPicker


@pytest.fixture
def picker(qtbot: QtBot) -> KindPicker:
    made = KindPicker(Registry.load(list))
    qtbot.addWidget(made)
    made.show()
    return made


def chosen(picker: KindPicker) -> str:
    return picker.spec.id if picker.spec is not None else ""


def test_the_first_kind_is_chosen(picker: KindPicker) -> None:
    assert chosen(picker) == "openai"


def test_searching_chooses_what_is_found(qtbot: QtBot, picker: KindPicker) -> None:
    with qtbot.waitSignal(picker.picked):
        picker.search.setText("mistral")
    assert chosen(picker) == "mistral"
    picker.search.setText("no such thing")
    assert chosen(picker) == ""
    picker.search.clear()
    assert chosen(picker) != ""


def test_what_is_chosen_stays_while_it_is_found(picker: KindPicker) -> None:
    picker.search.setText("groq")
    picker.search.clear()
    assert chosen(picker) == "groq"


def test_arrow_keys_in_the_search_field_move_through_the_list(qtbot: QtBot, picker: KindPicker) -> None:
    qtbot.keyClick(picker.search, Qt.Key.Key_Down)
    assert chosen(picker) == "openrouter"
    qtbot.keyClick(picker.search, Qt.Key.Key_Up)
    qtbot.keyClick(picker.search, Qt.Key.Key_Up)
    assert chosen(picker) == "openai"
    qtbot.keyClicks(picker.search, "xai")
    assert chosen(picker) == "xai"


def test_a_list_without_kinds(qtbot: QtBot) -> None:
    empty = KindPicker(())
    qtbot.addWidget(empty)
    assert empty.spec is None
