"""The tray application: Qt and the routing core in one loop; the tray is shown before anything heavy is loaded."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication

from app.engine import collector
from app.store import log
from app.store.paths import Paths, PathsError
from app.ui import icons, report, theme
from app.ui.application import Application
from app.ui.bridge import Bridge
from app.ui.loop import make_loop
from app.ui.single import SingleInstance
from app.ui.stop_signals import StopSignals
from app.ui.tray import Tray
from app.ui.tray_menu import Actions
from app.ui.windows import copying, refusal
from app.ui.windows.main import MainWindow

if TYPE_CHECKING:
    from app.runtime import Runtime

_log = logging.getLogger(__name__)

Start = Callable[["Runtime"], Coroutine[Any, Any, None]]

INVISIBLE = ("offscreen", "minimal")
"""Platforms of Qt where nobody could see a box, nor close it."""

REFUSED = "does not start: %s"
NO_ANSWER = "Switchtower runs already but does not answer. End it and start again."
NO_TRAY = (
    "This desktop shows no tray, so this window is shown instead. GNOME needs the extension “AppIndicator and "
    "KStatusNotifierItem Support”. Switchtower keeps running when the window is closed; start it again to see it."
)


def run(
    paths: Paths,
    make_runtime: Callable[[], "Runtime"],
    *,
    host: str = "",
    port: int | None = None,
    open_window: bool = False,
) -> int:
    """Run the tray application to its end; return the exit code.

    `make_runtime` is called when the tray stands; `host` and `port` go before those of the settings.
    """
    loop = make_loop(_application())
    asyncio.set_event_loop(loop)
    report.install(loop)
    single = SingleInstance(paths.state_dir)
    try:
        paths.prepare()
        if not single.acquire():
            return 0 if single.show_first() else _refuse(loop, _written_down(NO_ANSWER, paths))
        desktop = Desktop(loop)
        single.asked.connect(desktop.window.present)
        single.told_to_quit.connect(desktop.quit)
        if open_window:
            desktop.window.present()
        problem = desktop.run(lambda runtime: runtime.start(host, port, tolerate_port=True), make_runtime)
        single.release()
        return _refuse(loop, problem) if problem else 0
    except PathsError as error:
        return _refuse(loop, str(error))
    finally:
        copying.forget_secret()
        report.remove(loop)
        asyncio.set_event_loop(None)
        loop.close()
        single.release()


def end_running(paths: Paths) -> int:
    """Ask the tray application of this home to quit, and wait until it has; 0 also when none ran."""
    if not paths.state_dir.is_dir():
        return 0
    core = QCoreApplication.instance() or QCoreApplication(["switchtower"])
    del core
    if SingleInstance(paths.state_dir).end_first():
        return 0
    return _say("The running Switchtower does not end. Choose Quit in its menu, or end it in the task manager.")


def _say(line: str) -> int:
    if sys.stderr is not None:
        sys.stderr.write(f"switchtower: {line}\n")
    return 1


def _written_down(line: str, paths: Paths) -> str:
    """Put `line` into the log of a program that has not begun to write one."""
    log.setup(paths.log_file)
    _log.error(REFUSED, line)
    log.stop()
    return line


def _refuse(loop: Any, line: str) -> int:
    """Say why there is no start: on stderr and, unless a terminal shows that, in a box until it is closed."""
    _say(line)
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if terminal or QGuiApplication.platformName() in INVISIBLE:
        return 1
    box = refusal.show(line)
    closed = loop.create_future()
    box.finished.connect(closed.set_result)
    signals = StopSignals(loop, box.reject)
    try:
        loop.run_until_complete(closed)
    finally:
        signals.close()
    return 1


def _application() -> Application:
    known = Application.instance()
    app = known if isinstance(known, Application) else Application(["switchtower"])
    app.setApplicationName("switchtower")
    app.setApplicationDisplayName("Switchtower")
    app.setDesktopFileName("switchtower")
    app.setWindowIcon(icons.app_icon())
    app.setQuitOnLastWindowClosed(False)
    theme.follow_desktop(app)
    return app


class Desktop:
    """What stands on the desktop: tray and window, made first, and the runtime behind them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Show the tray; `loop` runs later."""
        self._loop = loop
        self._stop = asyncio.Event()
        self.bridge = Bridge()
        self.window = MainWindow(self.bridge, self.quit)
        self.tray = Tray(self.bridge, self._actions())
        self.tray.missing.connect(self._no_tray)
        self.tray.arrived.connect(self.window.banner.hint.hide)

    def _actions(self) -> Actions:
        return Actions(
            copy_address=self.window.copy_address,
            copy_token=self.window.copy_token,
            open_health=lambda: self.window.present("health"),
            open_usage=lambda: self.window.present("usage"),
            add_provider=self.window.add_provider,
            about=self.window.show_about,
            quit=self.quit,
        )

    def _no_tray(self) -> None:
        self.window.banner.hint.say(NO_TRAY, bad=True)
        self.window.present()

    def run(self, start: Start, make_runtime: Callable[[], "Runtime"]) -> str:
        """Start a runtime and serve until someone quits; return why it could not start, else nothing."""
        signals = StopSignals(self._loop, self.quit)
        try:
            problem: str = self._loop.run_until_complete(self._live(start, make_runtime))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            return problem
        finally:
            signals.close()

    async def _live(self, start: Start, make_runtime: Callable[[], "Runtime"]) -> str:
        from app.runtime import StartError  # noqa: PLC0415 - the tray is shown before the core is loaded

        runtime = make_runtime()
        try:
            await start(runtime)
            self.bridge.attach(runtime)
            self._greet(runtime)
            collector.leave_out()
            await self._stop.wait()
        except StartError as error:
            if _log.hasHandlers():  # else there is no log yet, and Python would print the line, which comes anyway
                _log.error(REFUSED, error)
            return str(error)
        finally:
            self._vanish()
            await runtime.stop()
        return ""

    def _greet(self, runtime: "Runtime") -> None:
        """Welcome someone who has no provider yet."""
        if not runtime.snapshot().providers:
            self.window.add_provider(first=True)

    def _vanish(self) -> None:
        """Take everything off the screen at once; the runtime may need some seconds to stop."""
        self.window.hide()
        self.tray.hide()
        self.bridge.detach()

    def quit(self) -> None:
        """End the program."""
        self._stop.set()


def open_every_window(runtime: "Runtime") -> None:
    """Open every window once and close it again, for the self-test; a loop must be running.

    Raises:
        ImportError: the icons cannot be drawn.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = _application()
    if icons.app_icon().pixmap(32).isNull():
        raise ImportError("Qt cannot draw SVG: its plug-in is missing")
    bridge = Bridge()
    window = MainWindow(bridge, app.quit)
    bridge.attach(runtime)
    for row in range(window.side.count()):
        window.side.setCurrentRow(row)
        window.show()
        app.processEvents()
    window.add_provider(first=True)
    window.show_about()
    app.processEvents()
    bridge.detach()
    window.hide()
    window.deleteLater()
    app.processEvents()
