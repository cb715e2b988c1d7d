"""Take out of ICU's data what Qt never asks for in this program: 32 MB of names in every language become 2.

Qt sorts, changes case and names time zones through ICU. Only the root language's rules for these are kept; dates,
numbers and languages come from Qt's own tables. The format is described in ICU's `ucmndata.h`.
"""

import re
import struct
import subprocess
import tempfile
from pathlib import Path

KEPT = re.compile(
    r"""^(coll/(root|res_index)\.res | coll/ucadata\.icu | res_index\.res | root\.res | pool\.res | icu(ver|std)\.res
    | (supplementalData|likelySubtags|metadata|keyTypeData|numberingSystems|timezoneTypes|zoneinfo64|windowsZones
        |langInfo|metaZones)\.res
    | zone/(root|res_index|pool)\.res | cnvalias\.icu | \w+\.nrm | ulayout\.icu | uemoji\.icu)$""",
    re.VERBOSE,
)
"""The items that stay, by their name without the version before it."""

ALIGN = 16
_FORMAT_AT = 12
_PAIR = struct.Struct("<II")
ASSEMBLY = """\
.section .rodata
.globl {symbol}
.type {symbol}, %object
.balign 4096
{symbol}:
.incbin "{file}"
.size {symbol}, . - {symbol}
.section .note.GNU-stack,"",%progbits
"""


class DataError(Exception):
    """The library does not hold ICU's data in the form that is known here."""


def trim(library):
    """Replace the file `libicudata.so.N` by one with the kept items; return the bytes saved.

    Raises:
        DataError: it is no such library, or one from a newer ICU with another layout.
    """
    before = library.stat().st_size
    raw = library.read_bytes()
    header, items = unpack(raw)
    kept = [(name, data) for name, data in items if KEPT.match(name.partition("/")[2])]
    if not any(name.endswith("/root.res") for name, _ in kept):
        raise DataError(f"{library.name} has no root language: see packaging/icu_data.py")
    link(library, symbol(raw), header + pack(kept))
    return before - library.stat().st_size


def symbol(raw):
    """The name under which ICU looks for its data, such as icudt73_dat."""
    found = re.search(rb"\bicudt\d+_dat\b", raw)
    if found is None:
        raise DataError("no icudt…_dat in the library: see packaging/icu_data.py")
    return found[0].decode()


def unpack(raw):
    """The header and each item's name and bytes, from the bytes of a library; the last item is too long.

    Raises:
        DataError: the data is not where and as it should be.
    """
    start = raw.find(b"CmnD\x01") - _FORMAT_AT
    if start < 0:
        raise DataError("no ICU data in the library: see packaging/icu_data.py")
    (header_size,) = struct.unpack_from("<H", raw, start)
    base = start + header_size
    (count,) = struct.unpack_from("<I", raw, base)
    places = [_PAIR.unpack_from(raw, base + 4 + _PAIR.size * index) for index in range(count)]
    ends = [begin for _, begin in places[1:]] + [len(raw) - base]
    items = []
    for (name_at, begin), end in zip(places, ends, strict=True):
        name = raw[base + name_at : raw.index(b"\0", base + name_at)].decode("ascii")
        items.append((name, raw[base + begin : base + end]))
    if KEPT.match(items[-1][0].partition("/")[2]):
        raise DataError(f"{items[-1][0]} is the last item, so its end is not known: see packaging/icu_data.py")
    return raw[start:base], items


def pack(items):
    """The table of contents and the items behind it, aligned."""
    names = b""
    name_base = 4 + _PAIR.size * len(items)
    name_places = []
    for name, _ in items:
        name_places.append(name_base + len(names))
        names += name.encode("ascii") + b"\0"
    body = aligned(name_base + len(names))
    table, data = [], b""
    for place, (_, content) in zip(name_places, items, strict=True):
        table.append(_PAIR.pack(place, body + len(data)))
        data += content + b"\0" * (aligned(len(content)) - len(content))
    contents = struct.pack("<I", len(items)) + b"".join(table) + names
    return contents + b"\0" * (body - len(contents)) + data


def aligned(size):
    """The next multiple of the alignment."""
    return -(-size // ALIGN) * ALIGN


def link(library, name, data):
    """Write a shared library that holds `data` under the symbol `name`; its file name is its soname."""
    with tempfile.TemporaryDirectory(prefix="switchtower-icu-") as folder:
        (Path(folder) / "data.bin").write_bytes(data)
        (Path(folder) / "data.s").write_text(ASSEMBLY.format(symbol=name, file="data.bin"), encoding="ascii")
        subprocess.run(["as", "-o", "data.o", "data.s"], check=True, cwd=folder)
        linked = ["ld", "-shared", "-soname", library.name, "-z", "noexecstack", "--build-id=sha1", "-s"]
        subprocess.run([*linked, "-o", "out.so", "data.o"], check=True, cwd=folder)
        library.write_bytes((Path(folder) / "out.so").read_bytes())
