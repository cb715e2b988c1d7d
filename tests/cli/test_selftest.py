from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli import selftest
from app.cli.main import Faces, run
from app.cli.output import CommandError

if TYPE_CHECKING:
    from app.runtime import Runtime


def test_it_serves_itself_and_leaves_nothing(switchtower: Callable, home: Path) -> None:
    done = switchtower("--self-test")
    assert (done.code, done.err) == (0, "")
    assert "answered a plain request" in done.out
    assert "answered a streamed request" in done.out
    assert done.out.endswith("self-test passed\n")
    assert not home.exists()


def test_windows_are_opened_over_a_running_core(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    seen = []

    def open_windows(runtime: "Runtime") -> None:
        seen.append([provider.id for provider in runtime.snapshot().providers])

    faces = Faces(tray=lambda *_: 9, demo=lambda *_: 9, open_windows=open_windows)
    assert run(["--self-test"], environ, faces) == 0
    assert seen == [["demo-a", "demo-b"]]
    assert "opened every window" in capsys.readouterr().out


def test_every_module_is_loaded() -> None:
    assert selftest.load_everything() > 50


def test_a_part_that_does_not_load_is_one_line(switchtower: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(f"no part of {name}")

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(CommandError, match="cannot be loaded: no part of"):
        selftest.load_everything()
    assert switchtower("--self-test").code == 1
