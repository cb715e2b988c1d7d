"""An asyncio event loop inside Qt's own: asyncio's ready queue and timer heap, woken by Qt through two timers.

Stock qasync starts a Qt timer for every callback and keeps those of cancelled timeouts until they ring; a modal
`exec()` inside a coroutine can make it lose other tasks for good. Here Qt only says *when* to look; what is due stays
in asyncio's own queues, is run in order, and never for longer than `BUDGET_S` at a time, so that windows stay smooth.
"""

# Written against the private parts of asyncio's base loop, which have been the same from Python 3.8 to 3.14; the type
# checker does not know them, hence the three `Any` below.
import asyncio
import heapq
import math
import selectors
import sys
from asyncio import base_events, selector_events, tasks
from collections.abc import Callable
from contextvars import Context
from time import monotonic
from typing import TYPE_CHECKING, Any

import qasync
from PySide6.QtCore import QCoreApplication, QSocketNotifier
from qasync import _unix

from app.ui.alarm import Alarm

if TYPE_CHECKING:
    from collections import deque

_Base: Any = base_events.BaseEventLoop
_Selecting: Any = selector_events.BaseSelectorEventLoop

BUDGET_S = 0.004
_MANY_CANCELLED = 100
_MOSTLY_CANCELLED = 0.5


class _Scheduling(qasync.QEventLoop):  # type: ignore[misc]  # qasync makes this class at run time with type()
    """What both loops share: asyncio's bookkeeping of callbacks and timers, and a drain with a time budget."""

    _ready: "deque[asyncio.Handle]"
    _scheduled: list[Any]
    _timer_cancelled_count: int

    call_later = _Base.call_later
    run_in_executor = _Base.run_in_executor
    set_default_executor = _Base.set_default_executor
    set_exception_handler = _Base.set_exception_handler
    default_exception_handler = _Base.default_exception_handler
    call_exception_handler = _Base.call_exception_handler

    def __init__(self, app: QCoreApplication) -> None:
        """Make a loop that runs in `app`."""
        self._todo = 0
        self._fatal: BaseException | None = None
        self._alarm = Alarm(self._drain)
        super().__init__(app)

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """Run `callback` after what is already ready."""
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        self._alarm.now()
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """As `call_soon`, from any thread."""
        self._check_closed()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        self._wake_from_thread()
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` at `when` on the loop's clock."""
        self._check_closed()
        timer: Any = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        if not self._alarm.armed:  # else the drain that follows sets the deadline
            self._alarm.at(self._scheduled[0].when())
        return timer  # type: ignore[no-any-return]

    def run_forever(self) -> None:
        """Run Qt's loop, and asyncio in it, until `stop`."""
        old_hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=self._asyncgen_firstiter_hook, finalizer=self._asyncgen_finalizer_hook)
        self._set_alarm()
        try:
            super().run_forever()
        finally:
            sys.set_asyncgen_hooks(*old_hooks)
        if self._fatal is not None:
            fatal, self._fatal = self._fatal, None
            raise fatal

    def close(self) -> None:
        """Free timers, sockets and threads; the loop must not be running."""
        super().close()
        self._alarm.stop()

    def _drain(self) -> None:
        """Run what is due. A modal `exec()` in a callback comes here again, so the task it sits in is set aside."""
        if not self.is_running():
            return  # Qt may still ring before or after `run_forever`; what is ready waits for the next one
        outer = asyncio.current_task(self)
        if outer is not None:
            tasks._leave_task(self, outer)
        self._alarm.now()  # for what a nested Qt loop would leave lying; taken back below
        try:
            self._run_rounds(monotonic() + BUDGET_S)
        except (KeyboardInterrupt, SystemExit) as error:
            self._fatal = error
            self.stop()
        finally:
            if outer is not None:
                tasks._enter_task(self, outer)
            self._set_alarm()

    def _run_rounds(self, until: float) -> None:
        """Run rounds of ready callbacks until none is left or the time is up; a cut round goes on where it was cut."""
        ready = self._ready
        while monotonic() < until:
            if self._todo <= 0:
                self._collect()
                self._todo = len(ready)
            while self._todo > 0 and ready:
                self._todo -= 1
                handle = ready.popleft()
                if not handle._cancelled:
                    handle._run()
                    if monotonic() >= until:
                        return
            self._todo = 0
            if not ready or not self.is_running():
                return

    def _collect(self) -> None:
        """Move what became due to the ready queue."""
        self._drop_cancelled()
        scheduled, end = self._scheduled, monotonic() + self._clock_resolution
        while scheduled and scheduled[0].when() < end:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            self._ready.append(timer)

    def _drop_cancelled(self) -> None:
        """Forget cancelled timers by asyncio's own rule: at the head at once, elsewhere when they are the majority."""
        scheduled, cancelled = self._scheduled, self._timer_cancelled_count
        if len(scheduled) > _MANY_CANCELLED and cancelled / len(scheduled) > _MOSTLY_CANCELLED:
            for timer in scheduled:
                timer._scheduled = not timer._cancelled
            scheduled[:] = [timer for timer in scheduled if not timer._cancelled]
            heapq.heapify(scheduled)
            self._timer_cancelled_count = 0
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
            self._timer_cancelled_count -= 1

    def _timer_handle_cancelled(self, handle: Any) -> None:
        """Count a cancelled timer and, outside a drain, let Qt forget it when it was the next one."""
        if not handle._scheduled:
            return
        if self._alarm.armed or handle is not self._scheduled[0]:
            self._timer_cancelled_count += 1
            return
        heapq.heappop(self._scheduled)._scheduled = False
        self._drop_cancelled()
        self._set_deadline()

    def _set_alarm(self) -> None:
        if self._ready:
            self._alarm.now()
        else:
            self._alarm.not_now()
        self._drop_cancelled()
        self._set_deadline()

    def _set_deadline(self) -> None:
        self._alarm.at(self._scheduled[0].when() if self._scheduled else math.inf)

    def _wake_from_thread(self) -> None:
        self._alarm.from_thread.emit()


class PortableLoop(_Scheduling):
    """Sockets are watched the way qasync does on the platform: one notifier each, or the proactor of Windows."""

    def _add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        """Take a ready handle from qasync's or asyncio's selector code."""
        self._ready.append(handle)
        self._alarm.now()
        return handle


class _InstantSelector(selectors.DefaultSelector):
    """The system's selector, which never waits: Qt does the waiting."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now."""
        return super().select(0)


class _NativeSelector(_unix._SelectorEventLoop):
    """Gives asyncio its own selector back, in the place where qasync puts its notifiers."""

    def __init__(self) -> None:
        """Open the selector."""
        self._signal_safe_callbacks: list[object] = []
        asyncio.SelectorEventLoop.__init__(self, _InstantSelector())


class PumpLoop(_Scheduling, _NativeSelector):
    """asyncio's own selector watches the sockets; Qt watches one descriptor, the selector's. Linux."""

    _add_callback = _Base._add_callback
    _add_reader = _Selecting._add_reader
    _remove_reader = _Selecting._remove_reader
    _add_writer = _Selecting._add_writer
    _remove_writer = _Selecting._remove_writer
    _selector: _InstantSelector

    def __init__(self, app: QCoreApplication) -> None:
        """Make a loop that runs in `app`."""
        super().__init__(app)
        self._notifier = QSocketNotifier(self._selector.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._drain)

    def _collect(self) -> None:
        self._process_events(self._selector.select())
        super()._collect()

    def _wake_from_thread(self) -> None:
        self._write_to_self()

    def close(self) -> None:
        """Stop watching, then close."""
        if not self.is_closed() and not self.is_running():
            self._notifier.setEnabled(False)
        super().close()


def make_loop(app: QCoreApplication) -> Any:
    """Return the loop that was measured best on this system (see `docs/desktop.md`)."""
    return PumpLoop(app) if sys.platform == "linux" else PortableLoop(app)
