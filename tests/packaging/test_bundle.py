"""What `packaging/bundle.py` refuses, dates and runs; the bundle itself is built and tested by `build_*.py`."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from app import __version__

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="the stand-in for the program is a shell script")


@pytest.fixture
def bundle(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("bundle")


@pytest.fixture
def whole(bundle: ModuleType) -> set[str]:
    """The names of the modules in a bundle that is as it should be."""
    return {*bundle.contents.app_modules(), "httpx", "asyncio.events", "PySide6"} - {"app.__main__"}


def test_the_version_has_one_place(bundle: ModuleType) -> None:
    assert bundle.version() == __version__


def test_files_are_dated_by_the_commit_or_by_who_asks(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    assert bundle.commit_time() == 1234567890
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert bundle.commit_time() == int(asked.stdout or bundle.ZIP_EPOCH)


def test_a_folder_without_git_is_dated_too(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setattr(bundle, "GIT", ("git", "-C", str(tmp_path)))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert bundle.commit_time() == bundle.ZIP_EPOCH
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bundle.commit_time() == bundle.ZIP_EPOCH


def test_steps_see_nothing_of_the_callers_python(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONSTARTUP", "PYINSTALLER_CONFIG_DIR", "QT_PLUGIN_PATH"):
        monkeypatch.setenv(name, "elsewhere")
    made = bundle.environ()
    assert "elsewhere" not in made.values()
    assert made["PYTHONHASHSEED"] == "0"
    assert made["SOURCE_DATE_EPOCH"] == str(bundle.commit_time())
    assert made["PATH"] == os.environ["PATH"]


def test_a_whole_bundle_has_no_problems(bundle: ModuleType, whole: set[str]) -> None:
    assert bundle.module_problems(whole) == []


@pytest.mark.parametrize("missing", ["app.dialects.gemini", "app.store.keyring_backend", "app.ui.tray"])
def test_a_module_of_the_program_that_is_missing_is_named(bundle: ModuleType, whole: set[str], missing: str) -> None:
    assert bundle.module_problems(whole - {missing}) == [f"{missing} is missing"]


@pytest.mark.parametrize("foreign", ["pytest", "openai.types", "hypothesis.strategies", "tkinter", "sitecustomize"])
def test_a_module_that_must_not_be_there_is_named(bundle: ModuleType, whole: set[str], foreign: str) -> None:
    assert bundle.module_problems(whole | {foreign}) == [f"{foreign} is in it"]


def test_files_that_must_not_be_there_and_icons_that_must_are_named(bundle: ModuleType, tmp_path: Path) -> None:
    icons = tmp_path / "_internal" / "app" / "resources" / "icons"
    icons.mkdir(parents=True)
    for icon in (ROOT / "resources" / "icons").glob("*.svg"):
        (icons / icon.name).touch()
    assert bundle.file_problems(tmp_path) == []
    (tmp_path / "_internal" / "libgtk-3.so.0").touch()
    (icons / "switchtower.svg").unlink()
    assert bundle.file_problems(tmp_path) == ["_internal/libgtk-3.so.0 is in it", "the icon switchtower.svg is missing"]


@posix
def test_files_get_one_time_and_one_of_two_modes(
    bundle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    (tmp_path / "folder").mkdir(mode=0o700)
    for name, mode in (("program", 0o700), ("folder/data", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to("program")
    bundle.settle(tmp_path)
    found = {path.name: (path.stat().st_mode & 0o777, path.stat().st_mtime) for path in tmp_path.rglob("*")}
    runs, rests = (0o755, 1000000000), (0o644, 1000000000)
    assert found == {"folder": runs, "program": runs, "data": rests, "link": runs}


@posix
@pytest.mark.parametrize(("code", "problem"), [(0, ""), (1, "failed with exit code 1")])
def test_the_self_test_runs_in_an_empty_home(bundle: ModuleType, tmp_path: Path, code: int, problem: str) -> None:
    program = tmp_path / "switchtower"
    program.write_text(f'#!/bin/sh\n[ "$1" = --self-test ] && [ -z "$(ls -A "$HOME")" ] && exit {code}\nexit 9\n')
    program.chmod(0o755)
    if not problem:
        bundle.self_test(program)
        return
    with pytest.raises(bundle.BuildError, match=problem):
        bundle.self_test(program)


@posix
def test_a_self_test_that_hangs_ends(bundle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "switchtower"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(bundle, "SELF_TEST_LIMIT_S", 0.1)
    with pytest.raises(bundle.BuildError, match="did not end within"):
        bundle.self_test(program)


def test_a_missing_tool_is_one_line_with_its_remedy(
    bundle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bundle, "ON_LINUX", True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        bundle.BuildError, match=r"as, ld, objdump, strip missing\. Type: sudo apt-get install -y binutils"
    ):
        bundle.freeze(tmp_path)


@posix
def test_a_python_without_its_library_is_one_line_with_its_remedy(
    bundle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(bundle.workbench, "PYTHON", python)
    monkeypatch.setattr(bundle, "ON_LINUX", False)
    with pytest.raises(bundle.BuildError, match=r"type: sudo apt-get install -y libpython3\.\d+\."):
        bundle.freeze(tmp_path)


def test_what_fails_is_one_line_and_exit_code_1(
    bundle: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(arguments: list[str]) -> None:
        raise bundle.BuildError(f"no luck with {arguments}")

    monkeypatch.setattr(bundle, "enter_environment", lambda script, arguments: None)
    assert bundle.main("build_linux.py", ["dist"], make) == 1
    assert capsys.readouterr().err == "no luck with ['dist']\n"
    assert bundle.main("build_linux.py", [], lambda arguments: None) == 0


def test_the_environment_and_qts_libraries_come_before_the_script(
    bundle: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps: list[object] = []
    monkeypatch.setattr(bundle.workbench, "set_up", lambda *, headless: steps.append(f"headless={headless}"))
    monkeypatch.setattr(bundle.workbench, "provide_qt_libraries", lambda: steps.append("libraries"))
    monkeypatch.setattr(bundle.workbench, "VENV", tmp_path)
    monkeypatch.setattr(bundle.workbench, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(bundle.subprocess, "call", lambda command, env: steps.append(command) or 3)
    with pytest.raises(SystemExit) as end:
        bundle.enter_environment("build_linux.py", ["dist"])
    assert end.value.code == 3
    assert steps == ["headless=False", "libraries", [str(tmp_path / "python"), "build_linux.py", "dist"]]
    monkeypatch.setattr(bundle.workbench, "VENV", Path(sys.prefix))
    bundle.enter_environment("build_linux.py", ["dist"])  # is in it already, and goes on


def test_the_scripts_load_before_anything_is_installed() -> None:
    names = ("bundle", "bundle_contents", "bundle_sizes", "icu_data")
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'packaging')!r}); import {', '.join(names)}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
