"""Let Ctrl+C, the system's request to end, Qt's wish to quit and the end of a session reach a program inside Qt."""

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QCoreApplication, QEventLoop, QSocketNotifier, QTimer

from app.ui.application import Application

SIGNALS = (signal.SIGINT, signal.SIGTERM)
LONGEST_END_MS = 10_000  # requests in flight get 5 s


class StopSignals:
    """Calls `stop` on the loop's thread for each of them until `close`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
        """Start to listen."""
        self._loop = loop
        self._stop = stop
        self._wake: tuple[socket.socket, socket.socket, QSocketNotifier] | None = None
        self._app = QCoreApplication.instance()
        if isinstance(self._app, Application):
            self._app.on_quit = stop
            self._app.aboutToQuit.connect(self._session_ends)
        try:
            for number in SIGNALS:
                loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            self._wake = self._listen()

    def _session_ends(self) -> None:
        """Stop now and wait for it: Windows ends the process as soon as Qt has said that it is about to quit."""
        if not self._loop.is_running():
            return  # the program has ended already
        self._stop()
        patience = QTimer()
        patience.setSingleShot(True)
        patience.start(LONGEST_END_MS)
        while self._loop.is_running() and patience.isActive():
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

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
        if isinstance(self._app, Application):
            self._app.on_quit = None
            self._app.aboutToQuit.disconnect(self._session_ends)
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
