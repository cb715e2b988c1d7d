"""Which locked packages are asked for on which system; the index is asked by hand and by the release workflow."""

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
LOCK = """\
httpx==1.0 \\
    --hash=sha256:aa
uvloop==2.0 ; sys_platform != 'win32' \\
    --hash=sha256:bb \\
    --hash=sha256:cc
winloop==3.0 ; sys_platform == 'win32' and python_version >= '3.11' \\
    --hash=sha256:dd
google-auth[requests]==4.0 ; platform_machine == 'arm64' \\
    --hash=sha256:ee
"""


@pytest.fixture
def wheels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`packaging/lock_wheels.py`."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import lock_wheels

    return lock_wheels


def names(text: str) -> list[str]:
    return re.findall(r"^([\w-]+)", text, re.MULTILINE)


def test_conditions_are_asked_of_the_system_in_question(wheels: ModuleType) -> None:
    assert names(wheels.wanted(LOCK, "win_amd64")) == ["httpx", "winloop"]
    assert names(wheels.wanted(LOCK, "macosx_13_0_arm64")) == ["httpx", "uvloop", "google-auth"]
    assert names(wheels.wanted(LOCK, "macosx_13_0_x86_64")) == ["httpx", "uvloop"]


def test_entries_keep_their_hashes_and_lose_their_conditions(wheels: ModuleType) -> None:
    text = wheels.wanted(LOCK, "macosx_13_0_x86_64")
    assert "uvloop==2.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n" in text
    assert ";" not in text


def test_the_real_lock_files_are_read(wheels: ModuleType) -> None:
    lock = (ROOT / "packaging" / "requirements-headless.lock").read_text()
    on_windows, on_macos = (set(names(wheels.wanted(lock, s))) for s in ("win_amd64", "macosx_13_0_arm64"))
    assert "winloop" in on_windows - on_macos
    assert "uvloop" in on_macos - on_windows
    assert "pywin32-ctypes" in on_windows - on_macos


@pytest.mark.parametrize(
    ("code", "said", "problems"),
    [
        (0, "", []),
        (
            1,
            "WARNING: x\nERROR: No matching distribution found for a\n",
            ["ERROR: No matching distribution found for a"],
        ),
        (2, "", ["pip ended with 2"]),
    ],
)
def test_what_pip_misses_is_told(
    wheels: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    code: int,
    said: str,
    problems: list[str],
) -> None:
    (tmp_path / "x.lock").write_text(LOCK)
    done = SimpleNamespace(returncode=code, stderr=said)
    monkeypatch.setattr(wheels.subprocess, "run", lambda *_, **__: done)
    assert wheels.problems(tmp_path / "x.lock", "win_amd64") == problems
    assert wheels.main([str(tmp_path / "x.lock")]) == bool(problems)
    assert len(capsys.readouterr().out.splitlines()) == len(wheels.SYSTEMS)
