"""The parts and their licences: of what is installed here, of a made-up environment, and of a build."""

import importlib
from importlib import metadata
from pathlib import Path

import pytest

import app
from app.store import licences
from app.store.licences import Part


def by_name(parts: tuple[Part, ...]) -> dict[str, Part]:
    return {part.name: part for part in parts}


def test_what_is_installed_is_listed_with_its_texts() -> None:
    parts = licences.installed()
    assert [part.name for part in parts[:2]] == ["Switchtower", "Python"]
    found = by_name(parts)
    assert found["Switchtower"].version == app.__version__
    assert "MIT License" in found["Switchtower"].text
    assert "PSF" in found["Python"].text
    assert found["httpx"].licence == "BSD-3-Clause"
    assert "Redistribution" in found["httpx"].text
    assert "certifi" in found, "what a dependency needs is a part as well"
    assert "LGPL" in found["shiboken6"].licence


def test_keyring_s_own_reader_of_metadata_does_no_harm() -> None:
    """Until Python 3.12 keyring brings a package that reads metadata in place of Python, more strictly."""
    importlib.import_module("keyring.backend")
    assert by_name(licences.installed())["certifi"].licence == "MPL-2.0"


def test_the_tools_of_developers_are_no_parts() -> None:
    assert {"pytest", "mypy", "ruff", "pyinstaller", "openai"}.isdisjoint(by_name(licences.installed()))


def test_qt_is_left_out_where_it_is_not_asked_for() -> None:
    assert "PySide6_Essentials" in by_name(licences.installed())
    assert "PySide6_Essentials" not in by_name(licences.installed(()))


def test_every_part_has_a_short_name_on_one_line_and_a_text() -> None:
    for part in licences.installed():
        assert part.licence
        assert "\n" not in part.licence
        assert part.text


def package(folder: Path, name: str, head: str, files: dict[str, str] | None = None) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{head}\n")
    for file, text in (files or {}).items():
        (info / file).write_text(text)
    listed = ["METADATA", *(files or {})]
    (info / "RECORD").write_text("".join(f"{info.name}/{file},,\n" for file in listed))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that holds what the test puts there, and the program as an installed package."""
    found = metadata.MetadataPathFinder()
    context = metadata.DistributionFinder.Context

    def only_here(name: str) -> metadata.Distribution:
        for dist in found.find_distributions(context(name=name, path=[str(tmp_path)])):
            return dist
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", only_here)
    monkeypatch.setattr(metadata, "requires", lambda name: only_here(name).requires)
    return tmp_path


def test_extras_are_followed_where_they_are_asked_for(packages: Path) -> None:
    package(
        packages,
        "switchtower",
        "Requires-Dist: first[fast]>=1\nRequires-Dist: Gone; sys_platform == 'win32'\n"
        "Requires-Dist: window; extra == 'desktop'\nRequires-Dist: tool; extra == 'dev'",
        {"LICENSE": "ours"},
    )
    package(packages, "first", "Requires-Dist: fast-one; extra == 'fast'\nRequires-Dist: other; extra == 'other'")
    for name in ("fast_one", "other", "window", "tool"):
        package(packages, name, "License-Expression: MIT")
    parts = licences.installed()
    assert [part.name for part in parts] == ["Switchtower", "Python", "fast_one", "first", "window"]
    assert parts[0].text == "ours"
    assert parts[3].text == licences.NO_TEXT


def test_two_that_need_each_other_are_listed_once(packages: Path) -> None:
    package(packages, "switchtower", "Requires-Dist: one")
    package(packages, "one", "Requires-Dist: two")
    package(packages, "two", "Requires-Dist: One")
    assert [part.name for part in licences.installed()[2:]] == ["one", "two"]


@pytest.mark.parametrize(
    ("head", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: whatever", "MIT OR Apache-2.0"),
        ("License: BSD", "BSD"),
        ("License: " + "x" * 100 + "\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
        ("Classifier: License :: A :: One\nClassifier: License :: A :: Two", "One OR Two"),
        ("Summary: says nothing", "see the text"),
    ],
)
def test_the_short_name(packages: Path, head: str, licence: str) -> None:
    package(packages, "switchtower", "Requires-Dist: one")
    package(packages, "one", head)
    assert licences.installed()[2].licence == licence


def test_several_files_make_one_text(packages: Path) -> None:
    package(packages, "switchtower", "Requires-Dist: one")
    package(packages, "one", "", {"NOTICE": "third\n", "LICENSE.MIT": "second\n", "COPYING": "first\n", "notes": "-"})
    assert licences.installed()[2].text == "first\n\nsecond\n\nthird"


def test_a_build_shows_what_was_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resources").mkdir()
    monkeypatch.setattr(app, "__file__", str(tmp_path / "__init__.py"))
    wanted = (Part("Switchtower", "1.2", "MIT", "text\nof it"), Part("Qt", "6", "LGPL-3.0-only", "»text«"))
    licences.write(tmp_path / "resources" / licences.COLLECTED, wanted)
    assert licences.parts() == wanted
