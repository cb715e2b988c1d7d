"""What a build writes about the licences of its parts."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = str(Path(__file__).parents[2] / "packaging")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`packaging/licences.py`."""
    monkeypatch.syspath_prepend(FOLDER)
    import licences

    return licences


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The libraries of a made-up bundle."""
    folder = tmp_path / "bundle" / "_internal"
    for name in (
        "libssl.so.3", "libcrypto.so.3", "libxcb-cursor.so.0", "libQt6Core.so.6", "libicudata.so.73", "libz.so.1",
        "libpython3.11.so.1.0", "python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", "VCRUNTIME140_1.dll",
        "libffi-8.dll", "sqlite3.dll", "libssl.3.dylib", "PySide6/Qt/plugins/platforms/libqxcb.so",
        "cryptography/hazmat/bindings/_rust.abi3.so", "app/resources/config.example.toml",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder.parent


def test_packages_qt_starter_and_libraries_are_named(collector: ModuleType, bundle: Path, tmp_path: Path) -> None:
    parts = {part.name: part for part in collector.collect(tmp_path / "out", bundle)}
    assert {"Switchtower", "Python", "uvicorn", "Qt", "PyInstaller bootloader"} <= set(parts)
    native = {"OpenSSL", "XCB", "zlib", "libffi", "SQLite", "Visual C++ runtime"}
    assert native <= set(parts)
    assert set(parts) - native - {part.name for part in collector.packages()} == set()
    assert {"cffi", "pycparser", "pytest"}.isdisjoint(parts)
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in parts["Qt"].text
    assert "Version 3, 29 June 2007" in parts["Qt"].text
    assert "see Qt" in parts["PySide6_Essentials"].text
    assert [part.name for part in parts.values() if "brings no text" in part.text] == []


def test_what_about_shows_and_what_people_read_are_the_same(collector: ModuleType, tmp_path: Path) -> None:
    parts = tuple(collector.collect(tmp_path))
    assert collector.licences.read(tmp_path / "licences.json") == parts
    text = (tmp_path / "LICENCES.txt").read_text()
    assert [part.name for part in parts if f"\n{part.name} {part.version} ({part.licence})\n" not in text] == []


def test_a_library_nobody_has_looked_up_stops_the_build(collector: ModuleType, bundle: Path, tmp_path: Path) -> None:
    (bundle / "_internal" / "libmystery.so.2").write_bytes(b"")
    with pytest.raises(collector.workbench.SetupError, match=r"libmystery\.so\.2"):
        collector.collect(tmp_path, bundle)


def test_debian_tells_what_it_knows(collector: ModuleType) -> None:
    if not sys.platform.startswith("linux") or not Path("/usr/share/doc/zlib1g/copyright").is_file():
        pytest.skip("this is not Debian with zlib")
    assert "zlib" in collector.debian_text("libz.so.1")
    assert collector.debian_text("libnope.so.1") == ""
