"""The .deb that is compressed anew: the same members, smaller, and dpkg reads it."""

import io
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

MAGIC = b"!<arch>\n"


@pytest.fixture
def archive(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("debian_archive")


def tar(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        entry = tarfile.TarInfo(f"./{name}")
        entry.size = len(content)
        file.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def member(name: str, content: bytes) -> bytes:
    header = f"{name:<16}{1000000000:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
    assert len(header) == 60
    return header + content + b"\n" * (len(content) % 2)


@pytest.fixture
def deb(tmp_path: Path) -> Path:
    control = b"Package: switchtower\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y.invalid>\nDescription: d\n"
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar": tar("control", control),
        "data.tar": tar("opt/odd", b"x" * 99_999),
    }
    file = tmp_path / "switchtower.deb"
    file.write_bytes(MAGIC + b"".join(member(name, content) for name, content in parts.items()))
    return file


def test_only_the_data_changes(archive: ModuleType, deb: Path) -> None:
    before = {name: (header, content) for name, header, content in archive.members(deb.read_bytes())}
    archive.recompress(deb)
    after = {name: (header, content) for name, header, content in archive.members(deb.read_bytes())}
    assert list(after) == ["debian-binary", "control.tar", "data.tar.xz"]
    assert lzma.decompress(after["data.tar.xz"][1]) == before["data.tar"][1]
    assert after["data.tar.xz"][0][16:48] == before["data.tar"][0][16:48]
    assert after["control.tar"] == before["control.tar"]


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not installed")
def test_dpkg_reads_it(archive: ModuleType, deb: Path) -> None:
    archive.recompress(deb)
    told = subprocess.run(["dpkg-deb", "--contents", deb], capture_output=True, text=True, check=True).stdout
    assert "./opt/odd" in told
    field = subprocess.run(["dpkg-deb", "--field", deb, "Package"], capture_output=True, text=True, check=True).stdout
    assert field == "switchtower\n"
