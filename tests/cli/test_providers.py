import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli.providers import describe_status
from app.domain.status import HealthState, ProviderStatus
from app.providers.catalog import CATALOG
from app.server.demo import settings_toml
from app.store.memory_keyring import MemoryKeyring


def test_nothing_yet(switchtower: Callable) -> None:
    done = switchtower("providers", "list")
    assert done.code == 0
    assert "switchtower providers add KIND" in done.out


def test_the_catalog_has_every_kind(switchtower: Callable) -> None:
    lines = switchtower("providers", "catalog").out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [spec.id for spec in CATALOG]
    told = json.loads(switchtower("providers", "catalog", "--json").out)
    assert [row["kind"] for row in told] == [spec.id for spec in CATALOG]
    known = {"kind", "name", "base_url", "needs_key", "local", "lists_models", "docs", "key_url", "address", "about"}
    assert set(told[0]) == known


def test_add_list_switch_and_remove(switchtower: Callable, keyring: MemoryKeyring, home: Path) -> None:
    added = switchtower("providers", "add", "openai")
    assert added.code == 0
    assert "switchtower keys set openai" in added.out
    switchtower("providers", "add", "openai")
    named = switchtower("providers", "add", "groq", "--id", "fast", "--key-from", "env:GROQ", "--json")
    assert json.loads(named.out)["id"] == "fast"
    rows = json.loads(switchtower("providers", "list", "--json").out)
    assert [(row["id"], row["kind"], row["key"]) for row in rows] == [
        ("openai", "openai", "keyring"), ("openai-2", "openai", "keyring"), ("fast", "groq", "env:GROQ")
    ]  # fmt: skip
    assert switchtower("providers", "disable", "fast").out == "Disabled fast.\n"
    assert json.loads(switchtower("providers", "list", "--json").out)[2]["enabled"] is False
    assert switchtower("providers", "enable", "fast").out == "Enabled fast.\n"
    assert switchtower("providers", "remove", "openai-2").out == "Removed openai-2.\n"
    assert [line.split()[0] for line in switchtower("providers", "list").out.splitlines()] == ["id", "openai", "fast"]
    assert (home / "config.toml").stat().st_mode & 0o777 == 0o600


def test_removing_takes_the_key_out_of_the_keyring(
    switchtower: Callable, keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.set_password("switchtower", "openai@api.openai.com", "sk-secret-secret")
    switchtower("providers", "add", "openai")
    assert switchtower("providers", "remove", "openai").code == 0
    assert keyring.get_password("switchtower", "openai@api.openai.com") is None


def test_removing_works_without_a_keyring(switchtower: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    switchtower("providers", "add", "openai")
    done = switchtower("providers", "remove", "openai")
    assert (done.code, done.out) == (0, "Removed openai.\n")
    assert done.err.startswith("Its key, if it has one, is still in the keyring: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["add", "opnai"], "The nearest are openai"),
        (["add", "openai-compatible"], "Add --base-url"),
        (["add", "azure"], "RESOURCE is the name of your"),
        (["add", "bedrock", "--base-url", "https://bedrock-runtime.REGION.amazonaws.com"], "not filled in: REGION"),
        (["add", "openai", "--base-url", "http://example.org/v1"], "base_url"),
        (["add", "openai", "--key-from", "sk-this-is-a-key-not-a-source"], "key"),
        (["add", "openai", "--id", "no spaces"], "id"),
        (["add", "openai", "--key-from", "default"], "has no login of this machine"),
        (["remove", "nobody"], "There is no provider 'nobody'"),
        (["enable", "nobody"], "There is no provider 'nobody'"),
        (["disable", "nobody"], "There is no provider 'nobody'"),
        (["test", "nobody"], "There is no provider 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_one_line(switchtower: Callable, argv: list[str], said: str) -> None:
    done = switchtower("providers", *argv)
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert "sk-this" not in done.err


def test_testing_one_that_answers(switchtower: Callable, write_settings: Callable, demo_urls: tuple[str, str]) -> None:
    write_settings(settings_toml(*demo_urls))
    done = switchtower("providers", "test", "demo-a")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("demo-a: healthy, ")
    assert done.out.endswith("4 models.\n")
    told = json.loads(switchtower("providers", "test", "demo-b", "--json").out)
    assert told["state"] == "healthy"
    assert told["checked_at"].endswith("Z")  # as GET /v1/status writes it


def test_testing_one_that_is_down(switchtower: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    switchtower(
        "providers", "add", "openai-compatible", "--base-url", f"http://127.0.0.1:{port}/v1", "--key-from", "none"
    )
    done = switchtower("providers", "test", "openai-compatible")
    assert done.code == 1
    assert done.out.startswith("openai-compatible: unreachable. ")


def test_a_variable_that_is_not_set_is_said_at_once(
    switchtower: Callable, environ: dict[str, str], keyring: MemoryKeyring
) -> None:
    assert "\nBK is not set here: " in switchtower("providers", "add", "openai", "--key-from", "env:BK").out
    environ["BK"] = "sk-0123456789"
    assert "BK" not in switchtower("providers", "add", "openai", "--key-from", "env:BK").out


def test_testing_one_that_is_switched_off(switchtower: Callable, keyring: MemoryKeyring) -> None:
    switchtower("providers", "add", "openai")
    switchtower("providers", "disable", "openai")
    done = switchtower("providers", "test", "openai")
    assert done.out == "openai: disabled. Let it get requests with `switchtower providers enable openai`.\n"


def test_testing_one_without_a_key(switchtower: Callable, keyring: MemoryKeyring) -> None:
    switchtower("providers", "add", "openai", "--key-from", "env:NO_SUCH_KEY")
    done = switchtower("providers", "test", "openai")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("openai: needs key. ")
    assert "NO_SUCH_KEY" in done.out


def test_one_model_is_singular() -> None:
    status = ProviderStatus(
        "a", "a", "A", enabled=True, priority=1, state=HealthState.SLOW, latency_ms=2400.4, models=1
    )
    assert describe_status(status) == "a: slow, 2400 ms, 1 model."
