"""`packaging/dev.py` on a Python that is too old: one line and nothing else."""

import ast
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEV = ROOT / "packaging" / "dev.py"


def old_pythons() -> list[str]:
    """The too-old interpreters that are installed here and start."""
    names = [f"python{version}" for version in ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10")]
    found = [name for name in names if shutil.which(name)]
    return [name for name in found if subprocess.run([name, "-V"], capture_output=True, check=False).returncode == 0]


def load() -> object:
    spec = importlib.util.spec_from_file_location("switchtower_dev", DEV)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 0, "final", 0), (3, 10, 15, "final", 0)])
def test_an_old_python_is_named_together_with_what_is_needed(version: tuple[object, ...]) -> None:
    line = load().complaint(version)
    assert line.startswith(f"Switchtower needs Python 3.11 or newer; this is {version[0]}.{version[1]}.")
    assert "\n" not in line


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 2, "final", 0), (4, 0, 0)])
def test_a_new_one_will_do(version: tuple[object, ...]) -> None:
    assert load().complaint(version) == ""


def test_the_oldest_python_is_the_same_everywhere() -> None:
    import tomllib

    oldest = ".".join(str(part) for part in load().OLDEST)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == f">={oldest}"
    assert f"Python {oldest}" in (ROOT / "README.md").read_text()


def test_an_old_parser_gets_through_the_file() -> None:
    tree = ast.parse(DEV.read_text(), feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]
    assert all(
        argument.annotation is None for node in ast.walk(tree) if isinstance(node, ast.arg) for argument in [node]
    )


def test_a_real_old_python_says_one_line() -> None:
    for python in old_pythons():
        done = subprocess.run([python, DEV, "run"], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("Switchtower needs Python 3.11 or newer")
        assert len(done.stderr.splitlines()) == 1
