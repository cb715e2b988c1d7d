"""The parts this program is made of and their licences: as collected at build, else read from what is installed."""

import json
import platform
import re
import sys
import sysconfig
import tomllib
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import app

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLLECTED = "licences.json"
"""The file of a build, in the resources of the program."""
USED = ("desktop", "bedrock", "vertex", "tokens")
"""The extras that people install; the others are tools of developers."""
NO_TEXT = "The package brings no text of its licence along."

_PROJECT = "switchtower"
_LICENCE_FILE = re.compile(r"licen[cs]e|copying|notice", re.IGNORECASE)
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?[^;]*;?(.*)")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `licence` is its short name, `text` the whole of it."""

    name: str
    version: str
    licence: str
    text: str


def parts() -> tuple[Part, ...]:
    """Every part of the running program, itself and Python first."""
    file = Path(app.__file__).parent / "resources" / COLLECTED
    return read(file) if file.is_file() else installed()


def read(file: Path) -> tuple[Part, ...]:
    """What a build has written."""
    return tuple(Part(**entry) for entry in json.loads(file.read_text("utf-8")))


def write(file: Path, found: "Iterable[Part]") -> None:
    """Write what `read` reads."""
    file.write_text(json.dumps([asdict(part) for part in found], indent=1, ensure_ascii=False) + "\n", "utf-8")


def installed(extras: "Iterable[str]" = USED) -> tuple[Part, ...]:
    """The program, Python and every installed package that the program or one of `extras` needs."""
    found = {_normal(dist.name): dist for dist in _needed(_own_requirements(), frozenset(extras), set())}
    packages = [_part(dist) for _, dist in sorted(found.items())]
    return (_own(), _python(), *packages)


def _own() -> Part:
    beside = Path(app.__file__).parents[1] / "LICENSE"
    try:
        text = _texts(metadata.distribution(_PROJECT))
    except metadata.PackageNotFoundError:
        text = beside.read_text("utf-8") if beside.is_file() else NO_TEXT
    return Part("Switchtower", app.__version__, "MIT", text)


def _python() -> Part:
    version = platform.python_version()
    short = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = (
        Path(sysconfig.get_path("stdlib"), "LICENSE.txt"),
        Path(sys.base_prefix, "LICENSE.txt"),
        Path("/usr/share/doc", short, "copyright"),
    )
    texts = (place.read_text("utf-8", "replace") for place in places if place.is_file())
    return Part("Python", version, "PSF-2.0", next(texts, NO_TEXT))


def _own_requirements() -> list[str]:
    """The requirements as an installed package says them, or as the source folder does."""
    try:
        return metadata.requires(_PROJECT) or []
    except metadata.PackageNotFoundError:
        project = _project_table()
    extras = project.get("optional-dependencies", {}).items()
    return [
        *project.get("dependencies", []),
        *(f'{line}; extra == "{name}"' for name, lines in extras for line in lines),
    ]


def _project_table() -> dict[str, dict[str, list[str]]]:
    file = Path(app.__file__).parents[1] / "pyproject.toml"
    table: dict[str, dict[str, list[str]]] = tomllib.loads(file.read_text("utf-8"))["project"] if file.is_file() else {}
    return table


def _needed(lines: "Iterable[str]", extras: frozenset[str], seen: set[str]) -> "Iterator[metadata.Distribution]":
    """Each installed package of `lines`, with what it needs itself; what is not installed is not for this system."""
    for line in lines:
        if (wanted := _REQUIREMENT.match(line)) is None or not _applies(wanted[3], extras):
            continue
        name, inner = _normal(wanted[1]), frozenset(part.strip() for part in (wanted[2] or "").split(",") if part)
        if (key := f"{name}[{','.join(sorted(inner))}]") in seen:
            continue
        seen.add(key)
        try:
            dist = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        yield dist
        yield from _needed(dist.requires or (), inner, seen)


def _applies(marker: str, extras: frozenset[str]) -> bool:
    named = _EXTRA.findall(marker)
    return not named or not extras.isdisjoint(named)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _part(dist: metadata.Distribution) -> Part:
    return Part(dist.name, dist.version, _short(dist), _texts(dist) or NO_TEXT)


def _short(dist: metadata.Distribution) -> str:
    """The licence's name: an SPDX expression where there is one, else what the older fields say."""
    about = dist.metadata
    fields = (*(about.get_all("License-Expression") or ()), *(about.get_all("License") or ()))
    stated = next((text for field in fields if (text := str(field).strip())), "")
    if stated and "\n" not in stated and len(stated) <= _LONGEST_NAME:
        return stated
    classifiers = (line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or () if "License ::" in line)
    return " OR ".join(classifiers) or "see the text"


def _texts(dist: metadata.Distribution) -> str:
    """Every licence file of a package, one after the other."""
    files = [file for file in dist.files or () if ".dist-info" in str(file) and _LICENCE_FILE.search(file.name)]
    return "\n\n".join(Path(str(file.locate())).read_text("utf-8", "replace").strip() for file in sorted(files))
