"""Problems and news above a page."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.ui.windows.banner import Banner
from ui.fake_runtime import FakeRuntime


@pytest.fixture
def banner(qtbot: QtBot) -> Banner:
    made = Banner()
    qtbot.addWidget(made)
    made.show()
    return made


def shown(banner: Banner) -> list[str]:
    strips = (*banner.problems.values(), banner.hint, banner.news)
    return [strip.text.text() for strip in strips if strip.isVisible()]


def test_problems_stay_until_they_are_solved(banner: Banner) -> None:
    fake = FakeRuntime(problem="8484 is taken.", settings_problem="config.toml:3: wrong", ledger_problem="Disk full.")
    banner.show_problems(fake.snapshot())
    assert shown(banner) == ["8484 is taken.", "config.toml:3: wrong", "Disk full."]
    assert not any(strip.findChild(QPushButton) for strip in banner.problems.values())
    fake.change(settings_problem="")
    banner.show_problems(fake.snapshot())
    assert shown(banner) == ["8484 is taken.", "Disk full."]
    banner.show_problems(FakeRuntime().snapshot())
    assert shown(banner) == []


def test_a_failed_command_can_be_dismissed(banner: Banner) -> None:
    banner.fail("Switch alpha off: <b>the file</b>\ncannot be written.")
    assert shown(banner) == ["Switch alpha off: <b>the file</b> cannot be written."]
    assert banner.news.text.textFormat() is Qt.TextFormat.PlainText
    assert banner.news.text.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
    banner.news.findChild(QPushButton, "news-close").click()
    assert shown(banner) == []


def test_good_news_goes_by_itself_and_bad_news_stays(banner: Banner) -> None:
    banner._fade.setInterval(1)
    banner.tell("alpha can be used again", "Ready", bad=False)
    assert shown(banner) == ["alpha can be used again. Ready"]
    banner.tell("beta can't be used", "", bad=True)
    assert not banner._fade.isActive()
    banner.tell("beta can be used again", "", bad=False)
    banner.news.setAccessibleName("")
    while banner._fade.isActive():
        banner._fade.timeout.emit()
        banner._fade.stop()
    assert shown(banner) == []


def test_a_screen_reader_hears_the_text(banner: Banner) -> None:
    banner.hint.say("There is no tray.", bad=True)
    assert banner.hint.accessibleName() == "There is no tray."
    banner.hint.say("", bad=True)
    assert shown(banner) == []
