# ruff: noqa: ASYNC240  # a test may make its own loop wait for a file
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import checks
from app.cli.session import Session
from app.server.demo import settings_toml
from app.store.memory_keyring import MemoryKeyring


async def test_settings(environ: dict[str, str], write_settings: Callable) -> None:
    found, hint = await checks.settings(Session(environ))
    assert (found.state, hint.state) == ("ok", "note")
    write_settings("[serve]\n")
    (found,) = await checks.settings(Session(environ))
    assert found.state == "broken"
    assert "config.toml:1: serve: unknown key" in found.text
    assert "config.toml" in found.remedy


async def test_a_budget_of_nobody_is_a_note(environ: dict[str, str], write_settings: Callable) -> None:
    write_settings('[[providers]]\nid = "openai"\nkind = "openai"\n[[budgets]]\nscope = "provider:OpenAI"\n')
    found, told = await checks.settings(Session(environ))
    assert (found.state, told.state) == ("ok", "note")
    assert told.text.startswith("Without effect: budgets[0].scope: ")
    assert told.text.endswith('nearest: "openai".')
    assert "config.toml" in told.remedy


async def test_folders_that_are_open_to_others(environ: dict[str, str], write_settings: Callable, home: Path) -> None:
    file = write_settings("")
    assert [finding.state for finding in await checks.folders(Session(environ))] == ["ok"]
    home.chmod(0o755)
    file.chmod(0o644)
    found = await checks.folders(Session(environ))
    assert {finding.state for finding in found} == {"broken"}
    assert [finding.remedy for finding in found] == [f"chmod 700 {home}", f"chmod 600 {file}"]


async def test_a_keyring_that_answers(environ: dict[str, str], keyring: MemoryKeyring) -> None:
    (found,) = await checks.keyring(Session(environ))
    assert found.state == "ok"


async def test_no_keyring(environ: dict[str, str], write_settings: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    (found,) = await checks.keyring(Session(environ))
    assert found.state == "note"  # nothing here needs it
    write_settings('[[providers]]\nid = "openai"\nkind = "openai"\n')
    (found,) = await checks.keyring(Session(environ))
    assert found.state == "broken"
    assert found.remedy
    write_settings("[server]\nprot = 1\n")
    (found,) = await checks.keyring(Session(environ))
    assert found.state == "note"  # the settings are what is broken
    (found,) = await checks.keyring(Session({**environ, "SWITCHTOWER_TOKEN": "short"}))
    assert (found.state, found.text) == ("broken", "SWITCHTOWER_TOKEN is shorter than 20 characters.")


async def test_a_free_port_and_a_taken_one(environ: dict[str, str], write_settings: Callable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        write_settings(f"[server]\nport = {server.getsockname()[1]}\n")
        server.close()
        (found,) = await checks.port(Session(environ))
    assert found.state == "ok"
    assert "is free; Switchtower is not running." in found.text


async def test_our_own_port(environ: dict[str, str], instance: str) -> None:
    (found,) = await checks.port(Session(environ))
    assert found.state == "ok"
    assert "is Switchtower's (process " in found.text


async def test_a_strangers_port(environ: dict[str, str], instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = await checks.port(Session({**environ, "SWITCHTOWER_TOKEN": "another-token-0123456789"}))
    assert found.state == "broken"
    assert "not this Switchtower" in found.text
    assert "server.port" in found.remedy


async def test_a_mute_program_on_the_port(
    environ: dict[str, str], write_settings: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.instance.ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        write_settings(f"[server]\nport = {server.getsockname()[1]}\n")
        (found,) = await checks.port(Session(environ))
    assert found.state == "broken"
    assert found.text.endswith("does not answer as Switchtower does (nothing within 0.3 s).")
    assert found.remedy == "End that program, or choose another server.port."


async def test_the_proxy(environ: dict[str, str]) -> None:
    (none,) = await checks.proxy(Session(environ))
    (some,) = await checks.proxy(Session({**environ, "HTTPS_PROXY": "http://user:password@proxy.test:3128"}))
    (bad,) = await checks.proxy(Session({**environ, "HTTPS_PROXY": "gopher://proxy.test"}))
    assert (none.state, some.state, bad.state) == ("ok", "ok", "broken")
    assert some.text == "Requests go through proxy.test:3128."


async def test_providers(environ: dict[str, str], write_settings: Callable, demo_urls: tuple[str, str]) -> None:
    write_settings(
        settings_toml(*demo_urls)
        + '[[providers]]\nid = "off"\nkind = "openai"\nenabled = false\n'
        + '[[providers]]\nid = "keyless"\nkind = "openai"\nkey = "env:NOT_SET"\n'
    )
    found = await checks.providers(Session(environ))
    assert [(finding.name, finding.state) for finding in found] == [
        ("demo-a", "ok"), ("demo-b", "ok"), ("off", "note"), ("keyless", "broken")
    ]  # fmt: skip
    assert "NOT_SET" in found[3].text


async def test_invalid_settings_leave_out_what_needs_them(environ: dict[str, str], write_settings: Callable) -> None:
    write_settings("[serve]\n")
    names = [finding.name for finding in await checks.examine(Session(environ))]
    assert "settings" in names
    assert "proxy" in names
    assert "port" not in names


async def test_a_folder_that_cannot_be_reached(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o600)
    found = await checks.folders(Session({**environ, "SWITCHTOWER_HOME": str(tmp_path / "file" / "home")}))
    assert {finding.state for finding in found} == {"broken"}
    assert "cannot be reached" in found[0].text


async def test_a_folder_without_room(environ: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    home.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    found = (await checks.folders(Session(environ)))[0]
    assert (found.state, found.text) == ("broken", f"A file in {home} cannot be written: No space left on device.")
    assert "Free some space" in found.remedy


async def test_a_variable_that_is_not_set_is_a_note_where_it_does_without(
    environ: dict[str, str], write_settings: Callable, demo_urls: tuple[str, str]
) -> None:
    row = '[[providers]]\nid = "own"\nkind = "openai-compatible"\nbase_url = "{}"\nkey = "env:BK"\n'
    write_settings(row.format(demo_urls[0]))
    answers, told = await checks.providers(Session(environ))
    assert (answers.name, answers.state, told.name, told.state) == ("own", "ok", "own", "note")
    assert told.text == "BK is not set here, so it is asked without a key."
    assert len(await checks.providers(Session({**environ, "BK": "any-key-0123456789"}))) == 1


async def test_a_folder_that_cannot_be_made(
    environ: dict[str, str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # what a read-only file system says, root or not
    found = await checks.folders(Session({**environ, "SWITCHTOWER_HOME": str(home / "sub")}))
    assert {finding.state for finding in found} == {"broken"}
    assert found[0].text == f"{home / 'sub'} cannot be made, for {home.parent} cannot be written."
    assert "SWITCHTOWER_HOME" in found[0].remedy


async def test_a_problem_of_the_running_instance(
    environ: dict[str, str], instance: str, write_settings: Callable
) -> None:
    write_settings("[server\n")
    session = Session(environ)
    while len(found := await checks.port(session)) == 1:
        pass
    assert found[1].state == "broken"
    assert "config.toml:1: not valid TOML" in found[1].text
