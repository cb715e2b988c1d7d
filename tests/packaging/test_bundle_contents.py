"""What goes into the bundle: every hidden import is needed, nothing that is left out is used."""

import ast
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import grimp
import pytest

from app.cli import parts

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "app").rglob("*.py"))


@pytest.fixture
def contents(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("bundle_contents")


def imported_by_string() -> set[str]:
    """Every name of a package's module that the program imports by a string: the arguments of two functions."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("modules", "import_module"):
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str)}
    return {name for name in found if name.isidentifier() or "." in name}


def imports() -> Iterator[str]:
    """Every module that the program imports by name, below each package that it comes from."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from (f"{node.module}.{each.name}" for each in node.names)


def test_hidden_is_exactly_what_is_imported_by_a_string(contents: ModuleType) -> None:
    plug_ins = {"tiktoken_ext.openai_public"}  # tiktoken looks for it in its neighbour's folder
    assert set(contents.HIDDEN) == (imported_by_string() - set(contents.EXTRAS)) | plug_ins


def test_the_self_test_of_a_build_fails_without_any_of_them(contents: ModuleType) -> None:
    # tests/cli/test_parts.py takes away one after the other.
    assert set(contents.HIDDEN) <= {name for part in parts.PARTS for name in part.modules}


def test_each_description_that_comes_along_is_asked_for(contents: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(metadata, "version", lambda name: asked.append(name) or "1")
    for name in contents.METADATA:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)  # the one that is loaded comes back after the test
        spec.loader.exec_module(module)
    assert set(contents.METADATA) <= {name.replace("-", "_") for name in asked}


def test_modules_of_the_program_are_named_since_some_are_imported_by_nobody(contents: ModuleType) -> None:
    graph = grimp.build_graph("app", cache_dir=None)
    reached = graph.find_upstream_modules("app.__main__")
    named = set(contents.app_modules())
    assert named - reached - {"app", "app.__main__"} != set()
    assert named >= {name for name in graph.modules if not name.endswith("__main__")}


def test_nothing_that_is_left_out_is_imported(contents: ModuleType) -> None:
    out = set(contents.excluded_modules())
    used = {name for name in imports() if {name, name.rpartition(".")[0], name.partition(".")[0]} & out}
    assert used == set()


def test_what_developers_have_is_left_out_and_what_the_program_needs_is_not(contents: ModuleType) -> None:
    out = set(contents.foreign_modules())
    assert {"pytest", "mypy", "openai", "anthropic", "hypothesis", "PyInstaller", "setuptools", "rich"} <= out
    assert not {"PySide6", "httpx", "keyring", "uvicorn", "pydantic", "botocore", "google", "tiktoken"} & out


@pytest.mark.parametrize(
    "place",
    [
        "PySide6/Qt/translations/qt_de.qm", "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "PySide6/Qt/plugins/platforms/libqeglfs.so", "PySide6\\plugins\\tls\\qopensslbackend.dll",
        "PySide6/Qt/plugins/imageformats/libqtiff.so", "PySide6/opengl32sw.dll", "botocore/data/ec2/2016-11-15/x.json",
        "a1_coverage.pth", "keyring-25.7.0.dist-info/RECORD", "libQt6Quick.so.6", "botocore/cacert.pem",
    ],
)  # fmt: skip
def test_unused_files_are_dropped(contents: ModuleType, place: str) -> None:
    assert not contents.keep((place, "", "DATA"))


@pytest.mark.parametrize(
    "place",
    [
        "PySide6/Qt/plugins/platforms/libqxcb.so", "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so", "PySide6/Qt/plugins/iconengines/libqsvgicon.so",
        "PySide6/Qt/plugins/imageformats/libqsvg.so", "PySide6/Qt/plugins/wayland-shell-integration/libxdg-shell.so",
        "PySide6\\plugins\\platforms\\qwindows.dll", "PySide6/Qt/plugins/platforms/libqcocoa.dylib",
        "libxcb-cursor.so.0", "libQt6Core.so.6", "libcrypto.so.3", "botocore/data/sts/2011-06-15/service-2.json.gz",
        "botocore/data/endpoints.json", "app/resources/icons/switchtower.svg", "keyring-25.7.0.dist-info/METADATA",
    ],
)  # fmt: skip
def test_needed_files_are_kept(contents: ModuleType, place: str) -> None:
    assert contents.keep((place, "", "DATA"))


@pytest.mark.parametrize("name", ["libgtk-3.so.0", "libstdc++.so.6", "libfontconfig.so.1", "libX11.so.6"])
def test_the_systems_own_libraries_are_left_to_it(
    contents: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(contents.sys, "platform", "linux")
    assert not contents.keep((name, "", "BINARY"))
    monkeypatch.setattr(contents.sys, "platform", "darwin")
    assert contents.keep((name, "", "BINARY"))


def test_no_kept_file_is_a_forbidden_one(contents: ModuleType) -> None:
    assert contents.FORBIDDEN.search("_internal/google/genai/client.py")
    assert contents.FORBIDDEN.search("_internal/libgtk-3.so.0")
    assert contents.FORBIDDEN.search("_internal/x.pth")
    assert not contents.FORBIDDEN.search("_internal/PySide6/Qt/plugins/platforms/libqxcb.so")
    assert not re.search(contents.FORBIDDEN, "_internal/app/resources/icons/page-health.svg")
