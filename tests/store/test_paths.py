"""Folders and files: below SWITCHTOWER_HOME or where the system wants them, closed to others, clear when impossible."""

import os
import stat
from pathlib import Path

import pytest

from app.store.paths import Paths, PathsError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_home_holds_everything_under_the_names_of_the_contract(tmp_path: Path) -> None:
    paths = Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "home")})
    home = tmp_path / "home"
    assert paths.settings_file == home / "config.toml"
    assert paths.database_file == home / "usage.sqlite3"
    assert paths.log_file == home / "logs" / "switchtower.log"
    assert paths.cache_dir == home / "cache"
    assert paths.instance_file.parent == home
    assert not home.exists()


def test_a_relative_home_does_not_move_with_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = Paths.from_environ({"SWITCHTOWER_HOME": "here"})
    monkeypatch.chdir("/")
    assert paths.config_dir == tmp_path / "here"


@pytest.mark.parametrize("home", ["", "  "])
def test_without_a_home_the_system_chooses(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    paths = Paths.from_environ({"SWITCHTOWER_HOME": home})
    assert paths.settings_file == tmp_path / "config" / "switchtower" / "config.toml"
    assert paths.database_file == tmp_path / "data" / "switchtower" / "usage.sqlite3"
    assert paths.log_file == tmp_path / "state" / "switchtower" / "logs" / "switchtower.log"
    assert paths.cache_dir == tmp_path / "cache" / "switchtower"


def test_prepare_makes_private_folders_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        paths = Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "a" / "home")})
        paths.prepare()
        paths.prepare()
    finally:
        os.umask(before)
    assert [mode(p) for p in (paths.config_dir, paths.cache_dir, paths.log_file.parent)] == [0o700] * 3


def test_prepare_closes_a_folder_of_ours_but_not_one_that_all_share(tmp_path: Path) -> None:
    open_folder, shared = tmp_path / "open", tmp_path / "shared"
    open_folder.mkdir()
    open_folder.chmod(0o755)
    shared.mkdir()
    shared.chmod(0o1777)
    Paths.from_environ({"SWITCHTOWER_HOME": str(open_folder)}).prepare()
    Paths.from_environ({"SWITCHTOWER_HOME": str(shared)}).prepare()
    assert mode(open_folder) == 0o700
    assert mode(shared) == 0o1777
    assert mode(shared / "cache") == 0o700


def test_a_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PathsError, match=r"^Cannot use the folder .*file.*Set SWITCHTOWER_HOME"):
        Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "file" / "home")}).prepare()


def test_a_read_only_home_is_one_clear_line(as_nobody: Path) -> None:
    closed = as_nobody / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(PathsError, match=r"Cannot use the folder .*home: .*Set SWITCHTOWER_HOME"):
        Paths.from_environ({"SWITCHTOWER_HOME": str(closed / "home")}).prepare()


def test_a_read_only_folder_that_is_there_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # what a read-only file system says, root or not
    with pytest.raises(PathsError, match=r"home: it is read-only. Set SWITCHTOWER_HOME"):
        Paths.from_environ({"SWITCHTOWER_HOME": str(tmp_path / "home")}).prepare()
