import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.memory_keyring import MemoryKeyring

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put text on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture(autouse=True)
def _openai(switchtower: Callable, keyring: MemoryKeyring) -> None:
    assert switchtower("providers", "add", "openai").code == 0


def test_a_key_from_standard_input(switchtower: Callable, keyring: MemoryKeyring, give: Callable, home: Path) -> None:
    give(f"{KEY}\n")
    done = switchtower("keys", "set", "openai")
    assert (done.code, done.out) == (0, "Stored the key for openai at api.openai.com.\n")
    assert keyring.get_password("switchtower", "openai@api.openai.com") == KEY
    assert (home / "keys.changed").exists()
    (row,) = json.loads(switchtower("keys", "list", "--json").out)
    assert row == {"provider": "openai", "host": "api.openai.com", "from": "keyring", "key": "…cdef"}
    assert KEY not in switchtower("keys", "list").out
    assert KEY.encode() not in b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_a_key_from_a_hidden_prompt(
    switchtower: Callable, keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: asked.append(prompt) or KEY)
    assert switchtower("keys", "set", "openai").code == 0
    assert asked == ["Key for openai at api.openai.com: "]
    assert keyring.get_password("switchtower", "openai@api.openai.com") == KEY


def test_deleting(switchtower: Callable, keyring: MemoryKeyring, give: Callable) -> None:
    give(KEY)
    switchtower("keys", "set", "openai")
    done = switchtower("keys", "delete", "openai")
    assert (done.code, done.out) == (0, "openai has no key for api.openai.com now.\n")
    assert keyring.get_password("switchtower", "openai@api.openai.com") is None
    assert switchtower("keys", "delete", "openai").code == 0
    assert switchtower("keys", "list").out.split()[-1] == "-"


def test_a_key_given_to_one_that_took_a_variable(switchtower: Callable, give: Callable) -> None:
    switchtower("providers", "add", "groq", "--key-from", "env:GROQ_KEY")
    give(KEY)
    done = switchtower("keys", "set", "groq")
    assert 'The settings said key = "env:GROQ_KEY"; it is taken from the keyring now.' in done.out
    rows = json.loads(switchtower("keys", "list", "--json").out)
    assert [row["from"] for row in rows] == ["keyring", "keyring"]


@pytest.mark.parametrize("text", ["", "  \n", "two\nlines", "sk-ünïcode", "sk-\x00nul"])
def test_what_is_no_key_is_refused(switchtower: Callable, keyring: MemoryKeyring, give: Callable, text: str) -> None:
    give(text)
    done = switchtower("keys", "set", "openai")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert text.strip() == "" or text not in done.err
    assert keyring.get_password("switchtower", "openai@api.openai.com") is None


def test_an_unknown_provider(switchtower: Callable, give: Callable) -> None:
    give(KEY)
    for verb in ("set", "delete"):
        done = switchtower("keys", verb, "nobody")
        assert done.code == 1
        assert "Those there are: openai." in done.err


def test_no_providers(switchtower: Callable) -> None:
    switchtower("providers", "remove", "openai")
    assert switchtower("keys", "list").out.startswith("There are no providers yet.")
