"""The verbs of `packaging/dev.py`: what they set up, what they start, and when nothing is to be done."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
needs_program = pytest.mark.skipif(os.name == "nt", reason="the launcher of Windows is another file")


@pytest.fixture
def bench(workbench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The workbench with an environment folder of its own, whose interpreter is the one that runs the tests."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(workbench, "VENV", tmp_path)
    monkeypatch.setattr(workbench, "BIN", tmp_path / "bin")
    monkeypatch.setattr(workbench, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(workbench, "STAMP", tmp_path / "stamp.json")
    return workbench


@pytest.fixture
def started(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What was started instead of the program."""
    seen: list[list[str]] = []
    monkeypatch.setattr(bench, "launch", lambda arguments: seen.append(list(arguments)))
    monkeypatch.setattr(bench, "set_up", lambda *, headless: seen.append([f"headless={headless}"]))
    monkeypatch.setattr(bench, "provide_qt_libraries", lambda: None)
    return seen


def stamp(bench: ModuleType, kind: str) -> None:
    lock = bench.FULL_LOCK if kind == "full" else bench.HEADLESS_LOCK
    bench.STAMP.write_text(json.dumps({"kind": kind, "lock": bench.digest(lock), "python": sys.version}))


def test_a_full_environment_serves_both_and_a_headless_one_only_itself(bench: ModuleType) -> None:
    assert not bench.is_set_up(headless=True)
    stamp(bench, "headless")
    assert bench.is_set_up(headless=True)
    assert not bench.is_set_up(headless=False)
    stamp(bench, "full")
    assert bench.is_set_up(headless=True)
    assert bench.is_set_up(headless=False)


@pytest.mark.parametrize("content", ["", "{", '{"kind": "full"}', '{"kind": "full", "lock": "other", "python": "3"}'])
def test_another_lock_file_or_python_means_setting_up_again(bench: ModuleType, content: str) -> None:
    bench.STAMP.write_text(content)
    assert not bench.is_set_up(headless=True)


def test_a_failing_pip_is_one_line_and_leaves_no_stamp(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench.subprocess, "call", lambda *_, **__: 1)
    assert bench.main(["setup"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not bench.STAMP.exists()


@needs_program
def test_the_launcher_runs_the_source_folder_from_anywhere(bench: ModuleType, tmp_path: Path) -> None:
    bench.write_launcher()
    done = subprocess.run(
        [tmp_path / "bin" / "switchtower", "--version"], cwd="/", capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("switchtower "), done.stderr


def test_the_launcher_of_windows_finds_the_source_folder_from_itself(workbench: ModuleType) -> None:
    """A path in it would be written in one encoding and read in another; without setlocal the variable would stay."""
    lines = workbench.WINDOWS_LAUNCHER.splitlines()
    assert lines == ["@setlocal", '@set "PYTHONPATH=%~dp0..\\.."', '@"%~dp0python.exe" -P -m app %*']
    assert workbench.WINDOWS_LAUNCHER.isascii()


@pytest.mark.parametrize(
    ("configured", "screen", "expected"),
    [
        (False, True, ["demo"]),
        (False, False, ["demo"]),
        (True, True, []),
        (True, False, ["serve"]),
    ],
)
def test_run_chooses_by_providers_and_screen(
    bench: ModuleType,
    started: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    configured: bool,
    screen: bool,
    expected: list[str],
) -> None:
    monkeypatch.setenv("SWITCHTOWER_HOME", str(tmp_path))
    monkeypatch.setattr(bench, "has_screen", lambda: screen)
    if configured:
        (tmp_path / "config.toml").write_text('[[providers]]\nid = "x"\nkind = "openai"\n')
    bench.main(["run"])
    assert started == [[f"headless={not screen}"], expected]


def test_settings_that_cannot_be_read_are_left_to_the_program(
    bench: ModuleType, started: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWITCHTOWER_HOME", str(tmp_path))
    monkeypatch.setattr(bench, "has_screen", lambda: True)
    (tmp_path / "config.toml").write_text("[[providers")
    bench.main(["run"])
    assert started[-1] == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["run", "status", "--json"], ["status", "--json"]),
        (["run", "--", "status"], ["status"]),
        (["serve", "--port", "0"], ["serve", "--port", "0"]),
        (["run", "--headless", "demo"], ["demo"]),
    ],
)
def test_arguments_are_passed_on(
    bench: ModuleType, started: list[list[str]], line: list[str], expected: list[str]
) -> None:
    bench.main(line)
    assert started[-1] == expected


def test_a_screen_is_looked_for_on_linux_only(workbench: ModuleType) -> None:
    assert not workbench.has_screen({}, "linux")
    assert workbench.has_screen({"DISPLAY": ":0"}, "linux")
    assert workbench.has_screen({"WAYLAND_DISPLAY": "wayland-0"}, "linux")
    assert workbench.has_screen({}, "win32")
    assert workbench.has_screen({}, "darwin")


def test_a_wrong_verb_is_a_wrong_command_line(workbench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        workbench.main(["dance"])
    assert end.value.code == 2
    assert "dance" in capsys.readouterr().err
