import os
from pathlib import Path

from app.store.key_stamp import KeyStamp


def test_another_process_is_seen_once_and_our_own_change_is_not(tmp_path: Path) -> None:
    here, there = KeyStamp(tmp_path / "keys.changed"), KeyStamp(tmp_path / "keys.changed")
    assert not here.changed()
    there.touch()
    assert here.changed()
    assert not here.changed()
    os.utime(tmp_path / "keys.changed", ns=(1, 1))
    here.touch()
    assert not here.changed()


def test_the_file_is_empty_and_private(tmp_path: Path) -> None:
    KeyStamp(tmp_path / "keys.changed").touch()
    status = (tmp_path / "keys.changed").stat()
    assert (status.st_size, status.st_mode & 0o777) == (0, 0o600)
