"""Two Qt timers that ring when the loop has to look."""

import math
import threading
import time

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from app.ui.alarm import Alarm


class Bell:
    """Counts."""

    def __init__(self) -> None:
        self.rang: list[float] = []
        self.alarm = Alarm(lambda: self.rang.append(time.monotonic()))

    @property
    def active(self) -> int:
        return sum(timer.isActive() for timer in self.alarm.findChildren(QTimer))


@pytest.fixture
def bell(qtbot: QtBot) -> Bell:
    return Bell()


def test_now_rings_once_however_often_it_is_asked(qtbot: QtBot, bell: Bell) -> None:
    for _ in range(10):
        bell.alarm.now()
    assert bell.alarm.armed
    qtbot.waitUntil(lambda: bool(bell.rang))
    qtbot.wait(5)
    assert len(bell.rang) == 1
    assert not bell.alarm.armed


def test_now_can_be_taken_back(qtbot: QtBot, bell: Bell) -> None:
    bell.alarm.now()
    bell.alarm.not_now()
    bell.alarm.not_now()
    qtbot.wait(5)
    assert bell.rang == []
    assert bell.active == 0


def test_a_deadline_rings_not_before_its_time(qtbot: QtBot, bell: Bell) -> None:
    when = time.monotonic() + 0.02
    bell.alarm.at(when)
    qtbot.waitUntil(lambda: bool(bell.rang))
    assert bell.rang[0] >= when - 0.001
    assert bell.active == 0


def test_a_deadline_moves_and_goes(qtbot: QtBot, bell: Bell) -> None:
    bell.alarm.at(time.monotonic() + 3600)
    bell.alarm.at(time.monotonic() + 10 * 365 * 24 * 3600)
    assert bell.active == 1
    bell.alarm.at(math.inf)
    assert bell.active == 0
    bell.alarm.at(time.monotonic() - 1)
    qtbot.waitUntil(lambda: bool(bell.rang))


def test_another_thread_can_ring(qtbot: QtBot, bell: Bell) -> None:
    thread = threading.Thread(target=bell.alarm.from_thread.emit)
    thread.start()
    qtbot.waitUntil(lambda: bool(bell.rang))
    thread.join()


def test_stopped_it_is_silent(qtbot: QtBot, bell: Bell) -> None:
    bell.alarm.now()
    bell.alarm.at(time.monotonic())
    bell.alarm.stop()
    qtbot.wait(5)
    assert bell.rang == []
    assert bell.active == 0
