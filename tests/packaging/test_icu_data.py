"""ICU's data without the languages: the format is kept, and Qt works with it."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import PySide6
import pytest

HEADER = b"\x20\x00\xda'\x14\x00\x00\x00\x00\x00\x02\x00CmnD\x01\x00\x00\x00\x03\x00\x00\x00" + b"\0" * 8
SHIPPED = next(iter((Path(PySide6.__file__).parent / "Qt" / "lib").glob("libicudata.so.*")), None)
needs_icu = pytest.mark.skipif(SHIPPED is None, reason="Qt brings ICU on Linux only")
needs_linker = pytest.mark.skipif(
    not (shutil.which("as") and shutil.which("ld")), reason="as and ld (binutils) are not installed"
)
IN_QT = """
from PySide6.QtCore import QCollator, QLocale, QTimeZone
order = sorted(["zebra", "Äpfel", "Zoo", "apfel"], key=QCollator(QLocale("de_DE")).sortKey)
assert order == ["apfel", "Äpfel", "zebra", "Zoo"], order
assert QLocale("tr_TR").toUpper("i") == "İ"
assert QLocale("de").toLower("ÄÖ") == "äö"
assert QTimeZone(b"Europe/Berlin").isValid()
maps = open("/proc/self/maps").read()
assert {library!r} in maps
"""


@pytest.fixture
def icu(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("icu_data")


def test_what_is_packed_is_unpacked_again(icu: ModuleType) -> None:
    items = [("icudt73l/root.res", b"root" * 5), ("icudt73l/de.res", b"x" * 16), ("icudt73l/zu.res", b"end")]
    header, found = icu.unpack(b"an ELF before it" + HEADER + icu.pack(items))
    assert header == HEADER
    assert [(name, data.rstrip(b"\0")) for name, data in found] == items


def test_items_are_aligned(icu: ModuleType) -> None:
    packed = icu.pack([("icudt73l/a", b"first"), ("icudt73l/b", b"second")])
    assert packed.index(b"first") % icu.ALIGN == packed.index(b"second") % icu.ALIGN == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"nothing of the kind", "no ICU data"),
        (HEADER, "no root language"),
    ],
)
def test_another_layout_is_refused(icu: ModuleType, tmp_path: Path, content: bytes, problem: str) -> None:
    library = tmp_path / "libicudata.so.73"
    more = icu.pack([("icudt73l/zu.res", b"end")]) if content == HEADER else b""
    library.write_bytes(content + more)
    with pytest.raises(icu.DataError, match=problem):
        icu.trim(library)
    assert library.read_bytes() == content + more


@needs_icu
@needs_linker
def test_qt_sorts_and_changes_case_as_before(icu: ModuleType, tmp_path: Path) -> None:
    assert SHIPPED is not None
    library = tmp_path / SHIPPED.name
    shutil.copy(SHIPPED, library)
    assert icu.trim(library) > 25_000_000
    assert library.stat().st_size < 4_000_000
    name = icu.symbol(SHIPPED.read_bytes())
    assert ctypes.c_char.in_dll(ctypes.CDLL(str(library)), name)
    environ = {**os.environ, "LD_PRELOAD": str(library)}
    subprocess.run([sys.executable, "-c", IN_QT.format(library=str(library))], env=environ, check=True)


@needs_icu
@needs_linker
def test_twice_gives_the_same_bytes(icu: ModuleType, tmp_path: Path) -> None:
    assert SHIPPED is not None
    made = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        library = tmp_path / folder / SHIPPED.name
        shutil.copy(SHIPPED, library)
        icu.trim(library)
        made.append(library.read_bytes())
    assert made[0] == made[1]
