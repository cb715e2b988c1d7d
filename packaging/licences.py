"""Collect the licence of everything in a bundle: Python's packages, Qt, the starter and the system's libraries.

`collect(folder, bundle)` writes `licences.json`, which *About* shows, and `LICENCES.txt`, for who opens the folder.
Run it with the environment's Python.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import bundle_contents
import workbench

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ROOT / "packaging" / "licence_texts"
sys.path.insert(0, str(ROOT))
from app.store import licences  # noqa: E402 - the source folder is not installed in its environment

READABLE = "LICENCES.txt"
NOT_BUNDLED = ("cffi", "pycparser")  # needed to build what is bundled, not to run it
QT_PARTS = ("PySide6_Essentials", "shiboken6")
QT_NOTE = """Used under the GNU Lesser General Public License, version 3; its text stands below, with that of the GNU
General Public License it refers to. The libraries are files of their own in the program's folder, to be replaced by
others if you wish. Their source is at https://download.qt.io/official_releases/QtForPython/ and
https://download.qt.io/official_releases/qt/. Qt contains works of others in its turn:
https://doc.qt.io/qt-6/licenses-used-in-qt.html
"""
SEE_QT = "Used under the GNU Lesser General Public License, version 3: see Qt."
SEE_PYTHON = "Comes with Python; its terms stand in the text of Python's licence or at its home: {home}"
NATIVE = (  # the beginning of a library's name, the part it belongs to, its licence, its home
    ("crypto", "OpenSSL", "Apache-2.0", "https://openssl-library.org"),
    ("ssl", "OpenSSL", "Apache-2.0", "https://openssl-library.org"),
    ("bz2", "bzip2", "bzip2-1.0.6", "https://sourceware.org/bzip2/"),
    ("ffi", "libffi", "MIT", "https://sourceware.org/libffi/"),
    ("lzma", "XZ Utils", "0BSD", "https://tukaani.org/xz/"),
    ("sqlite3", "SQLite", "public domain", "https://sqlite.org/copyright.html"),
    ("z", "zlib", "Zlib", "https://zlib.net"),
    ("glib-2.0", "GLib", "LGPL-2.1-or-later", "https://gitlab.gnome.org/GNOME/glib"),
    ("gthread-2.0", "GLib", "LGPL-2.1-or-later", "https://gitlab.gnome.org/GNOME/glib"),
    ("pcre2", "PCRE2", "BSD-3-Clause", "https://pcre.org"),
    ("xcb", "XCB", "MIT", "https://xcb.freedesktop.org"),
    ("xkbcommon", "libxkbcommon", "MIT", "https://xkbcommon.org"),
    ("wayland", "Wayland", "MIT", "https://wayland.freedesktop.org"),
    ("uuid", "libuuid", "BSD-3-Clause", "https://github.com/util-linux/util-linux"),
    ("mpdec", "libmpdec", "BSD-2-Clause", "https://www.bytereef.org/mpdecimal/"),
    ("expat", "Expat", "MIT", "https://libexpat.github.io"),
    ("vcruntime", "Visual C++ runtime", "Microsoft redistributable", "https://learn.microsoft.com/cpp/windows/"),
    ("msvcp", "Visual C++ runtime", "Microsoft redistributable", "https://learn.microsoft.com/cpp/windows/"),
    ("concrt", "Visual C++ runtime", "Microsoft redistributable", "https://learn.microsoft.com/cpp/windows/"),
    ("ucrtbase", "Universal C runtime", "Microsoft redistributable", "https://learn.microsoft.com/cpp/windows/"),
    ("api-ms-win", "Universal C runtime", "Microsoft redistributable", "https://learn.microsoft.com/cpp/windows/"),
)
LIBRARY = re.compile(r"^(?:lib)?(.+?)(?:\.so(?:\.[\d.]+)?|(?:\.\d+)*\.dylib|\.dll)$", re.IGNORECASE)
OF_PACKAGES = re.compile(r"^(qt6|icu(data|i18n|uc)|pyside6|shiboken6|python3)", re.IGNORECASE)  # listed as such
RULE = "=" * 100


def collect(folder, bundle=None):
    """Write both files into `folder`; return the parts. With `bundle` the libraries in it are listed too.

    Raises:
        workbench.SetupError: there is a library in it whose licence nobody has looked up yet.
    """
    parts = [*packages(), *(native(bundle) if bundle else ())]
    folder.mkdir(parents=True, exist_ok=True)
    licences.write(folder / licences.COLLECTED, parts)
    entries = (
        f"{RULE}\n{part.name} {part.version} ({part.licence})\n{RULE}\n\n{part.text.strip()}\n" for part in parts
    )
    (folder / READABLE).write_text("\n\n".join(entries), encoding="utf-8")
    return parts


def packages():
    """The program, Python, its packages and Qt, with the texts that the packages of Qt leave out."""
    found = [part for part in licences.installed(bundle_contents.EXTRAS) if part.name not in NOT_BUNDLED]
    qt = [part for part in found if part.name in QT_PARTS]
    if qt:
        texts = [(TEXTS / name).read_text(encoding="utf-8") for name in ("LGPL-3.0.txt", "GPL-3.0.txt")]
        found.append(licences.Part("Qt", qt[0].version, "LGPL-3.0-only", "\n\n".join((QT_NOTE, *texts))))
    return [replace(part, text=SEE_QT) if part in qt else part for part in found] + starter()


def starter():
    """PyInstaller's starter, which is in every executable it makes."""
    try:
        dist = metadata.distribution("pyinstaller")
    except metadata.PackageNotFoundError:
        return []
    file = next((file for file in dist.files or () if file.name == "COPYING.txt"), None)
    text = Path(file.locate()).read_text(encoding="utf-8") if file else licences.NO_TEXT
    return [licences.Part("PyInstaller bootloader", dist.version, "GPL-2.0-or-later WITH Bootloader-exception", text)]


def native(bundle):
    """The libraries of a bundle that no Python package brings, one part for each project they come from."""
    found = {}
    for path in sorted(bundle.rglob("*"), key=lambda path: path.name):
        name = LIBRARY.match(path.name)
        if name is None or brought_by_a_package(path, bundle) or OF_PACKAGES.match(name[1]):
            continue
        part = native_part(name[1], path.name)
        found.setdefault(part.name, part)
    return [found[name] for name in sorted(found)]


def brought_by_a_package(path, bundle):
    """Whether a library is a module or a plug-in, which lie in the folder of the package they belong to."""
    inside = set(path.relative_to(bundle).parts[:-1])
    return "-" in path.suffixes[0] or ".abi3." in path.name or bool({"PySide6", "lib-dynload"} & inside)


def native_part(name, file):
    """What is known of one library.

    Raises:
        workbench.SetupError: nothing is.
    """
    for begin, part, licence, home in NATIVE:
        if re.match(rf"{re.escape(begin)}(?![a-z])", name, re.IGNORECASE):
            return licences.Part(part, "", licence, debian_text(file) or SEE_PYTHON.format(home=home))
    raise workbench.SetupError(f"No licence is known for {file}. Look it up and add it in packaging/licences.py.")


def debian_text(file):
    """What the Debian package that holds `file` says of its licence, "" where that is not to be known."""
    if not shutil.which("dpkg-query"):
        return ""
    asked = ["dpkg-query", "--search", f"*/{file}"]
    told = subprocess.run(asked, check=False, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    owners = sorted({line.split(":")[0] for line in told.splitlines() if line.endswith(f"/{file}")})
    notes = (Path("/usr/share/doc", owner, "copyright") for owner in owners)
    return next((note.read_text(encoding="utf-8") for note in notes if note.is_file()), "")
