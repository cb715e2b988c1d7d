"""The icon files of Windows and macOS: what is written is what their readers find."""

import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`packaging/icon_files.py`."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import icon_files

    return icon_files


def images(sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> dict[int, bytes]:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import icon_images

    return {size: icon_images.png(ROOT / "resources" / "icons" / "switchtower.svg", size) for size in sizes}


def test_an_ico_lists_each_image_where_it_lies(files: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = images(files.ICO_SIZES_PX, monkeypatch)
    data = files.ico(wanted)
    reserved, kind, count = struct.unpack_from("<HHH", data)
    assert (reserved, kind, count) == (0, 1, len(wanted))
    found = {}
    for number in range(count):
        width, height, _, _, _, bits, length, offset = struct.unpack_from("<BBBBHHII", data, 6 + 16 * number)
        assert (width, bits) == (height, 32)
        found[width or 256] = data[offset : offset + length]
    assert found == wanted


def test_qt_reads_the_ico(files: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from PySide6.QtGui import QImageReader

    (tmp_path / "x.ico").write_bytes(files.ico(images((16, 256), monkeypatch)))
    reader = QImageReader(str(tmp_path / "x.ico"))
    assert reader.imageCount() == 2
    assert {(size.width(), size.height()) for size in _sizes(reader)} == {(16, 16), (256, 256)}


def _sizes(reader: object) -> list:
    found = []
    for number in range(reader.imageCount()):  # type: ignore[attr-defined]
        reader.jumpToImage(number)  # type: ignore[attr-defined]
        found.append(reader.read().size())  # type: ignore[attr-defined]
    return found


def test_an_icns_is_a_chain_of_types_and_lengths(files: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = images(tuple(files.ICNS_TYPES), monkeypatch)
    data = files.icns(wanted)
    assert data[:4] == b"icns"
    assert struct.unpack(">I", data[4:8])[0] == len(data)
    place, found = 8, {}
    while place < len(data):
        length = struct.unpack(">I", data[place + 4 : place + 8])[0]
        found[data[place : place + 4]] = data[place + 8 : place + length]
        place += length
    assert found == {kind: wanted[size] for size, kinds in files.ICNS_TYPES.items() for kind in kinds}


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has its own reader, tried when the program is built there")
def test_every_image_has_the_size_it_is_filed_under(files: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for size, png in images((16, 1024), monkeypatch).items():
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", png[16:24]) == (size, size)
