"""`app/__main__.py`: which face is chosen, and what the last guard says."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app import __main__ as program
from app import __version__
from app.engine import tokenizer, vocabulary

ROOT = Path(__file__).parents[1]


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--version"]) == 0
    assert capsys.readouterr().out == f"switchtower {__version__}\n"


def test_a_wrong_command_line_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["dance"]) == 2
    assert "dance" in capsys.readouterr().err


def test_a_frozen_program_counts_tokens_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(vocabulary, "main", lambda folders: asked.append(folders) or 7)
    assert program.main([tokenizer.ARGUMENT, "folder"]) == 7
    assert asked == [["folder"]]


def test_running_the_module_ends_with_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["switchtower", "--version"])
    monkeypatch.delitem(sys.modules, "app.__main__")
    with pytest.raises(SystemExit) as end:
        runpy.run_module("app", run_name="__main__")
    assert end.value.code == 0


def test_an_unexpected_error_is_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("sk-a-key-that-must-not-show")

    monkeypatch.setattr(program, "_choose", fail)
    monkeypatch.setenv("SWITCHTOWER_HOME", str(tmp_path))
    assert program.main([]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    file = tmp_path / "logs" / "switchtower.log"
    assert said.err == f"switchtower: unexpected RuntimeError; {file} has the details.\n"
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_the_log_has_the_details_though_no_log_was_set_up(tmp_path: Path) -> None:
    script = (
        "import sys; from app import __main__ as program\n"
        "def fail(*_): raise RuntimeError('what went wrong')\n"
        "program._choose = fail\n"
        "sys.exit(program.main([]))"
    )
    env = {**os.environ, "SWITCHTOWER_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    log = (tmp_path / "logs" / "switchtower.log").read_text("utf-8")
    assert "Traceback" in log
    assert "what went wrong" in log


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "_choose", interrupt)
    assert program.main([]) == 130


def test_without_a_screen_the_tray_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert program.main([]) == 1
    assert "switchtower serve" in capsys.readouterr().err


def test_without_qt_the_tray_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "has_qt", lambda: False)
    assert program.main([]) == 1
    assert "python3 packaging/dev.py setup" in capsys.readouterr().err  # here is a folder of its source
    monkeypatch.setattr(program, "__file__", "/usr/lib/python3/app/__main__.py")
    assert program.main([]) == 1
    said = capsys.readouterr().err
    assert "switchtower[desktop]" in said
    assert "switchtower serve" in said


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"QT_QPA_PLATFORM": "offscreen"}, True),
        ("win32", {}, True),
        ("darwin", {}, True),
    ],
)
def test_a_screen(monkeypatch: pytest.MonkeyPatch, platform: str, environ: dict[str, str], expected: bool) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert program.has_screen(environ) is expected


@pytest.mark.parametrize("missing", ["PySide6", "qasync"])
def test_qt_is_both_of_its_packages(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def find(name: str) -> ModuleType | None:
        return None if name == missing else ModuleType(name)

    assert program.has_qt()
    monkeypatch.setattr(program.importlib.util, "find_spec", find)
    assert not program.has_qt()


def test_a_frozen_program_counts_tokens_for_another_one() -> None:
    pytest.importorskip("tiktoken", reason="the extra `tokens` is not installed")
    command = [sys.executable, "-m", "app", program.COUNT_TOKENS, str(ROOT / "resources" / "tokenizers")]
    question = '{"model": "gpt-4o", "texts": ["Hello world"]}\n'
    done = subprocess.run(command, input=question, capture_output=True, text=True, cwd=ROOT, timeout=30, check=True)
    assert done.stdout == '{"tokens": 2}\n'
