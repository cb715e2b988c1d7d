"""The settings file on a real disk: good, bad, missing, closed, linked, changed meanwhile, killed while saving."""

import itertools
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.store import atomic_file
from app.store.settings import Settings
from app.store.settings_errors import SettingsError
from app.store.settings_file import SettingsFile

KINDS = ("openai", "groq")
GOOD = '# mine\n[server]\nport = 9000 # my port\n\n[[providers]]\nid = "a" # first\nkind = "openai"\n'
BAD = "[server]\nprt = 1\n"
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.fixture
def file(path: Path) -> SettingsFile:
    return SettingsFile(path, KINDS, clock=lambda: NOON)


def problem_of(file: SettingsFile) -> str:
    with pytest.raises(SettingsError) as caught:
        file.load()
    return str(caught.value)


# -- reading


def test_no_file_is_an_empty_one_and_makes_none(file: SettingsFile, tmp_path: Path) -> None:
    assert file.load() == Settings()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_valid(file: SettingsFile, path: Path) -> None:
    path.touch()
    assert file.load_or_last_good() == (Settings(), "")


def test_a_good_file_is_read_and_copied(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    assert file.load().server.port == 9000
    assert file.backup.read_text() == GOOD
    assert file.backup.name == "config.toml.bak"
    assert stat.S_IMODE(file.backup.stat().st_mode) == 0o600


def test_a_byte_order_mark_does_no_harm(file: SettingsFile, path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert file.load().server.port == 9000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (BAD.encode(), 'config.toml:2: server.prt: unknown key; did you mean "port"?'),
        (b"[server]\nport = 9", None),
        (b"[server]\nport = ", 'config.toml:2: not valid TOML: text needs "quotes"; true and false are lower case'),
        (b"a = '\xff'", "config.toml:1: not UTF-8; save it as UTF-8"),
        (b"# large\n" * 1_400_000, "config.toml: larger than 1 MiB; settings are a few KiB"),
        (b"\0" * 100, "config.toml:1: not valid TOML: invalid statement"),
        (b"schema = 2", "config.toml:1: schema: written by a newer Switchtower (this one knows 1); update it"),
    ],
    ids=["unknown key", "truncated but valid", "truncated", "not UTF-8", "10 MB", "zeros", "newer"],
)
def test_a_bad_file_is_told_and_the_last_good_settings_stay(
    file: SettingsFile, path: Path, content: bytes, problem: str | None
) -> None:
    path.write_text(GOOD)
    file.load()
    path.write_bytes(content)
    restarted = SettingsFile(path, KINDS)
    for each in (file, restarted):
        settings, told = each.load_or_last_good()
        assert told == (problem or "")
        assert settings.server.port == (9000 if problem else 9)
    assert path.read_bytes() == content


def test_a_bad_file_with_nothing_good_is_an_error(file: SettingsFile, path: Path) -> None:
    path.write_text(BAD)
    with pytest.raises(SettingsError, match=r"^config\.toml:2: server\.prt"):
        file.load_or_last_good()


def test_a_bad_copy_is_nothing_good(file: SettingsFile, path: Path) -> None:
    path.write_text(BAD)
    path.with_name("config.toml.bak").write_text(BAD)
    with pytest.raises(SettingsError, match=r"^config\.toml:2: server\.prt"):
        file.load_or_last_good()


def test_what_is_no_file_is_told(file: SettingsFile, path: Path) -> None:
    path.mkdir()
    assert problem_of(file) == "config.toml: is not a file; move it away"
    path.rmdir()
    os.mkfifo(path)
    assert problem_of(file) == "config.toml: is not a file; move it away"


def test_links_are_followed_and_stay_links(file: SettingsFile, path: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles" / "switchtower.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(GOOD)
    path.symlink_to(elsewhere)
    assert file.load().server.port == 9000
    file.change("server", port=9001)
    assert path.is_symlink()
    assert "port = 9001 # my port" in elsewhere.read_text()


def test_links_that_lead_nowhere_are_told(file: SettingsFile, path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "missing")
    assert problem_of(file) == "config.toml: is a symbolic link to a file that is not there"
    path.unlink()
    path.symlink_to(path)
    assert problem_of(file).startswith("config.toml: ")


def test_a_file_that_others_can_write_is_refused(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    path.chmod(0o666)
    assert problem_of(file) == "config.toml: can be written by every user; run: chmod 600 on it"
    path.chmod(0o664)
    assert file.load().server.port == 9000


def test_a_file_of_another_user_is_refused(file: SettingsFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(GOOD)
    if os.geteuid() == 0:
        os.chown(path, 4321, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4321)
    assert problem_of(file) == "config.toml: belongs to another user; make it yours with chown"


def test_an_unreadable_file_is_told(as_nobody: Path) -> None:
    path = as_nobody / "config.toml"
    path.write_text(GOOD)
    path.chmod(0)
    expected = "config.toml: cannot be read: Permission denied; make it readable for your user"
    assert problem_of(SettingsFile(path, KINDS)) == expected


def test_a_read_only_folder_can_be_read_but_not_saved_into(as_nobody: Path) -> None:
    path = as_nobody / "config.toml"
    path.write_text(GOOD)
    as_nobody.chmod(0o500)
    file = SettingsFile(path, KINDS)
    try:
        assert file.load().server.port == 9000
        with pytest.raises(SettingsError, match=r"^config\.toml: not saved: Permission denied; make sure"):
            file.change("server", port=1)
        path.write_text(BAD)
        assert file.load_or_last_good()[0].server.port == 9000
    finally:
        as_nobody.chmod(0o700)


# -- watching


def test_changed_sees_edits_removal_and_return(file: SettingsFile, path: Path) -> None:
    file.load()
    assert not file.changed()
    path.write_text(GOOD)
    assert file.changed()
    assert file.changed(), "until it is loaded"
    file.load()
    assert not file.changed()
    file.change("server", port=1)
    assert not file.changed()
    path.write_text(BAD)
    problem_of(file)
    assert not file.changed(), "a bad file is told once"
    path.unlink()
    assert file.changed()


@pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")
def test_changed_sees_rights_that_were_mended(file: SettingsFile, path: Path) -> None:
    path.write_text("[server]\nport = 9000\n")
    path.chmod(0o666)
    with pytest.raises(SettingsError, match="chmod 600"):
        file.load()
    assert not file.changed()
    path.chmod(0o600)
    assert file.changed()
    assert file.load().server.port == 9000


def test_changed_sees_a_file_replaced_by_one_of_the_same_size_and_time(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    file.load()
    before = path.stat()
    other = path.with_name("other")
    other.write_text(GOOD.replace("9000", "9001"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    assert file.changed()


# -- editing


def test_edits_keep_comments_and_order(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    file.add_provider({"id": "b", "kind": "groq", "limits": {"concurrent": 3}})
    file.change_provider("b", enabled=False, limits={"requests_per_minute": 5})
    file.change_provider("a", priority=2)
    settings = file.change("routing", forced_provider="b")
    assert path.read_text().startswith(GOOD)
    assert settings == file.load() == SettingsFile(path, KINDS).load()
    assert settings.routing.forced_provider == "b"
    assert [provider.priority for provider in settings.providers] == [2, 1]
    assert settings.providers[1].limits.model_dump() == {
        "requests_per_minute": 5,
        "tokens_per_minute": 0,
        "concurrent": 3,
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert file.backup.read_text() == path.read_text()


def test_the_first_edit_makes_the_file(file: SettingsFile, path: Path) -> None:
    settings = file.add_provider({"id": "a", "kind": "openai"})
    assert settings.provider("a")
    assert path.read_text() == '[[providers]]\nid = "a"\nkind = "openai"\n'


def test_a_removed_provider_is_no_longer_forced_and_the_last_one_can_go(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    file.change("routing", forced_provider="a")
    settings = file.remove_provider("a")
    assert settings.providers == ()
    assert settings.routing.forced_provider == ""
    assert "# mine" in path.read_text()


def test_none_takes_a_key_back_to_its_default(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    assert file.change("server", port=None, lan=None).server.port == 8484
    assert "9000" not in path.read_text()


def test_edits_that_are_refused_change_nothing(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    with pytest.raises(SettingsError, match=r"^config\.toml: server\.port: must be at most 65535$"):
        file.change("server", port=70000)
    with pytest.raises(SettingsError, match=r"^config\.toml: there is no section \[servers\]$"):
        file.change("servers", port=1)
    with pytest.raises(SettingsError, match=r'providers\[1\]\.kind: unknown kind; nearest: "groq", "openai"$'):
        file.add_provider({"id": "b", "kind": "grok"})
    with pytest.raises(SettingsError, match=r"providers\[1\]\.id: is used twice"):
        file.add_provider({"id": "a", "kind": "groq"})
    with pytest.raises(SettingsError, match=r"^config\.toml: there is no provider with this id; see: switchtower"):
        file.change_provider("x", enabled=True)
    with pytest.raises(SettingsError, match="there is no provider with this id"):
        file.remove_provider("x")
    with pytest.raises(SettingsError, match="would become larger than 1 MiB"):
        file.change_provider("a", models=["x" * 999] * 1100)
    assert path.read_text() == GOOD


def test_a_change_by_hand_is_kept_by_the_next_edit(file: SettingsFile, path: Path) -> None:
    path.write_text(GOOD)
    file.load()
    path.write_text(GOOD.replace("9000", "9999") + "models = ['m'] # by hand\n")
    settings = file.change("routing", max_attempts=7)
    assert settings.server.port == 9999
    assert "# by hand" in path.read_text()


def test_a_change_by_hand_during_the_edit_is_kept_too(
    file: SettingsFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(GOOD)
    file.load()
    hand = iter([GOOD.replace("9000", "9001"), GOOD.replace("9000", "9002")])
    fsync = os.fsync

    def sync_while_the_user_saves(descriptor: int) -> None:
        fsync(descriptor)
        if (content := next(hand, None)) is not None:
            path.write_text(content)

    monkeypatch.setattr(os, "fsync", sync_while_the_user_saves)
    settings = file.change("routing", max_attempts=7)
    assert (settings.server.port, settings.routing.max_attempts) == (9002, 7)
    assert not list(path.parent.glob("*.tmp"))


def test_a_file_that_never_rests_is_told(file: SettingsFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(GOOD)
    numbers = itertools.count(1)
    monkeypatch.setattr(os, "fsync", lambda _: path.write_text(GOOD + "#" * next(numbers)))
    with pytest.raises(SettingsError, match="another program keeps changing it; try again"):
        file.change("routing", max_attempts=7)


def test_an_edit_of_a_broken_file_begins_with_the_last_good_one_and_keeps_the_broken(
    file: SettingsFile, path: Path
) -> None:
    path.write_text(GOOD)
    file.load()
    path.write_text(BAD)
    settings = file.change("routing", max_attempts=7)
    assert (settings.server.port, settings.routing.max_attempts) == (9000, 7)
    assert path.with_name("config.toml.broken-20260102T120000Z").read_text() == BAD
    assert path.read_text().startswith(GOOD)


def test_an_edit_of_a_broken_file_without_a_good_one_is_refused(file: SettingsFile, path: Path) -> None:
    path.write_text(BAD)
    with pytest.raises(SettingsError, match=r"config\.toml:2: server\.prt"):
        file.change("routing", max_attempts=7)
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_replace_checks_first_and_keeps_what_was_broken(file: SettingsFile, path: Path) -> None:
    path.write_text(BAD)
    with pytest.raises(SettingsError, match=r"config\.toml:2"):
        file.replace(BAD)
    assert file.replace(GOOD).server.port == 9000
    assert path.read_text() == GOOD
    assert path.with_name("config.toml.broken-20260102T120000Z").read_text() == BAD


def test_stale_temporary_files_are_swept_at_load(file: SettingsFile, path: Path) -> None:
    old = path.with_name(f".config.toml.{os.getpid()}.abc.tmp")
    old.touch()
    os.utime(old, (1, 1))
    file.load()
    assert not old.exists()


def test_a_sharing_violation_that_stays_names_the_file_with_the_new_content(
    file: SettingsFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(GOOD)

    def unsaved(self: atomic_file.Replacement) -> None:
        self.discard()
        raise atomic_file.UnsavedError(path.with_name("config.toml.unsaved"))

    monkeypatch.setattr(atomic_file.Replacement, "commit", unsaved)
    with pytest.raises(SettingsError, match=r"not saved: another program.*config\.toml\.unsaved; close it there"):
        file.change("server", port=1)
    assert path.read_text() == GOOD


_SAVER = """
import itertools, os, sys
from pathlib import Path
from app.store.settings_file import SettingsFile
for start in sys.stdin:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print("dead", flush=True)
        continue
    file = SettingsFile(Path(sys.argv[1]), ("openai",))
    file.load()
    for number in itertools.count(int(start)):
        file.change_provider("a", models=[f"model-{number}-{each}" for each in range(300)])
        print(os.getpid(), flush=True)
"""


def kill_while_saving(saver: "subprocess.Popen[str]", start: int, saves: int) -> None:
    assert saver.stdin is not None
    assert saver.stdout is not None
    saver.stdin.write(f"{start}\n")
    saver.stdin.flush()
    pids = [saver.stdout.readline() for _ in range(saves)]
    os.kill(int(pids[0]), signal.SIGKILL)
    while saver.stdout.readline() != "dead\n":
        pass


def test_a_process_killed_while_saving_leaves_old_or_new_never_a_broken_file(path: Path) -> None:
    path.write_text(GOOD)
    command = [sys.executable, "-c", _SAVER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as saver:
        for kill in range(40):
            kill_while_saving(saver, start=kill * 1000, saves=1 + kill % 3)
            models = SettingsFile(path, KINDS).load().providers[0].models
            assert len(models) == 300
            assert len({model.split("-")[1] for model in models}) == 1
    assert "# mine" in path.read_text()
    assert not list(path.parent.glob(".*.tmp"))
    SettingsFile(path.with_name("config.toml.bak"), KINDS).load()
