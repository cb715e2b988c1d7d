from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli import parts, selftest
from app.cli.main import Faces, run
from app.cli.output import CommandError

if TYPE_CHECKING:
    from app.runtime import Runtime


def test_it_serves_itself_and_leaves_nothing(switchtower: Callable, home: Path) -> None:
    done = switchtower("--self-test")
    assert (done.code, done.err) == (0, "")
    for dialect in ("OpenAI's chat", "OpenAI's Responses", "Anthropic's", "Gemini's", "Ollama's"):
        assert f"answered a request in {dialect} dialect" in done.out
    assert "answered a streamed request" in done.out
    assert "loaded the server protocol" in done.out
    assert "tokens in a process of its own" in done.out
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


def test_a_missing_part_of_a_build_is_one_line(monkeypatch: pytest.MonkeyPatch, switchtower: Callable) -> None:
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setattr(parts, "PARTS", (parts.Part("spare wheel", ("no_such_module",), extra="wheel"),))
    done = switchtower("--self-test")
    assert done.code == 1
    assert "The spare wheel cannot be loaded: No module named 'no_such_module'" in done.err


def test_what_goes_wrong_inside_is_told_with_the_log(monkeypatch: pytest.MonkeyPatch, switchtower: Callable) -> None:
    monkeypatch.setattr(selftest, "_ASKED", (("a broken", "/v1/chat/completions", b'{"model":"no-such-model"}'),))
    done = switchtower("--self-test")
    assert done.code == 1
    assert "The request to itself at /v1/chat/completions got status 400" in done.err


def test_a_tokenizer_that_does_not_count_is_one_line(monkeypatch: pytest.MonkeyPatch, switchtower: Callable) -> None:
    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr("app.engine.tokenizer.Tokenizer.knows", lambda *_: True)
    monkeypatch.setattr("app.engine.tokenizer.Tokenizer.count", nothing)
    done = switchtower("--self-test")
    assert done.code == 1
    assert "The tokenizer does not count." in done.err


def test_a_build_must_not_lend_its_libraries_to_others(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys._MEIPASS", "/opt/switchtower/_internal", raising=False)
    environ["LD_LIBRARY_PATH"] = "/opt/switchtower/_internal:/usr/lib"
    assert run(["--self-test"], environ) == 1
    assert "LD_LIBRARY_PATH names /opt/switchtower/_internal." in capsys.readouterr().err
