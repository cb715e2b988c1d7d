"""The table of kinds: built-in rows must be right, plug-ins may fail without harm, a typo finds its way."""

import logging
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from app.providers.catalog import CATALOG
from app.providers.registry import GROUP, Registry, UnknownKindError, installed
from app.providers.spec import OPENAI, Auth, ProviderSpec

ACME = 'ProviderSpec("acme", "Acme", OPENAI, "https://api.acme.example/v1", Auth.BEARER)'
IMPORTS = "from app.providers.spec import OPENAI, Auth, ProviderSpec\n"
ROW = ProviderSpec("acme", "Acme", OPENAI, "https://api.acme.example/v1", Auth.BEARER)


@dataclass
class Site:
    """A folder of installed packages: modules, and the metadata with their entry points."""

    folder: Path

    def install(self, name: str, source: str | None, value: str = "") -> None:
        """Install a package `name` whose entry point `name` is `value` of the module with `source`."""
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = {value or f'plugin_{name}:ROWS'}\n")
        if source is not None:
            (self.folder / f"plugin_{name}.py").write_text(IMPORTS + source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    assert not any(name.startswith("plugin_") for name in before)
    return Site(tmp_path)


def test_the_catalog_comes_in_its_own_order() -> None:
    registry = Registry.load()
    assert registry.kinds()[: len(CATALOG)] == tuple(row.id for row in CATALOG)
    assert next(iter(registry)).name == "OpenAI"
    assert registry.get("perplexity").base_url == "https://api.perplexity.ai"
    assert registry.failures == ()


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("perplexty", "perplexity"),
        ("open_router", "openrouter"),
        ("LM Studio", "lmstudio"),
        ("hugging face", "huggingface"),
    ],
)
def test_an_unknown_kind_names_the_three_nearest(asked: str, first: str) -> None:
    with pytest.raises(UnknownKindError) as caught:
        Registry.load().get(asked)
    assert caught.value.kind == asked
    assert caught.value.nearest[0] == first
    assert len(set(caught.value.nearest)) == 3
    assert str(caught.value).startswith(f'There is no provider kind "{asked}". The nearest are {first}, ')


def test_nearest_gives_as_many_as_asked_for() -> None:
    assert len(Registry.load().nearest("", 5)) == 5


def test_a_broken_built_in_row_stops_the_start_and_is_named() -> None:
    broken = ProviderSpec("acme", "Acme", OPENAI, "http://api.acme.example", Auth.BEARER)
    with pytest.raises(ValueError, match=r"'acme': base_url: must be https .*http://api\.acme\.example"):
        Registry([*CATALOG, broken])


def test_a_built_in_id_that_is_there_twice_stops_the_start() -> None:
    with pytest.raises(ValueError, match="'acme': id: there is a row with this id already"):
        Registry([ROW, ROW])


def test_a_plug_in_adds_one_row(site: Site) -> None:
    site.install("acme", f"ROWS = {ACME}")
    registry = Registry.load()
    assert registry.get("acme") == ROW
    assert registry.kinds()[-1] == "acme"
    assert registry.failures == ()


def test_a_plug_in_adds_several_rows(site: Site) -> None:
    site.install("pair", f"import dataclasses\nROWS = [{ACME}, dataclasses.replace({ACME}, id='acme-eu')]")
    assert Registry.load().kinds()[-2:] == ("acme", "acme-eu")


FAILURES = {
    "missing": (None, "ModuleNotFoundError: No module named 'plugin_missing'"),
    "importing": ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    "lacking": ("OTHER = 1", "AttributeError: module 'plugin_lacking' has no attribute 'ROWS'"),
    "syntax": ("ROWS = (", "SyntaxError: '(' was never closed"),
    "raising": ("class Oops(Exception): ...\nraise Oops('no network')", "Oops: no network"),
    "lazy": ("def rows():\n    yield 1 / 0\nROWS = rows()", "ZeroDivisionError: division by zero"),
    "typed": ("ROWS = {'id': 'acme'}", "offers str, not ProviderSpec"),
    "text": ("ROWS = 'acme'", "offers str, not ProviderSpec"),
    "number": ("ROWS = 7", "offers int, not ProviderSpec"),
    "url": (f"import dataclasses\nROWS = dataclasses.replace({ACME}, base_url='ftp://x')", "'acme': base_url: must be"),
    "wrongtype": (
        f"import dataclasses\nROWS = dataclasses.replace({ACME}, id=None)",
        "None: id: None has the wrong type",
    ),
    "twice": (
        f"import dataclasses\nROWS = dataclasses.replace({ACME}, id='openai')",
        "there is a row with this id already",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_plug_in_that_fails_is_logged_recorded_and_survived(
    site: Site, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    source, cause = FAILURES[name]
    site.install(name, source)
    site.install("zeta", f"import dataclasses\nROWS = dataclasses.replace({ACME}, id='zeta')")
    with caplog.at_level(logging.ERROR):
        registry = Registry.load()
    assert registry.get("zeta").id == "zeta"
    assert registry.get("openai").base_url == "https://api.openai.com/v1"
    [failure] = registry.failures
    assert cause in failure.reason
    assert f'Plug-in "{name}" (plugin_{name}:ROWS)' in failure.reason
    [record] = caplog.records
    assert cause in record.getMessage()
    assert f"plugin={name}" in record.getMessage()


def test_a_plug_in_keeps_its_good_rows(site: Site) -> None:
    site.install("mixed", f"import dataclasses\nROWS = [dataclasses.replace({ACME}, name=''), {ACME}]")
    registry = Registry.load()
    assert registry.get("acme") == ROW
    assert [failure.kind for failure in registry.failures] == ["acme"]


def test_a_failure_is_known_by_the_name_of_its_entry_point(site: Site) -> None:
    site.install("missing", None)
    assert [failure.kind for failure in Registry.load().failures] == ["missing"]


def test_a_program_that_exits_on_import_is_not_a_plug_in_failure(site: Site) -> None:
    site.install("leaving", "raise SystemExit(3)")
    with pytest.raises(SystemExit):
        Registry.load()


def test_entry_points_may_be_given() -> None:
    point = metadata.EntryPoint("acme", "collections:OrderedDict", GROUP)
    registry = Registry.load(entry_points=lambda: [point])
    assert registry.failures[0].reason.endswith("offers type, not ProviderSpec.")
    assert Registry.load(entry_points=list).failures == ()


def test_installed_are_found_by_name(site: Site) -> None:
    site.install("zeta", None)
    site.install("acme", None)
    assert [point.name for point in installed()] == ["acme", "zeta"]
