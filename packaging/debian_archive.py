"""Compress what is inside a .deb with xz as Python knows it, a sixth smaller than nfpm's own writing of it."""

import lzma
from pathlib import Path

MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_NAME = slice(0, 16)
_SIZE = slice(48, 58)
PRESET = 9


def members(raw):
    """Each member of an ar archive: its name, its header and its content."""
    found, at = [], len(MAGIC)
    while at < len(raw):
        header = raw[at : at + _HEADER_BYTES]
        size = int(header[_SIZE])
        begin = at + _HEADER_BYTES
        found.append((header[_NAME].decode("ascii").strip(), header, raw[begin : begin + size]))
        at = begin + size + size % 2
    return found


def recompress(deb):
    """Rewrite the file with data.tar.xz instead of data.tar; everything else stays as it is."""
    out = bytearray(MAGIC)
    for name, header, content in members(Path(deb).read_bytes()):
        if name.rstrip("/") == "data.tar":
            out += member("data.tar.xz", header, lzma.compress(content, preset=PRESET))
        else:
            out += member(name, header, content)
    Path(deb).write_bytes(bytes(out))


def member(name, header, content):
    """A member as it stands in the file, with time, owner and mode as in `header`."""
    fields = name.encode("ascii").ljust(16) + header[16:48] + str(len(content)).encode("ascii").ljust(10) + header[58:]
    return fields + content + b"\n" * (len(content) % 2)
