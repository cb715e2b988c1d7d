"""The size table of a bundle."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def sizes(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("bundle_sizes")


@pytest.mark.parametrize(
    ("place", "part"),
    [
        ("_internal/PySide6/Qt/lib/libicudata.so.73", "Qt: Unicode tables (ICU)"),
        ("_internal/PySide6/Qt/lib/libQt6Core.so.6", "Qt: libraries"),
        ("_internal/PySide6/Qt/plugins/platforms/libqxcb.so", "Qt: plugins"),
        ("_internal/PySide6/QtCore.abi3.so", "Qt: Python bindings"),
        ("_internal/libpython3.11.so.1.0", "Python: interpreter and library"),
        ("_internal/libcrypto.so.3", "Python: OpenSSL, SQLite and the like"),
        ("switchtower", "program and Python packages, compressed"),
        ("switchtowerw.exe", "program and Python packages, compressed"),
        ("_internal/libxcb-cursor.so.0", "system libraries that travel along"),
        ("_internal/strange", "other"),
    ],
)
def test_each_file_belongs_to_one_part(sizes: ModuleType, place: str, part: str) -> None:
    assert sizes.part_of(place) == part


def test_the_table_adds_up_and_links_weigh_nothing(sizes: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "switchtower").write_bytes(b"x" * 2_000_000)
    (tmp_path / "libz.so.1").write_bytes(b"x" * 500_000)
    (tmp_path / "libz.so").symlink_to("libz.so.1")
    assert sizes.table(tmp_path).splitlines()[2:] == [
        "| program and Python packages, compressed | 2.0 |",
        "| Python: OpenSSL, SQLite and the like | 0.5 |",
        "| **all** | **2.5** |",
    ]
