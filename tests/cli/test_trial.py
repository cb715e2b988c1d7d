"""A message to a provider from the command line: only after asking, answered in one line, and in the ledger."""

import io
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import trial
from app.engine.trial import Trial
from app.server.demo import settings_toml
from app.store.memory_keyring import MemoryKeyring


@pytest.fixture
def write_rows(write_settings: Callable[[str], Path], unused_tcp_port: int) -> Callable[[str], Path]:
    """Settings with a port of their own: at the usual one the program may run on this machine, and would be asked."""
    return lambda rows: write_settings(f"{rows}\n[server]\nport = {unused_tcp_port}\n")


@pytest.fixture
def demo(write_rows: Callable[[str], Path], demo_urls: tuple[str, str]) -> None:
    paid = settings_toml(*demo_urls).replace('kind = "openai-compatible"', 'kind = "openai"')
    assert 'kind = "openai"' in paid
    write_rows(paid)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("demo", "keyring")
def test_a_message_is_sent_and_kept_in_the_ledger(switchtower: Callable) -> None:
    done = switchtower("providers", "test", "demo-a", "--message", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("demo-a: demo-")
    assert " ms, " in done.out
    (row,) = json.loads(switchtower("requests", "--json").out)
    assert (row["client"], row["provider"], row["outcome"]) == ("switchtower", "demo-a", "ok")


@pytest.mark.usefixtures("demo", "keyring")
def test_the_model_may_be_named(switchtower: Callable) -> None:
    argv = ("providers", "test", "demo-a", "--message", "--yes")
    told = json.loads(switchtower(*argv, "--model", "demo-large", "--json").out)
    assert (told["model"], told["problem"]) == ("demo-large", "")
    assert told["text"]
    unknown = switchtower(*argv, "--model", "nope")
    assert unknown.code == 1
    assert "nope" in unknown.out


@pytest.mark.usefixtures("demo", "keyring")
@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_it_asks_before(switchtower: Callable, monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    done = switchtower("providers", "test", "demo-a", "--message")
    assert done.code == code
    assert "usually less than a cent" in done.err
    assert ("Nothing was sent" in done.err) is (code == 1)


@pytest.mark.usefixtures("demo", "keyring")
def test_where_there_is_nobody_to_ask_nothing_is_sent(switchtower: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    done = switchtower("providers", "test", "demo-a", "--message")
    assert done.code == 1
    assert "--yes" in done.err
    assert json.loads(switchtower("requests", "--json").out) == []


def test_a_server_of_ones_own_costs_nothing(
    switchtower: Callable, write_rows: Callable[[str], Path], demo_urls: tuple[str, str], keyring: MemoryKeyring
) -> None:
    write_rows(f'[[providers]]\nid = "own"\nkind = "llamacpp"\nbase_url = "{demo_urls[0]}"\nkey = "none"\n')
    assert switchtower("providers", "test", "own", "--message").code == 0


def test_a_provider_with_nothing_to_ask_for_free_gets_its_message(
    switchtower: Callable, write_rows: Callable[[str], Path], demo_urls: tuple[str, str], keyring: MemoryKeyring
) -> None:
    row = f'[[providers]]\nid = "fixed"\nkind = "perplexity"\nbase_url = "{demo_urls[0]}"\nkey = "none"\n'
    write_rows(f'{row}models = ["demo-small"]\n')
    assert "nothing that could be asked for free" in switchtower("providers", "test", "fixed").out
    done = switchtower("providers", "test", "fixed", "--message", "--yes")
    assert (done.code, done.out[:25]) == (0, "fixed: demo-small answered"[:25])


@pytest.mark.usefixtures("instance", "keyring")
def test_an_instance_that_runs_sends_it(switchtower: Callable) -> None:
    done = switchtower("providers", "test", "demo-a", "--message", "--yes")
    assert done.code == 0, done.err
    told = json.loads(switchtower("status", "--json").out)
    assert next(row["requests"] for row in told["providers"] if row["id"] == "demo-a") == 1


@pytest.mark.usefixtures("keyring")
def test_a_stranger_on_the_port_does_not_get_it(
    switchtower: Callable, write_settings: Callable[[str], Path], demo_urls: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("app.cli.instance.ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        write_settings(f"{settings_toml(*demo_urls)}\n[server]\nport = {stranger.getsockname()[1]}\n")
        done = switchtower("providers", "test", "demo-a", "--message", "--yes")
    assert (done.code, done.err) == (0, "")


@pytest.mark.usefixtures("demo", "keyring")
def test_options_of_the_message_alone_are_refused(switchtower: Callable) -> None:
    done = switchtower("providers", "test", "demo-a", "--yes")
    assert (done.code, done.err) == (2, "switchtower: --model and --yes go with --message.\n")


def test_what_is_said() -> None:
    assert trial.describe(Trial("p", "m", "Hi\x1b", "", 1234.5, 9, 3)).startswith('p: m answered "Hi')
    assert trial.describe(Trial("p", "m", "", "", 12.0)) == "p: m answered without words, 12 ms."
    assert trial.describe(Trial("p", "m", "", "It broke. Mend it.", 12.0)) == "p: It broke. Mend it."
