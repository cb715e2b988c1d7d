"""Say which part of a bundle holds how much: `python packaging/bundle_sizes.py FOLDER` prints the table."""

import re
import sys
from pathlib import Path

MB = 1_000_000
PARTS = (
    ("Qt: Unicode tables (ICU)", r"libicu"),
    ("Qt: libraries", r"(^|/)(lib)?(Qt6|Qt\w+\.framework)"),
    ("Qt: plugins", r"/plugins/"),
    ("Qt: Python bindings", r"PySide6/|shiboken6/|libpyside6|libshiboken6"),
    ("Python: interpreter and library", r"libpython|python3\w*\.dll|python3\.\d+/|base_library\.zip|lib-dynload/"),
    ("Python: OpenSSL, SQLite and the like", r"lib(crypto|ssl|sqlite3|ffi|lzma|bz2|z)\b|sqlite3\.dll"),
    ("program and Python packages, compressed", r"^(Contents/MacOS/)?switchtowerw?(\.exe)?$"),
    ("cryptography (Secret Service)", r"cryptography|_cffi_backend"),
    ("uvloop", r"uvloop|winloop"),
    ("pydantic", r"pydantic"),
    ("logins at AWS and Google Cloud: data", r"botocore|google"),
    ("httptools, msgspec", r"httptools|msgspec"),
    ("tokenizer", r"tiktoken|tokenizers|charset_normalizer|(^|/)regex"),
    ("icons, licences, certificates, metadata", r"app/|certifi|dist-info|licen[cs]e"),
    ("system libraries that travel along", r"(^|/)lib[\w+.-]+\.so"),
)


def files(bundle):
    """Each real file of the bundle with its size in bytes; links weigh nothing."""
    found = (path for path in sorted(bundle.rglob("*")) if path.is_file() and not path.is_symlink())
    return [(path.relative_to(bundle).as_posix(), path.stat().st_size) for path in found]


def part_of(place):
    """The part a file belongs to."""
    return next((name for name, pattern in PARTS if re.search(pattern, place)), "other")


def table(bundle):
    """The table as Markdown, largest part first."""
    sizes = {}
    for place, size in files(bundle):
        sizes[part_of(place)] = sizes.get(part_of(place), 0) + size
    rows = sorted(sizes.items(), key=lambda row: -row[1])
    lines = [f"| {name} | {size / MB:.1f} |" for name, size in rows]
    return "\n".join(["| part | MB |", "|---|---:|", *lines, f"| **all** | **{sum(sizes.values()) / MB:.1f}** |"])


if __name__ == "__main__":
    print(table(Path(sys.argv[1])))
