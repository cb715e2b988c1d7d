"""The main job through `switchtower serve`, on a machine without a screen where PySide6 is not installed."""

import signal
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.bare_python import make_bare_python
from e2e.desktop import Desktop
from e2e.program import LISTENING, Place
from e2e.scenario import Scenario, ask_everything, client, kill_first, usage_by_provider
from e2e.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.desktop


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter without PySide6."""
    python = make_bare_python(tmp_path_factory.mktemp("bare"))
    for name in ("PySide6", "qasync", "shiboken6"):
        assert subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False).returncode == 1
    return python


def test_failover_usage_and_switching_off(machine: Desktop, scenario: Scenario, bare_python: str) -> None:
    place = scenario.configure(machine.env, python=bare_python)
    with place.start("serve") as program:
        url = program.wait_listening()
        assert program.lines[0] == f"listening on http://127.0.0.1:{scenario.port}/v1"
        token = place.tell("token", "show").splitlines()[-1]
        with client(url, token) as ask:
            asked = ask_everything(ask, "alpha", scenario.alpha)
            kill_first(ask, scenario)
            ask.stream()
            scenario.alpha.restart()
            place.tell("providers", "disable", "alpha")
            eventually(lambda: not ask.status()["alpha"]["enabled"], "alpha switched off", 5)
            before = len(scenario.alpha.posts)
            assert ask.chat()[0] == "beta"
            assert len(scenario.alpha.posts) == before
            assert "beta" in place.tell("status")
            rows = eventually(lambda: len(found := usage_by_provider(place)) == 2 and found, "usage of both")
            assert rows["alpha"]["requests"] == asked
            assert rows["beta"]["output_tokens"] == rows["beta"]["requests"] * scenario.beta.voice.completion_tokens
        assert program.stop(signal.SIGTERM) == 0, program.text
    assert "Traceback" not in program.text


def test_port_0_takes_a_free_one_and_sigint_ends_it(machine: Desktop, scenario: Scenario, bare_python: str) -> None:
    place = scenario.configure(machine.env, python=bare_python)
    with place.start("serve", "--port", "0") as program:
        url = program.wait_listening()
        assert LISTENING.fullmatch(program.lines[0])
        assert httpx.get(f"{url.removesuffix('/v1')}/health", trust_env=False).json() == {"status": "ok"}
        assert program.stop(signal.SIGINT) == 0, program.text


def test_a_stream_in_flight_is_told_when_the_program_ends(
    machine: Desktop, scenario: Scenario, bare_python: str
) -> None:
    from faults.play import Play, Then

    scenario.alpha.script(Play("silent after a word", after=1, then=Then.HANG))
    place = scenario.configure(machine.env, python=bare_python)
    with place.start("serve") as program:
        url = program.wait_listening()
        token = place.tell("token", "show").splitlines()[-1]
        body = {"model": "test-small", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        headers = {"authorization": f"Bearer {token}"}
        with (
            httpx.Client(trust_env=False, timeout=20) as http,
            http.stream("POST", f"{url}/chat/completions", json=body, headers=headers) as reply,
        ):
            lines = reply.iter_lines()
            assert "alpha" in next(line for line in lines if "alpha" in line)
            assert program.stop(signal.SIGTERM) == 0, program.text
            rest = "\n".join(lines)
        assert '"error"' in rest
        assert "[DONE]" not in rest


def test_a_taken_port_is_one_clear_line(
    machine: Desktop, scenario: Scenario, bare_python: str, tmp_path: "Path"
) -> None:
    place = scenario.configure(machine.env, python=bare_python)
    with place.start("serve") as program:
        program.wait_listening()
        other = Place(tmp_path / "other", machine.env, bare_python)
        other.settings_file.write_text(f"[server]\nport = {scenario.port}\n")
        second = other.cli("serve")
        assert second.returncode == 1
        assert second.stdout == ""
        assert len(second.stderr.strip().splitlines()) == 1
        assert str(scenario.port) in second.stderr
        assert program.running
        assert program.stop() == 0
