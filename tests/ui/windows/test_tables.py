"""How tables look and behave."""

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.domain.status import HealthState
from app.ui.models.providers import LAST_ERROR, NAME, STATE, ProviderTable
from app.ui.windows.tables import RoomyTable, make_table
from ui.fake_runtime import provider


@pytest.fixture
def model() -> ProviderTable:
    return ProviderTable()


@pytest.fixture
def table(qtbot: QtBot, model: ProviderTable) -> RoomyTable:
    made = make_table("providers", "Providers", model, LAST_ERROR)
    qtbot.addWidget(made)
    made.resize(900, 300)
    made.show()
    return made


def test_columns_widen_for_their_texts_and_do_not_jump_back(table: RoomyTable, model: ProviderTable) -> None:
    model.show((provider("a"),))
    table.fit()
    narrow = table.columnWidth(NAME)
    model.show((provider("a"), provider("a-rather-long-name-of-a-provider", HealthState.CONFIG_ERROR)))
    table.fit()
    wide = table.columnWidth(NAME)
    assert wide > narrow
    assert table.columnWidth(STATE) >= table.sizeHintForColumn(STATE)
    model.show((provider("a"),))
    table.fit()
    assert table.columnWidth(NAME) == wide


def test_it_fits_by_itself(qtbot: QtBot, table: RoomyTable, model: ProviderTable) -> None:
    model.show((provider("a-rather-long-name-of-a-provider"),))
    qtbot.waitUntil(lambda: table.columnWidth(NAME) >= table.sizeHintForColumn(NAME))


def test_the_last_column_takes_the_rest_and_is_elided(table: RoomyTable, model: ProviderTable) -> None:
    model.show((provider("a", detail="so much to say " * 30),))
    table.fit()
    assert table.horizontalHeader().length() <= table.viewport().width()
    assert table.textElideMode() is Qt.TextElideMode.ElideRight


def test_a_long_name_leaves_room_for_the_error(table: RoomyTable, model: ProviderTable) -> None:
    model.show((provider("a" * 64, HealthState.CONFIG_ERROR, detail="so much to say " * 30),))
    for width_px in (1400, 900, 860):
        table.resize(width_px, 300)
        table.fit()
        assert table.columnWidth(NAME) <= table.viewport().width() * 0.3 + 1
        assert table.horizontalHeader().length() <= table.viewport().width()
        assert table.columnWidth(LAST_ERROR) > 2 * table.horizontalHeader().minimumSectionSize()


def test_tab_leaves_the_table(table: RoomyTable) -> None:
    assert not table.tabKeyNavigation()
    assert table.accessibleName() == "Providers"
    assert not table.editTriggers()


def test_a_selected_row_is_painted_in_full(table: RoomyTable, model: ProviderTable) -> None:
    model.show((provider("a"), provider("b")))
    table.selectRow(1)
    picture = table.viewport().grab().toImage()
    middle = table.visualRect(model.index(1, LAST_ERROR)).center()
    assert picture.pixelColor(middle) == table.palette().highlight().color()
