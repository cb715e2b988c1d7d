"""What a bundle asks of the system, read from its libraries."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

LIBRARY_FOLDERS = [Path("/usr/lib") / name for name in ("x86_64-linux-gnu", "aarch64-linux-gnu")]
SAID = """
bundle/switchtower:     file format elf64-x86-64

Dynamic Section:
  NEEDED               libdl.so.2
  NEEDED               libz.so.1
  NEEDED               libc.so.6

Version References:
  required from libc.so.6:
    0x069691b5 0x00 05 GLIBC_2.35
    0x09691a75 0x00 04 GLIBC_2.2.5
    0x09691974 0x00 03 GLIBC_2.9

bundle/_internal/libssl.so.3:     file format elf64-x86-64
  NEEDED               libcrypto.so.3
  NEEDED               libEGL.so.1
"""


@pytest.fixture
def libraries(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("linux_libraries")


@pytest.fixture
def frozen(libraries: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A bundle that brings two of the libraries along."""
    (tmp_path / "libcrypto.so.3").touch()
    (tmp_path / "libz.so.1").touch()
    monkeypatch.setattr(libraries, "headers", lambda bundle: SAID)
    return tmp_path


def test_what_the_bundle_brings_is_not_asked_for(libraries: ModuleType, frozen: Path) -> None:
    assert libraries.wanted(frozen, SAID) == ["libEGL.so.1", "libc.so.6", "libdl.so.2"]


def test_the_newest_symbol_says_which_glibc(libraries: ModuleType) -> None:
    assert libraries.oldest_glibc(SAID) == "2.35"


def test_each_format_names_them_its_own_way(libraries: ModuleType, frozen: Path) -> None:
    assert libraries.dependencies(frozen) == {
        "deb": ["libc6 (>= 2.35)", "libegl1", "xkb-data"],
        "rpm": [
            "libc.so.6(GLIBC_2.35)(64bit)",
            "libEGL.so.1()(64bit)",
            "libc.so.6()(64bit)",
            "libdl.so.2()(64bit)",
            "xkeyboard-config",
        ],
        "archlinux": ["glibc>=2.35", "libglvnd", "xkeyboard-config"],
    }


# Of GTK, or of a terminal: taken out with what needs them, so nobody asks for them.
UNUSED = re.compile(
    r"lib(gtk|gdk|gdk_pixbuf|atk|atk-bridge|atspi|pango|pangocairo|pangoft2|cairo|cairo-gobject|epoxy|harfbuzz|fribidi|thai"
    r"|datrie|graphite2|pixman|gio|gobject|gmodule|mount|blkid|selinux|jpeg|readline|ncursesw|tinfo"
    r"|Xcomposite|Xcursor|Xdamage|Xfixes|Xi|Xinerama|Xrandr)[-.]"
)


def test_whatever_is_left_to_the_system_has_a_package(
    libraries: ModuleType, script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    left = script("bundle_contents").SYSTEM_LIBRARIES
    here = {path.name for folder in LIBRARY_FOLDERS for path in folder.glob("lib*.so.*") if left.match(path.name)}
    sonames = {name for name in here if re.fullmatch(r"[^.]+(-\d\.\d)?\.so\.\d+", name)}
    assert {name for name in sonames if name not in libraries.PACKAGES and not UNUSED.match(name)} == set()


def test_a_library_nobody_has_looked_up_stops_the_build(
    libraries: ModuleType, frozen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(libraries.PACKAGES, "libEGL.so.1")
    with pytest.raises(LookupError, match=r"no package is known for libEGL\.so\.1"):
        libraries.dependencies(frozen)


@pytest.mark.skipif(not shutil.which("objdump"), reason="objdump (binutils) is not installed")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF is Linux's")
def test_only_programs_and_libraries_are_looked_at(libraries: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("GROUP ( libc.so.6 )")
    shutil.copy(sys.executable, tmp_path / "program")
    said = libraries.headers(tmp_path)
    assert "program:" in said
    assert "text.so" not in said
    assert "libc.so.6" in libraries.wanted(tmp_path, said)
