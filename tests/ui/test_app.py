"""The tray application: its order of start, its ends, and every window for the self-test."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMessageBox, QSystemTrayIcon, QWidget

from app.runtime import StartError
from app.store.paths import Paths
from app.ui import app, single, tray
from ui.fake_runtime import FakeRuntime

ROOT = Path(__file__).parents[2]
Scene = Callable[[FakeRuntime], Any]


class Startable(FakeRuntime):
    """Fake: starts and stops, and plays a scene while it runs."""

    def __init__(self, scene: Scene, problem: str = "", **others: Any) -> None:
        super().__init__(**others)
        self._scene = scene
        self._problem = problem
        self.started_with: tuple[Any, ...] = ()
        self.stopped = 0

    async def start(self, host: str, port: int | None, *, tolerate_port: bool) -> None:
        self.started_with = (host, port, tolerate_port)
        if self._problem:
            raise StartError(self._problem)
        self.spawn("scene", self._play())

    async def _play(self) -> None:
        await asyncio.sleep(0.02)
        await self._scene(self)

    async def stop(self) -> None:
        self.stopped += 1
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "home")})


@pytest.fixture(autouse=True)
def hidden_afterwards(qapp: QApplication) -> Iterator[None]:
    palette, sheet = qapp.palette(), qapp.styleSheet()
    yield
    for window in qapp.topLevelWidgets():
        window.hide()
        window.deleteLater()
    qapp.processEvents()
    qapp.setStyleSheet(sheet)
    qapp.setPalette(palette)


def visible(name: str) -> QWidget | None:
    shown = (w for w in QApplication.topLevelWidgets() if w.objectName() == name and w.isVisible())
    return next(shown, None)


async def until(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(10):
        while not (found := condition()):
            await asyncio.sleep(0.01)
    return found


def press(name: str) -> None:
    """Press a button or choose an entry of any window."""
    for window in QApplication.topLevelWidgets():
        for child in window.findChildren(QWidget, name):
            child.click()  # type: ignore[attr-defined]
            return
    raise AssertionError(name)


def run(paths: Paths, runtime: Startable, **how: Any) -> int:
    made: Any = runtime
    return app.run(paths, lambda: made, **how)


def test_it_starts_shows_and_quits_cleanly(paths: Paths) -> None:
    async def scene(runtime: FakeRuntime) -> None:
        window = await until(lambda: visible("main-window"))
        assert window.windowTitle().startswith("Switchtower")
        press("quit")

    runtime = Startable(scene)
    assert run(paths, runtime, host="127.0.0.1", port=0, open_window=True) == 0
    assert runtime.started_with == ("127.0.0.1", 0, True)
    assert runtime.stopped == 1
    assert visible("main-window") is None


def test_what_qt_calls_quitting_ends_it_cleanly(paths: Paths) -> None:
    async def scene(runtime: FakeRuntime) -> None:
        await until(lambda: visible("main-window"))
        QApplication.quit()

    runtime = Startable(scene)
    assert run(paths, runtime, open_window=True) == 0
    assert runtime.stopped == 1


def test_at_the_end_of_a_session_it_has_stopped_before_qt_goes_on(paths: Paths) -> None:
    stopped: list[int] = []

    async def scene(runtime: FakeRuntime) -> None:
        QTimer.singleShot(0, end_session)
        await asyncio.Event().wait()

    def end_session() -> None:
        """Windows tells of it by this signal; when its slots return, the process is ended."""
        QApplication.instance().aboutToQuit.emit()  # type: ignore[union-attr]
        stopped.append(runtime.stopped)

    runtime = Startable(scene)
    assert run(paths, runtime) == 0
    assert stopped == [1]


def test_the_tray_stands_before_the_runtime_is_made(paths: Paths) -> None:
    seen: list[bool] = []

    async def scene(runtime: FakeRuntime) -> None:
        press("quit")

    def make() -> Any:
        seen.append(any(icon.isVisible() for icon in _icons()))
        return Startable(scene)

    assert app.run(paths, make) == 0
    assert seen == [True]


def _icons() -> list[QSystemTrayIcon]:
    import gc

    return [thing for thing in gc.get_objects() if type(thing) is QSystemTrayIcon]


def test_a_start_that_fails_is_one_line_and_exit_code_1(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(runtime: FakeRuntime) -> None: ...

    runtime = Startable(scene, problem="config.toml:3: server.port: wrong type. Write a number.")
    assert run(paths, runtime) == 1
    assert capsys.readouterr().err == "switchtower: config.toml:3: server.port: wrong type. Write a number.\n"
    assert runtime.stopped == 1


def close_the_refusal() -> None:
    """Close the box as a user would, as soon as it is there."""
    box = visible("refusal")
    if box is None:
        QTimer.singleShot(10, close_the_refusal)
    else:
        assert isinstance(box, QMessageBox)
        SEEN.append(box.text())
        box.button(QMessageBox.StandardButton.Close).click()


SEEN: list[str] = []


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the boxes say that are closed from now on."""
    monkeypatch.setattr(app, "INVISIBLE", ())
    SEEN.clear()
    QTimer.singleShot(10, close_the_refusal)
    return SEEN


def test_a_start_that_fails_is_seen_where_no_terminal_shows_it(
    qapp: QApplication, paths: Paths, seen: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(runtime: FakeRuntime) -> None: ...

    assert run(paths, Startable(scene, problem="config.toml:3: server.port: wrong type. Write a number.")) == 1
    assert seen == ["Switchtower does not start.\n\nconfig.toml:3: server.port: wrong type. Write a number."]
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == "does not start: config.toml:3: server.port: wrong type. Write a number."


def test_a_home_that_cannot_be_made_is_seen_too(qapp: QApplication, tmp_path: Path, seen: list[str]) -> None:
    (tmp_path / "file").write_text("")
    blocked = Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "file" / "home")})
    assert app.run(blocked, lambda: pytest.fail("not to be made")) == 1
    assert "Cannot use the folder" in seen[0]


def test_one_that_hangs_is_seen_and_written_down(
    qapp: QApplication, paths: Paths, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single.SingleInstance, "acquire", lambda _: False)
    monkeypatch.setattr(single.SingleInstance, "show_first", lambda _: False)
    assert app.run(paths, lambda: pytest.fail("not to be made")) == 1
    assert app.NO_ANSWER in seen[0]
    assert f"ERROR app.ui.app does not start: {app.NO_ANSWER}" in paths.log_file.read_text()


def test_the_box_does_not_keep_a_program_that_is_to_end(
    qapp: QApplication, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(runtime: FakeRuntime) -> None: ...

    monkeypatch.setattr(app, "INVISIBLE", ())
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGTERM))
    timer.start()
    assert run(paths, Startable(scene, problem="No. Do.")) == 1
    timer.join()


def test_a_terminal_needs_no_box(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(runtime: FakeRuntime) -> None: ...

    monkeypatch.setattr(app, "INVISIBLE", ())
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert run(paths, Startable(scene, problem="No. Do.")) == 1


def test_a_home_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    blocked = Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "file" / "home")})
    assert app.run(blocked, lambda: pytest.fail("not to be made")) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("switchtower: Cannot use the folder")


def test_someone_without_a_provider_is_welcomed(paths: Paths) -> None:
    async def scene(runtime: FakeRuntime) -> None:
        dialog = await until(lambda: visible("welcome"))
        dialog.reject()
        press("quit")

    assert run(paths, Startable(scene, providers=())) == 0


def test_without_a_tray_the_window_opens_and_says_why(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tray, "PATIENCE_MS", 10)

    async def scene(runtime: FakeRuntime) -> None:
        window = await until(lambda: visible("main-window"))
        hint = window.findChild(QWidget, "hint")
        assert hint is not None
        assert hint.isVisible()
        press("quit")

    assert run(paths, Startable(scene)) == 0


def test_a_second_start_shows_the_first(paths: Paths) -> None:
    codes: list[int] = []
    source = (
        "import sys; from app.store.paths import Paths; from app.ui.app import run;"
        f"sys.exit(run(Paths.from_environ({{'SWITCHTOWER_HOME': {str(paths.state_dir)!r}}}), None))"
    )

    def start_again() -> None:
        command = [sys.executable, "-c", source]
        codes.append(subprocess.run(command, cwd=ROOT, env=os.environ, timeout=30, check=False).returncode)

    async def scene(runtime: FakeRuntime) -> None:
        assert visible("main-window") is None
        thread = threading.Thread(target=start_again)
        thread.start()
        await until(lambda: visible("main-window"))
        await until(lambda: codes)
        thread.join()
        press("quit")

    assert run(paths, Startable(scene)) == 0
    assert codes == [0]


def test_quit_on_the_command_line_ends_the_first_and_waits_for_it(paths: Paths) -> None:
    environ = {**os.environ, "SWITCHTOWER_HOME": str(paths.state_dir)}
    command = [sys.executable, "-m", "app", "quit"]
    codes: list[int] = []

    def end() -> None:
        codes.append(subprocess.run(command, cwd=ROOT, env=environ, timeout=30, check=False).returncode)

    thread = threading.Thread(target=end)

    async def scene(runtime: FakeRuntime) -> None:
        thread.start()

    runtime = Startable(scene)
    assert run(paths, runtime) == 0
    assert runtime.stopped == 1
    thread.join()
    end()
    assert codes == [0, 0]


def test_there_is_nothing_to_quit_in_a_home_that_was_never_used(tmp_path: Path) -> None:
    assert app.end_running(Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "new")})) == 0
    assert not (tmp_path / "new").exists()


async def test_every_window_opens_for_the_self_test(fake: FakeRuntime) -> None:
    runtime: Any = fake
    app.open_every_window(runtime)
    await fake.settle()
    assert visible("main-window") is None
    assert any(call[0] == "usage" for call in fake.calls)


async def test_the_self_test_sees_that_icons_cannot_be_drawn(
    fake: FakeRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.icons, "app_icon", QIcon)
    runtime: Any = fake
    with pytest.raises(ImportError, match="Qt cannot draw SVG"):
        app.open_every_window(runtime)
