"""The AppDir starts the program; the AppImage is its runtime and a squashfs of it, or is left out with the reason."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="an AppImage is made on Linux")
RUNTIME = b"\x7fELF" + b"a stand-in for the runtime" * 10


@pytest.fixture
def appimage(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.delenv("APPIMAGE_RUNTIME", raising=False)
    return script("linux_appimage")


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    folder = tmp_path / "switchtower"
    folder.mkdir()
    (folder / "switchtower").write_text('#!/bin/sh\necho "$0 $1"\n')
    (folder / "switchtower").chmod(0o755)
    return folder


def test_without_the_runtime_it_says_what_to_do(
    appimage: ModuleType, frozen: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert appimage.make(frozen, tmp_path) == []
    out = capfd.readouterr().out
    assert "Switchtower.AppDir/opt/switchtower/switchtower --self-test" in out
    assert "Left out: the AppImage, for its runtime is not here." in out
    assert "set APPIMAGE_RUNTIME to where it is" in out


def test_the_appdir_starts_through_a_link_and_from_anywhere(appimage: ModuleType, frozen: Path, tmp_path: Path) -> None:
    appdir = appimage.lay_out(frozen, tmp_path / "Switchtower.AppDir")
    assert {"AppRun", ".DirIcon", "switchtower.desktop", "switchtower.svg"} <= {path.name for path in appdir.iterdir()}
    link = tmp_path / "Switchtower"
    link.symlink_to(appdir / "AppRun")
    told = subprocess.run([link, "status"], cwd="/", capture_output=True, text=True, check=True).stdout
    assert told == f"{appdir}/opt/switchtower/switchtower status\n"


@pytest.mark.skipif(not shutil.which("mksquashfs"), reason="squashfs-tools is not installed")
def test_with_the_runtime_it_is_packed_and_twice_is_the_same(
    appimage: ModuleType, frozen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runtime").write_bytes(RUNTIME)
    monkeypatch.setenv("APPIMAGE_RUNTIME", str(tmp_path / "runtime"))
    (image,) = appimage.make(frozen, tmp_path)
    content = image.read_bytes()
    assert content.startswith(RUNTIME)
    assert image.stat().st_mode & 0o111
    listed = subprocess.run(
        ["unsquashfs", "-o", str(len(RUNTIME)), "-l", image], capture_output=True, text=True, check=True
    ).stdout
    assert "squashfs-root/AppRun" in listed
    assert appimage.make(frozen, tmp_path)[0].read_bytes() == content
