"""Saving: old or new at every moment, private, nothing left behind, patient with Windows."""

import itertools
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.store.atomic_file import Replacement, UnsavedError, sweep, write_atomically


def test_the_new_content_is_there_private_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_open_file_is_replaced_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old"


def test_a_discarded_replacement_leaves_no_trace(tmp_path: Path) -> None:
    Replacement(tmp_path / "file", b"x").discard()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_content_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_leaves_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def sharing_violation() -> PermissionError:
    error = PermissionError(13, "Access is denied")
    error.winerror = 32  # type: ignore[attr-defined]  # only Windows sets it
    return error


def test_a_sharing_violation_is_retried(tmp_path: Path) -> None:
    path, attempts = tmp_path / "file", itertools.count(1)

    def replace(source: Path, target: Path) -> None:
        if next(attempts) < 4:
            raise sharing_violation()
        source.replace(target)

    Replacement(path, b"new").commit(replace)
    assert path.read_bytes() == b"new"
    assert next(attempts) == 5


def test_a_lasting_sharing_violation_keeps_the_new_content_beside_the_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def replace(source: Path, target: Path) -> None:
        raise sharing_violation()

    with pytest.raises(UnsavedError, match=r"file\.unsaved") as caught:
        Replacement(path, b"new").commit(replace, retry_s=0.1)
    assert path.read_bytes() == b"old"
    assert caught.value.kept.read_bytes() == b"new"


def test_an_ordinary_permission_error_is_not_retried(tmp_path: Path) -> None:
    def replace(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(PermissionError):
        Replacement(tmp_path / "file", b"new").commit(replace, retry_s=1000)
    assert list(tmp_path.iterdir()) == []


def test_sweep_takes_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".file.{dead.pid}.abc.tmp"
    alive = tmp_path / f".file.{os.getpid()}.abc.tmp"
    others = [tmp_path / ".file.tmp", tmp_path / f".other.{dead.pid}.abc.tmp", tmp_path / "file.bak"]
    for each in (left, alive, *others):
        each.touch()
    sweep(tmp_path / "file")
    assert sorted(tmp_path.iterdir()) == sorted([alive, *others])
    sweep(tmp_path / "file", clock=lambda: alive.stat().st_mtime + 61)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_sweep_of_a_missing_folder_is_nothing(tmp_path: Path) -> None:
    sweep(tmp_path / "missing" / "file")


_SAVER = """
import itertools, sys
from pathlib import Path
from app.store.atomic_file import write_atomically
for number in itertools.count():
    write_atomically(Path(sys.argv[1]), b"%d " % number * 50_000 + b"end")
    print(number, flush=True)
"""


def test_a_killed_process_leaves_the_old_content_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for kill in range(10):
        with subprocess.Popen([sys.executable, "-c", _SAVER, str(path)], stdout=subprocess.PIPE) as saver:
            assert saver.stdout is not None
            for _ in range(kill % 3 + 1):
                saver.stdout.readline()
            saver.send_signal(signal.SIGKILL)
        first, *_, last = path.read_bytes().split(b" ")
        assert last == b"end"
        assert path.read_bytes() == first + (b" " + first) * 49_999 + b" end"
    sweep(path)
    assert list(tmp_path.iterdir()) == [path]
