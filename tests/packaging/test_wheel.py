"""The Python package: what the wheel holds, what it says about itself, and that it runs without the source folder."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from app import __version__

ROOT = Path(__file__).parents[2]
BUILD_S = 50


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_S)
    if "No matching distribution found for hatchling" in done.stdout + done.stderr:
        pytest.skip("hatchling, which builds the wheel, cannot be fetched")
    assert done.returncode == 0, done.stdout + done.stderr
    [made] = out.glob("*.whl")
    assert made.name == f"switchtower-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(made) as opened:
        yield opened


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return Parser().parsestr(wheel.read(name).decode())


def test_it_holds_the_program_with_its_types_and_pictures_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {name.partition("/")[0] for name in names} == {"app", f"switchtower-{__version__}.dist-info"}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "app").rglob("*.py")}
    resources = {f"app/{path.relative_to(ROOT)}" for path in (ROOT / "resources").rglob("*.*")}
    inside = {name for name in names if name.startswith("app/")}
    assert inside == {*modules, *resources, "app/py.typed"}
    assert "app/resources/icons/switchtower.svg" in inside


def test_it_says_what_it_is(metadata: Message) -> None:
    assert metadata["Name"] == "switchtower"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])


def test_qt_comes_with_the_extra_only(metadata: Message) -> None:
    wanted = metadata.get_all("Requires-Dist") or []
    plain = [line for line in wanted if "extra ==" not in line]
    assert any(line.startswith("uvicorn") for line in plain)
    assert [line for line in plain if "pyside" in line.lower() or "qasync" in line] == []
    assert any(line.lower().startswith("pyside6") and "'desktop'" in line for line in wanted)


def test_the_command_is_there(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "switchtower = app.__main__:main" in wheel.read(name).decode()


def test_it_runs_away_from_the_source_folder(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    program = [sys.executable, "-W", "error::UserWarning", "-m", "app", "--self-test"]
    done = subprocess.run(program, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
    assert "opened every window" in done.stdout
    script = "from PySide6.QtGui import QGuiApplication as A; a = A([]); from app.ui import icons;"
    script += "print(icons._folder(), not icons.app_icon().pixmap(32, 32).isNull())"
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )
    assert str(tmp_path / "app" / "resources" / "icons") in shown.stdout
    assert shown.stdout.endswith("True\n")
