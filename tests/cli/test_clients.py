import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.memory_keyring import MemoryKeyring

TOKEN_SHAPE = re.compile(r"sk-local-[\w-]{43}\n")


@pytest.fixture
def own_token(environ: dict[str, str]) -> None:
    """No token from the environment."""
    del environ["SWITCHTOWER_TOKEN"]


@pytest.mark.usefixtures("own_token")
def test_the_default_token_is_made_shown_and_rotated(switchtower: Callable, keyring: MemoryKeyring, home: Path) -> None:
    first = switchtower("token", "show")
    assert first.code == 0
    assert TOKEN_SHAPE.fullmatch(first.out)
    assert switchtower("token", "show").out == first.out
    rotated = switchtower("token", "rotate")
    assert TOKEN_SHAPE.fullmatch(rotated.out)
    assert rotated.out != first.out
    assert switchtower("token", "show").out == rotated.out
    assert (home / "keys.changed").exists()


def test_a_token_of_the_environment(switchtower: Callable, environ: dict[str, str], keyring: MemoryKeyring) -> None:
    assert switchtower("token", "show").out == f"{environ['SWITCHTOWER_TOKEN']}\n"
    done = switchtower("token", "rotate")
    assert done.code == 1
    assert "SWITCHTOWER_TOKEN" in done.err
    environ["SWITCHTOWER_TOKEN"] = "short"
    done = switchtower("token", "show")
    assert done.code == 1
    assert "shorter than 20 characters" in done.err


def test_named_clients(switchtower: Callable, keyring: MemoryKeyring) -> None:
    made = switchtower("clients", "add", "editor")
    assert TOKEN_SHAPE.fullmatch(made.out)
    assert "shown this once" in made.err
    assert switchtower("clients", "list").out == "default\neditor\n"
    assert json.loads(switchtower("clients", "list", "--json").out) == ["default", "editor"]
    assert switchtower("clients", "add", "editor").code == 1
    assert switchtower("clients", "revoke", "editor").code == 0
    assert switchtower("clients", "list").out == "default\n"


@pytest.mark.parametrize("argv", [["add", "../x"], ["add", "default"], ["revoke", "nobody"], ["revoke", "default"]])
def test_what_cannot_be_done_is_one_line(switchtower: Callable, keyring: MemoryKeyring, argv: list[str]) -> None:
    done = switchtower("clients", *argv)
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1


def test_no_keyring_is_one_line(switchtower: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    done = switchtower("clients", "list")
    assert done.code == 1
    assert "SWITCHTOWER_TOKEN" in done.err
    assert done.err.count("\n") == 1
