import json
import socket
from collections.abc import Callable

from app.server.demo import settings_toml
from app.store.memory_keyring import MemoryKeyring


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_all_is_well(
    switchtower: Callable, write_settings: Callable, demo_urls: tuple[str, str], keyring: MemoryKeyring
) -> None:
    write_settings(f"[server]\nport = {free_port()}\n" + settings_toml(*demo_urls).replace("schema = 1", ""))
    done = switchtower("doctor")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("\nEverything is in order.\n")
    told = json.loads(switchtower("doctor", "--json").out)
    assert told["ok"] is True, [check for check in told["checks"] if check["state"] != "ok"]
    assert [check["name"] for check in told["checks"]] == [
        "settings", "folders", "keyring", "port", "proxy", "demo-a", "demo-b"
    ]  # fmt: skip


def test_what_is_broken_has_a_remedy_and_exit_code_1(
    switchtower: Callable, write_settings: Callable, keyring: MemoryKeyring
) -> None:
    write_settings(
        f'[server]\nport = {free_port()}\n[[providers]]\nid = "openai"\nkind = "openai"\nkey = "env:NOT_SET"\n'
    )
    done = switchtower("doctor")
    assert (done.code, done.err) == (1, "")
    assert "BROKEN openai    needs key. OpenAI has no key for api.openai.com." in done.out
    assert "Set the environment variable NOT_SET." in done.out
    assert done.out.endswith("\nBroken: openai.\n")
    told = json.loads(switchtower("doctor", "--json").out)
    assert told["ok"] is False
    assert {"name", "state", "text", "remedy"} == set(told["checks"][0])


def test_a_bad_settings_file(switchtower: Callable, write_settings: Callable, keyring: MemoryKeyring) -> None:
    write_settings("port = 1\n")
    done = switchtower("doctor")
    assert done.code == 1
    assert "BROKEN settings  config.toml:1: port: unknown key" in done.out
