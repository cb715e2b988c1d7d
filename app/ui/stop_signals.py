"""Let Ctrl+C and the system's request to end reach a program whose main thread sleeps inside Qt."""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QSocketNotifier

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Calls `stop` on the loop's thread for each signal until `close`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
        """Start to listen."""
        self._loop = loop
        self._stop = stop
        self._wake: tuple[socket.socket, socket.socket, QSocketNotifier] | None = None
        try:
            for number in SIGNALS:
                loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            self._wake = self._listen()

    def _listen(self) -> tuple[socket.socket, socket.socket, QSocketNotifier]:
        """Python runs signal handlers only between two of its instructions: a socket has Qt make it run some."""
        for number in SIGNALS:
            signal.signal(number, self._called)
        reading, writing = socket.socketpair()
        writing.setblocking(False)  # noqa: FBT003 - the socket module's spelling
        signal.set_wakeup_fd(writing.fileno())
        notifier = QSocketNotifier(reading.fileno(), QSocketNotifier.Type.Read)
        notifier.activated.connect(lambda *_: reading.recv(64))
        return reading, writing, notifier

    def _called(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._loop.call_soon_threadsafe(self._stop)

    def close(self) -> None:
        """Listen no more."""
        if self._wake is None:
            for number in SIGNALS:
                self._loop.remove_signal_handler(number)
            return
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        reading, writing, notifier = self._wake
        notifier.setEnabled(False)
        reading.close()
        writing.close()
