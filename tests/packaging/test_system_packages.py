"""What the system lacks is installed where that is allowed, and is one line to type everywhere else."""

import shutil
import sys
from types import ModuleType

import pytest


class MissingError(Exception):
    """What the caller wants raised."""


@pytest.fixture
def commands(system_packages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would have been run; all succeed."""
    seen: list[str] = []

    def call(command: list[str], **_: object) -> int:
        seen.append(" ".join(command))
        return 0

    monkeypatch.setattr(system_packages.subprocess, "call", call)
    return seen


def have(system_packages: ModuleType, monkeypatch: pytest.MonkeyPatch, manager: str, user: int) -> None:
    monkeypatch.setattr(system_packages.shutil, "which", lambda name: name if name == manager else None)
    monkeypatch.setattr(system_packages.os, "geteuid", lambda: user)


def test_root_on_debian_gets_them_installed(
    system_packages: ModuleType, monkeypatch: pytest.MonkeyPatch, commands: list[str]
) -> None:
    have(system_packages, monkeypatch, "apt-get", 0)
    system_packages.provide(system_packages.QT, "Qt lacks something.", MissingError)
    assert commands[0] == "apt-get update -qq"
    assert commands[1].startswith("apt-get install -y --no-install-recommends -qq libgl1 libegl1")


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "Type: sudo apt-get install -y --no-install-recommends libgl1"),
        ("dnf", "Type: sudo dnf install -y libglvnd-glx"),
        ("pacman", "Type: sudo pacman -S --needed --noconfirm libglvnd"),
        ("", "Install what these Debian packages hold: libgl1"),
    ],
)
def test_everybody_else_gets_one_line(
    system_packages: ModuleType, monkeypatch: pytest.MonkeyPatch, commands: list[str], manager: str, line: str
) -> None:
    have(system_packages, monkeypatch, manager, 1000)
    with pytest.raises(MissingError, match="Qt lacks something") as caught:
        system_packages.provide(system_packages.QT, "Qt lacks something.", MissingError)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert commands == []


def test_what_can_wait_is_only_printed(
    system_packages: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    commands: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    have(system_packages, monkeypatch, "apt-get", 1000)
    system_packages.provide(system_packages.TESTS, "The desktop tests need more programs.", None)
    assert "xvfb" in capsys.readouterr().out
    assert commands == []


def test_qt_loads_here(system_packages: ModuleType) -> None:
    assert system_packages.missing_qt_library(sys.executable) == ""


def test_a_missing_library_is_named(system_packages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux leaves Qt's libraries to the system")
    monkeypatch.setattr(system_packages, "QT_PROBE", "raise SystemExit('libnope.so.1: cannot open')")
    assert "libnope.so.1" in system_packages.missing_qt_library(sys.executable)


def test_the_test_tools_and_their_packages_are_known(system_packages: ModuleType) -> None:
    assert all(isinstance(name, str) for name in system_packages.missing_test_tools())
    assert set(system_packages.missing_test_tools()) <= set(system_packages.TEST_TOOLS)
    assert bool(shutil.which("Xvfb")) != ("Xvfb" in system_packages.missing_test_tools())


def test_a_hosted_build_learns_what_to_install(system_packages: ModuleType) -> None:
    import subprocess

    done = subprocess.run([sys.executable, system_packages.__file__], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {*system_packages.QT["apt-get"], *system_packages.TESTS["apt-get"]}
