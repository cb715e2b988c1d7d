"""One instance per home: a later start shows the first, also after the first was killed."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.single import SingleInstance

ROOT = Path(__file__).parents[2]
SECOND = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from app.ui.single import SingleInstance
app = QCoreApplication([])
single = SingleInstance(Path(sys.argv[1]))
if sys.argv[2:3] == ["end"]:
    sys.exit(0 if single.end_first(int(sys.argv[3])) else 5)
if len(sys.argv) > 2:
    import os
    print(single.acquire(), flush=True)
    os._exit(9)
sys.exit(3 if single.acquire() else 0 if single.show_first() else 4)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="st-") as folder:
        yield Path(folder)


def start(home: Path, *more: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", SECOND, str(home), *more], cwd=ROOT, stdout=subprocess.PIPE)


def test_a_second_start_asks_the_first_to_show_itself(qtbot: QtBot, home: Path) -> None:
    first = SingleInstance(home)
    assert first.acquire()
    with qtbot.waitSignal(first.asked, timeout=15_000), start(home) as second:
        qtbot.waitUntil(lambda: second.poll() is not None, timeout=15_000)
    assert second.returncode == 0
    first.release()


def test_only_the_user_may_speak_to_it(qapp: QApplication, home: Path) -> None:
    first = SingleInstance(home)
    assert first.acquire()
    assert stat.S_IMODE((home / "tray.socket").stat().st_mode) == 0o700
    first.release()


def test_two_homes_have_two_instances(qapp: QApplication, home: Path, tmp_path: Path) -> None:
    one, other = SingleInstance(home), SingleInstance(tmp_path)
    assert one.acquire()
    assert other.acquire()
    assert not SingleInstance(home).acquire()
    one.release()
    other.release()
    assert SingleInstance(home).acquire()


def test_a_home_with_a_very_long_path_works(qtbot: QtBot, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    first = SingleInstance(long)
    assert first.acquire()
    with qtbot.waitSignal(first.asked, timeout=15_000), start(long) as second:
        qtbot.waitUntil(lambda: second.poll() is not None, timeout=15_000)
    assert second.returncode == 0
    first.release()


def test_the_lock_of_a_killed_instance_is_taken_over(qapp: QApplication, home: Path) -> None:
    with start(home, "die") as killed:
        out, _ = killed.communicate(timeout=15)
    assert (out.strip(), killed.returncode) == (b"True", 9)
    assert os.path.lexists(home / "tray.socket")
    first = SingleInstance(home)
    assert first.acquire()
    first.release()


def test_strangers_are_not_answered(qtbot: QtBot, home: Path) -> None:
    from PySide6.QtNetwork import QLocalSocket

    first = SingleInstance(home)
    first.acquire()
    asked: list[int] = []
    first.asked.connect(lambda: asked.append(1))
    caller = QLocalSocket()
    caller.connectToServer(str(home / "tray.socket"))
    assert caller.waitForConnected(5000)
    with qtbot.waitSignal(caller.disconnected, timeout=5000):
        caller.write(b"GET / HTTP/1.1\r\n\r\n")
        caller.flush()
    assert asked == []
    assert caller.readAll().data() == b""
    first.release()


def test_a_later_start_has_the_first_quit_and_waits_for_its_end(qtbot: QtBot, home: Path) -> None:
    first = SingleInstance(home)
    assert first.acquire()
    with start(home, "end", "15000") as later:
        with qtbot.waitSignal(first.told_to_quit, timeout=15_000):
            pass
        assert later.poll() is None
        first.release()
        assert later.wait(15) == 0


def test_one_that_does_not_end_is_told_of(qtbot: QtBot, home: Path) -> None:
    first = SingleInstance(home)
    assert first.acquire()
    with start(home, "end", "100") as later:
        qtbot.waitUntil(lambda: later.poll() is not None, timeout=15_000)
    assert later.returncode == 5
    first.release()


def test_where_none_runs_there_is_nothing_to_end(qapp: QApplication, home: Path) -> None:
    assert SingleInstance(home).end_first()
    assert SingleInstance(home).acquire()
