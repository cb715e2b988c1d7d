"""The only two Qt timers of an event loop: Qt keeps them, the loop says when they ring."""

import math
from collections.abc import Callable
from time import monotonic

from PySide6.QtCore import QObject, Qt, QTimer, Signal

_FURTHEST_MS = 86_400_000


class Alarm(QObject):
    """`now` is for what is ready, `at` for the next deadline; emitting `from_thread` is `now` from any thread."""

    from_thread = Signal()

    def __init__(self, ring: Callable[[], None]) -> None:
        """Call `ring` on the loop's thread whenever something is due."""
        super().__init__()
        self._ring = ring
        self._ready = self._timer(self._ready_rang)
        self._deadline = self._timer(self._deadline_passed)
        self._deadline_at = math.inf
        self.armed = False
        self.from_thread.connect(self.now, Qt.ConnectionType.QueuedConnection)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(slot)
        return timer

    def now(self) -> None:
        """Ring as soon as Qt has handled what waits for it; a zero timer is fair to windows and sockets."""
        if not self.armed:
            self.armed = True
            self._ready.start(0)

    def not_now(self) -> None:
        """Take `now` back."""
        if self.armed:
            self.armed = False
            self._ready.stop()

    def _ready_rang(self) -> None:
        self.armed = False
        self._ring()

    def at(self, when: float) -> None:
        """Ring at `when` (seconds of the loop's clock; infinity: never)."""
        if when == self._deadline_at:
            return
        self._deadline_at = when
        if when == math.inf:
            self._deadline.stop()
        else:
            self._deadline.start(min(_FURTHEST_MS, max(0, math.ceil((when - monotonic()) * 1000))))

    def _deadline_passed(self) -> None:
        self._deadline_at = math.inf
        self._ring()

    def stop(self) -> None:
        """Ring no more."""
        self.not_now()
        self._deadline.stop()
