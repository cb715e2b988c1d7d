"""Ctrl+C and the system's request to end wake a program that sleeps inside Qt."""

import asyncio
import signal
import threading
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from app.ui.loop import PortableLoop, make_loop
from app.ui.stop_signals import SIGNALS, StopSignals


class WithoutSignalHandlers(PortableLoop):
    """A loop as on Windows, where `add_signal_handler` does not exist."""

    def add_signal_handler(self, sig: int, callback: Any, *args: Any) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("make", [make_loop, WithoutSignalHandlers])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_while_qt_sleeps(qapp: QApplication, make: Any, number: signal.Signals) -> None:
    loop, before = make(qapp), signal.getsignal(number)

    async def scene() -> None:
        stop = asyncio.Event()
        signals = StopSignals(loop, stop.set)
        threading.Timer(0.05, lambda: signal.raise_signal(number)).start()
        async with asyncio.timeout(10):
            await stop.wait()
        signals.close()

    loop.run_until_complete(scene())
    loop.close()
    signal.signal(number, before)
