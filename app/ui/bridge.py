"""The one place where domain events become Qt signals, and the one door through which windows give commands."""

import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.domain.events import AlertKind, AlertRaised, Event, RequestFinished
from app.domain.status import HealthState, Snapshot
from app.ui import wording

if TYPE_CHECKING:
    from app.runtime import Runtime

T = TypeVar("T")

EVERY_MS = 100
_LAST_GOOD = "The last good settings are in use. The window says what is wrong."
_REMEDY = "The window says what to do."
_DOWN = frozenset({HealthState.UNREACHABLE, HealthState.CONFIG_ERROR, HealthState.NEEDS_KEY})

_log = logging.getLogger(__name__)


class Bridge(QObject):
    """Shows windows and tray the program as snapshots, at most ten a second, and runs their commands.

    `changed` carries the newest `Snapshot`; `used` says that requests ended since; `notice` carries title, text and
    whether it is bad news, once per change, `notice_here` the same for the window only and `notice_tray` for the tray
    only; `failed` is one line about a command that did not work.
    """

    changed = Signal(object)
    used = Signal()
    notice = Signal(str, str, bool)
    notice_here = Signal(str, str, bool)
    notice_tray = Signal(str, str, bool)
    failed = Signal(str)

    def __init__(self) -> None:
        """Begin without a runtime: everything says that the program is starting."""
        super().__init__()
        self.runtime: Runtime | None = None
        self.snapshot: Snapshot | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._finished = False
        self._down: dict[str, bool] = {}
        self._problems: tuple[bool, ...] = (False, False)
        self._pending = QTimer(self)
        self._pending.setSingleShot(True)
        self._pending.setInterval(EVERY_MS)
        self._pending.timeout.connect(self.refresh)

    def attach(self, runtime: "Runtime") -> None:
        """Observe `runtime` from now on."""
        self.runtime = runtime
        self._unsubscribe = runtime.bus.subscribe(self._hear)
        self.refresh()

    def detach(self) -> None:
        """Observe no more and forget what commands still bring."""
        self._unsubscribe()
        self._pending.stop()
        self.runtime = None

    def _hear(self, event: Event) -> None:
        if isinstance(event, RequestFinished):
            self._finished = True
        elif isinstance(event, AlertRaised):
            self._tell_alert(event)
        if not self._pending.isActive():
            self._pending.start()

    def refresh(self) -> None:
        """Take a snapshot now and show it."""
        if self.runtime is None:
            return
        self.snapshot = self.runtime.snapshot()
        self.changed.emit(self.snapshot)
        self._tell_news(self.snapshot)
        self._tell_problems(self.snapshot)
        if self._finished:
            self._finished = False
            self.used.emit()

    # -- news

    def _tell_news(self, snapshot: Snapshot) -> None:
        """Say once which providers went down and which came back; what the user switched is no news."""
        now = {p.id: p.state in _DOWN for p in snapshot.providers if p.state.up or p.state in _DOWN}
        names = {p.id: wording.provider_name(p) for p in snapshot.providers}
        fell = [names[i] for i, down in now.items() if down and not self._down.get(i, False)]
        rose = [names[i] for i, down in now.items() if not down and self._down.get(i, False)]
        self._down = {i: now.get(i, self._down.get(i, False)) for i in names}
        for names_now, what, bad in ((fell, "can't be used", True), (rose, "can be used again", False)):
            if names_now:
                self.notice.emit(f"{wording.listed(names_now)} {what}", "", bad)

    def _tell_problems(self, snapshot: Snapshot) -> None:
        """Say once in the tray that something lasting is wrong; the window shows it for as long as it lasts."""
        news = (
            (snapshot.settings_problem, "The settings file can't be used", _LAST_GOOD),
            (snapshot.problem, wording.gist(snapshot.problem), _REMEDY),
        )
        bad = True
        for (problem, title, text), before in zip(news, self._problems, strict=True):
            if problem and not before:
                self.notice_tray.emit(title, text, bad)
        self._problems = tuple(bool(problem) for problem, _, _ in news)

    def _tell_alert(self, alert: AlertRaised) -> None:
        """Say what became of a budget; of providers and keys the snapshots tell."""
        if alert.kind in (AlertKind.BUDGET_NEAR, AlertKind.BUDGET_SPENT):
            spent = alert.kind is AlertKind.BUDGET_SPENT
            bad = True
            self.notice.emit("A budget is spent" if spent else "A budget is nearly spent", alert.message, bad)

    # -- commands

    def run(
        self,
        what: str,
        command: "Callable[[Runtime], Coroutine[Any, Any, T]]",
        done: Callable[[T], None] | None = None,
        after: Callable[[], None] | None = None,
    ) -> None:
        """Run one command of the runtime as a task it owns.

        `what` names it when it fails, `done` takes its result, `after` is called in the end either way.
        """
        if self.runtime is None:
            self.failed.emit(f"{what}: Switchtower is still starting.")
            return
        self.runtime.spawn(f"window: {what}", self._guard(what, command(self.runtime), done, after))

    async def _guard(
        self,
        what: str,
        work: Coroutine[Any, Any, T],
        done: Callable[[T], None] | None,
        after: Callable[[], None] | None,
    ) -> None:
        """Wait for a command; a failure becomes a line in the window, whatever it is."""
        try:
            result = await work
            if self.runtime is not None and done is not None:
                done(result)
        except Exception as error:  # noqa: BLE001 - the named guard "UI slot"
            self._report(what, error)
        if self.runtime is not None:
            self.refresh()
            if after is not None:
                after()

    def _report(self, what: str, error: Exception) -> None:
        from app.store.secrets import KeyringProblem  # noqa: PLC0415 - the tray is shown before the store is loaded
        from app.store.settings_errors import SettingsError  # noqa: PLC0415 - as above

        if isinstance(error, KeyringProblem | SettingsError):
            self.failed.emit(f"{what}: {error}")
            return
        _log.error("command failed name=%r", what, exc_info=error)
        self.failed.emit(f"{what}: unexpected {type(error).__name__}; the log has the details.")


class Pace:
    """Lets something happen at most every `interval_s` seconds; `clock` gives monotonic seconds."""

    def __init__(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin due."""
        self._interval_s = interval_s
        self._clock = clock
        self._last_s = float("-inf")

    def due(self) -> bool:
        """Whether it may happen now; if so it counts as done."""
        now_s = self._clock()
        if now_s - self._last_s < self._interval_s:
            return False
        self._last_s = now_s
        return True
