import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli.main import build_parser
from app.cli.serve import _loop_factory
from app.server.demo import settings_toml
from cli.conftest import ROOT, TOKEN, serving


def ask(address: str, body: dict[str, object]) -> dict[str, object]:
    request = urllib.request.Request(  # noqa: S310  # our own address
        f"{address}/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  # our own address
        told: dict[str, object] = json.load(answer)
    return told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal(
    environ: dict[str, str], write_settings: Callable, demo_urls: tuple[str, str], number: signal.Signals, home: Path
) -> None:
    write_settings(settings_toml(*demo_urls))
    with serving(environ, "--port", "0") as (process, address):
        assert address.startswith("http://127.0.0.1:")
        assert address.endswith("/v1")
        told = ask(address, {"model": "demo-small", "messages": [{"role": "user", "content": "hello"}]})
        assert told["object"] == "chat.completion"
        process.send_signal(number)
        out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (0, "", "")
    assert (home / "logs" / "switchtower.log").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_one_line_and_exit_code_1(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving(environ, "--port", str(port)) as (process, line):
            out, err = process.communicate(timeout=15)
    assert (process.returncode, line, out) == (1, "", "")
    assert err.startswith(f"switchtower: 127.0.0.1:{port} is taken by ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [("[server\n", "config.toml:1: not valid TOML"), ('[server]\nport = "x"\n', "config.toml:2: server.port: must be")],
)
def test_bad_settings_are_one_line(environ: dict[str, str], write_settings: Callable, settings: str, said: str) -> None:
    write_settings(settings)
    with serving(environ, "--port", "0") as (process, line):
        _, err = process.communicate(timeout=15)
    assert (process.returncode, line) == (1, "")
    assert err.startswith(f"switchtower: {said}")
    assert err.count("\n") == 1


def test_a_home_that_cannot_be_used_is_one_line(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "app", "serve"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
        env={**environ, "SWITCHTOWER_HOME": str(tmp_path / "file" / "home")},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert "SWITCHTOWER_HOME" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_fast_loop_is_used_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop does not exist for this system")
    assert _loop_factory() is uvloop.new_event_loop


def test_without_the_fast_loop_asyncios_own_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    monkeypatch.setitem(sys.modules, "winloop", None)
    assert _loop_factory() is None


def test_in_this_process(
    switchtower: Callable, environ: dict[str, str], home: Path, write_settings: Callable, demo_urls: tuple[str, str]
) -> None:
    write_settings(settings_toml(*demo_urls))

    def end_when_it_listens() -> None:
        while not (home / "instance.json").exists():
            threading.Event().wait(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end_when_it_listens)
    thread.start()
    done = switchtower("serve", "--port", "0")
    thread.join()
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("listening on http://127.0.0.1:")
    assert not (home / "instance.json").exists()


@pytest.mark.parametrize("argv", [["--port", "7", "serve"], ["serve", "--port", "7"]])
def test_an_address_may_stand_on_both_sides_of_the_command(argv: list[str]) -> None:
    args = build_parser().parse_args(argv)
    assert (args.host, args.port) == ("", 7)


def test_a_second_one_of_the_same_home_says_that_it_runs_already(instance: str, switchtower: Callable) -> None:
    done = switchtower("serve", "--port", instance.removesuffix("/v1").rpartition(":")[2])
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"switchtower: Switchtower already runs at {instance}")
    assert done.err.count("\n") == 1


def test_settings_that_are_rejected_at_a_start_are_told(
    environ: dict[str, str], write_settings: Callable, home: Path
) -> None:
    write_settings("[server]\nport = 0\n")
    with serving(environ) as (process, _):
        process.terminate()
        assert process.communicate(timeout=15)[1] == ""
    write_settings("[server]\nprot = 0\n")
    with serving(environ) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        process.terminate()
        told = process.communicate(timeout=15)[1]
    said = "settings rejected, the last good ones are used: config.toml:2: server.prot: unknown key"
    assert told.startswith(f"switchtower: {said}")
    assert f"WARNING app.runtime {said}" in (home / "logs/switchtower.log").read_text()


def test_a_start_that_fails_in_this_process(switchtower: Callable, write_settings: Callable, home: Path) -> None:
    write_settings("[server\n")
    done = switchtower("serve")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("switchtower: config.toml:1: not valid TOML")
    assert "ERROR app.cli.serve does not start: config.toml:1: not valid" in (home / "logs/switchtower.log").read_text()
