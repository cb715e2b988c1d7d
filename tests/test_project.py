"""The house rules that no linter holds: mirrors, sizes, sentences on top, guards, documentation and lock files."""

import ast
import dataclasses
import re
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from app.domain import events, faults, status
from app.providers.catalog import CATALOG

ROOT = Path(__file__).parents[1]
APP = ROOT / "app"
TESTS = ROOT / "tests"
MODULES = sorted(path.relative_to(ROOT) for path in APP.rglob("*.py"))
SCRIPTS = sorted(path.relative_to(ROOT) for folder in (TESTS, ROOT / "packaging") for path in folder.rglob("*.py"))

LONGEST_FUNCTION = 45
LONGEST_FILE = 300
LONGEST_TABLE = 400  # dialects and the catalog
MOST_BROAD_GUARDS = 5
THIN = {"__init__.py", "__main__.py"}
# Floors without an entry of their own in the mirror: what a name would be looked for under.
FORBIDDEN_NAMES = {"helpers.py", "utils.py", "util.py", "common.py", "misc.py"}


def is_named_by_its_tests(path: Path) -> bool:
    return path.name.startswith("test_") or path.name == "conftest.py"


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def mirror_of(module: Path) -> Path:
    inside = module.relative_to("app")
    return TESTS / inside.parent / f"test_{inside.name}"


# -- modules


@pytest.mark.parametrize("module", [m for m in MODULES if m.name != "__init__.py"], ids=str)
def test_every_module_has_its_mirror(module: Path) -> None:
    name = "test_main.py" if module.name == "__main__.py" else None
    mirror = mirror_of(module).with_name(name) if name else mirror_of(module)
    assert mirror.exists(), f"{module} has no {mirror.relative_to(ROOT)}"


@pytest.mark.parametrize("path", [*MODULES, *(path for path in SCRIPTS if not is_named_by_its_tests(path))], ids=str)
def test_every_file_says_on_top_what_it_is_for(path: Path) -> None:
    sentence = ast.get_docstring(tree_of(path)) or ""
    if path.name == "__init__.py" and not (ROOT / path).read_text().strip():
        return
    first = sentence.split("\n\n")[0]
    assert first.endswith((".", ":")), f"{path} begins with {first!r}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_files_and_functions_stay_small(module: Path) -> None:
    limit = LONGEST_TABLE if "dialects" in module.parts or module.name == "catalog.py" else LONGEST_FILE
    text = (ROOT / module).read_text(encoding="utf-8")
    assert text.count("\n") <= limit
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    too_long = {f.name: f.end_lineno - f.lineno + 1 for f in functions if f.end_lineno is not None}
    assert {name: lines for name, lines in too_long.items() if lines > LONGEST_FUNCTION} == {}


def test_names_say_what_is_inside() -> None:
    assert [str(path) for path in (*MODULES, *SCRIPTS) if path.name in FORBIDDEN_NAMES] == []


def test_broad_guards_are_few() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module in MODULES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type) and not passes_on(node)
    ]
    assert len(found) <= MOST_BROAD_GUARDS, found


def passes_on(handler: ast.ExceptHandler) -> bool:
    """Whether it only cleans up and raises again, which hides nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(n is None or (isinstance(n, ast.Name) and n.id in ("Exception", "BaseException")) for n in names)


# -- documentation: whatever can be seen from outside stands in docs/


def documentation() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))


def documented(name: str, text: str) -> bool:
    """Whether `name` stands there as code."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def setting_names(model: type[BaseModel], before: str = "") -> list[str]:
    """Every key of the settings with its table, such as `server.port`."""
    names = []
    for name, field in model.model_fields.items():
        key = f"{before}{field.alias or name}"
        inner = [t for t in flatten(field.annotation) if isinstance(t, type) and issubclass(t, BaseModel)]
        names += [n for t in inner for n in setting_names(t, f"{key}.")] or [key]
    return names


def flatten(annotation: Any) -> list[Any]:
    parts = get_args(annotation)
    return [annotation] if not parts else [t for part in parts for t in flatten(part)]


def test_every_setting_is_documented() -> None:
    from app.store.settings import Settings

    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    heading = re.compile(r"^## (?:`\[+([\w.]+)\]+`)?[^\n]*\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    sections = dict(heading.findall(page)) | {"": page}
    names = [name.rpartition(".") for name in setting_names(Settings)]
    assert len(names) > 50
    assert [f"{table}.{key}" for table, _, key in names if f"| `{key}` |" not in sections.get(table, "")] == []


def test_every_field_of_the_status_is_documented() -> None:
    page = (ROOT / "docs" / "status.md").read_text(encoding="utf-8")
    fields = [field.name for told in (status.Snapshot, status.ProviderStatus) for field in dataclasses.fields(told)]
    assert [name for name in fields if f"`{name}`" not in page and f'"{name}":' not in page] == []


def test_every_event_is_documented() -> None:
    text = documentation()
    assert [event.__name__ for event in get_args(events.Event) if not documented(event.__name__, text)] == []


@pytest.mark.parametrize("names", [faults.FaultKind, status.HealthState, status.BreakerState], ids=lambda e: e.__name__)
def test_every_fault_kind_and_state_is_documented(names: type[Enum]) -> None:
    text = documentation()
    assert [str(name.value) for name in names if not documented(name.value, text)] == []


def test_every_command_is_documented() -> None:
    text = documentation()
    commands = command_lines(command_line_parser())
    assert "providers add" in commands
    lines = [line for line in text.splitlines() if "switchtower " in line]
    assert [command for command in commands if not any(names(line, command) for line in lines)] == []


def names(line: str, command: str) -> bool:
    """Whether a line is about a command; one for `switchtower keys delete ID`, `keys list` is about both."""
    group, _, verb = command.partition(" ")
    return re.search(rf"switchtower {group}\b", line) is not None and re.search(rf"\b{verb}\b", line) is not None


def command_line_parser() -> Any:
    from app.cli import main

    return main.build_parser()


def command_lines(parser: Any, before: str = "") -> list[str]:
    """Every command with its options: `usage`, `usage --since`, …; options are looked for on the command's line."""
    found = []
    for action in parser._actions:
        if isinstance(getattr(action, "choices", None), dict):
            for name, inner in action.choices.items():
                found += [f"{before}{name}", *command_lines(inner, f"{before}{name} ")]
    return found


def test_every_option_is_documented() -> None:
    text = documentation()
    options = {option for option in option_names(command_line_parser()) if option not in ("-h", "--help")}
    assert [option for option in sorted(options) if not documented(option, text)] == []


def option_names(parser: Any) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        found |= {option for option in action.option_strings if option.startswith("--")}
        if isinstance(getattr(action, "choices", None), dict):
            found |= {option for inner in action.choices.values() for option in option_names(inner)}
    return found


def test_every_endpoint_is_documented() -> None:
    text = documentation()
    from app.server.routes import TABLE

    rows = [
        f"{method} `{path}{{id}}`" if path.endswith("s/") else f"{method} `{path}`" for path, method in methods(TABLE)
    ]
    assert "POST `/v1/chat/completions`" in rows
    assert [row for row in rows if row not in text] == []


def methods(table: Any) -> list[tuple[str, str]]:
    """Each path with the method that makes it what it is: HEAD only where GET is not meant as well."""
    return [(path, "GET" if "GET" in route.methods else route.methods[0]) for path, route in table.items()]


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in readme] == []


def test_the_readme_counts_the_kinds_of_provider() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"It knows {len(CATALOG)} kinds of provider" in readme


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name


# -- the dependencies


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text(), re.MULTILINE))


FULL_LOCK = ROOT / "requirements.lock"
HEADLESS_LOCK = ROOT / "packaging" / "requirements-headless.lock"
LOCKS = [FULL_LOCK, *sorted((ROOT / "packaging").glob("*.lock"))]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    entries = re.sub(r"\\\n\s*", " ", lock.read_text()).strip().splitlines()
    assert [e for e in entries if not re.match(r"\S+==\S+.*--hash=sha256:[0-9a-f]{64}", e)] == []


def test_the_headless_lock_is_a_part_of_the_full_one() -> None:
    full, headless = pins(FULL_LOCK), pins(HEADLESS_LOCK)
    assert headless.items() <= full.items()
    assert not {"pyside6-essentials", "shiboken6", "qasync", "pytest"} & set(headless)


@pytest.mark.parametrize("command", [["serve", "--help"], ["--version"]], ids=" ".join)
def test_without_a_window_nothing_of_qt_is_loaded(command: list[str]) -> None:
    program = "import sys, app.runtime, app.__main__\nsys.argv = ['switchtower', *sys.argv[1:]]\n"
    program += "try:\n    app.__main__.main()\nexcept SystemExit:\n    pass\n"
    program += "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"PySide6", "shiboken6", "qasync"} & set(done.stderr.split())


# -- what must not stand anywhere


def test_nothing_names_the_machine_it_was_made_on() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git work tree: what belongs to the project is not known")
    wrong = re.compile(
        "|".join(("/wor" + "k/", r"\.lib" + "rary", "/opt/" + "pypi", "file:///" + "opt", "/ro" + "ot/"))
    )
    found = []
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in (".png", ".ico", ".icns", ".gz", ".lock"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{name}:{number}" for number, line in enumerate(lines, 1) if wrong.search(line)]
    assert found == []
