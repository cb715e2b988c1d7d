"""What `packaging/check_deb.py` says when it cannot begin; the check itself needs root and a Debian mirror."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="a Debian is made on Linux")


@pytest.fixture
def check(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = script("check_deb")
    monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(module.os, "geteuid", lambda: 0)
    return module


def test_only_root_can(check: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(check.os, "geteuid", lambda: 1000)
    assert check.main([]) == 1
    assert "Type: sudo python3 packaging/check_deb.py" in capsys.readouterr().err


def test_a_missing_tool_is_one_line_to_type(
    check: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check.shutil, "which", lambda name: None if name == "debootstrap" else f"/usr/bin/{name}")
    monkeypatch.setattr(check.system_packages.os, "geteuid", lambda: 1000)
    assert check.main([]) == 1
    assert "The check needs debootstrap. " in capsys.readouterr().err


def test_without_a_package_it_says_how_to_make_one(
    check: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert check.main([]) == 1
    assert "Type: python3 build_linux.py" in capsys.readouterr().err


def test_a_command_inside_sees_only_what_it_is_given(check: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    system = check.System(Path("/tmp/system"))
    environ = system.environ(PORT="1")
    assert environ["http_proxy"] == "http://proxy.example:3128"
    assert environ["PORT"] == "1"
    assert "PYTHONPATH" not in environ
    command = system.command("id", user="somebody")
    assert command[command.index("chroot") + 1] == "/tmp/system"
    assert "--reuid=somebody" in command
    assert command[-1] == "id"


def test_the_script_inside_is_plain_shell() -> None:
    script = ROOT / "packaging" / "linux" / "check_session.sh"
    subprocess.run(["sh", "-n", script], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", script], check=True)
