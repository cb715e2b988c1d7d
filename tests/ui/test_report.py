"""What nobody caught is logged once, wherever it happened, and the program goes on."""

import asyncio
import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.ui import report
from app.ui.loop import make_loop


@pytest.fixture
def loop(qapp: QApplication) -> Iterator[asyncio.AbstractEventLoop]:
    made = make_loop(qapp)
    hooks = sys.excepthook, threading.excepthook
    report.install(made)
    yield made
    report.remove(made)
    sys.excepthook, threading.excepthook = hooks
    made.close()


def fail() -> None:
    raise ZeroDivisionError("made up")


async def _wait(caplog: pytest.LogCaptureFixture) -> str:
    async with asyncio.timeout(5):
        while not caplog.records:
            await asyncio.sleep(0.01)
    return caplog.records[0].getMessage()


def test_in_a_slot(loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> str:
        QTimer.singleShot(0, fail)
        return await _wait(caplog)

    assert loop.run_until_complete(scene()) == "uncaught in a window"
    assert "ZeroDivisionError" in caplog.text


def test_in_a_callback_of_the_loop(loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> str:
        loop.call_soon(fail)
        return await _wait(caplog)

    assert loop.run_until_complete(scene()).startswith("uncaught in the loop")
    assert "ZeroDivisionError" in caplog.text


def test_in_a_thread(loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture) -> None:
    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    assert "uncaught in thread name=worker" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_an_interrupt_is_left_to_python(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert caplog.records == []
    assert "KeyboardInterrupt" in capsys.readouterr().err
