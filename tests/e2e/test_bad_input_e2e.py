"""Whatever a client, a provider or a file sends: a clear error of the contract, one row for each request let in."""

import json
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from e2e.program import Place
from e2e.scenario import MODEL, QUESTION, Scenario
from e2e.waiting import eventually
from faults import plays
from faults.upstream import FaultyUpstream

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "sk-local-token-of-this-test-only"
CHAT = "chat/completions"
GOOD: dict[str, Any] = {"model": MODEL, "messages": QUESTION}
JSON = {"content-type": "application/json"}


@dataclass
class Running:
    """The program with two providers, and a client with the right token."""

    place: Place
    scenario: Scenario
    url: str
    http: httpx.Client

    def post(self, content: bytes | None = None, path: str = CHAT, **how: Any) -> httpx.Response:
        """Send JSON bytes, or whatever `how` says."""
        if content is not None:
            how = {"content": content, "headers": JSON} | how
        return self.http.post(f"{self.url}/{path}", **how)

    def rows(self) -> list[tuple[int, str]]:
        """Status and fault of every request in the usage database."""
        with closing(sqlite3.connect(f"file:{self.place.home}/usage.sqlite3?mode=ro", uri=True)) as database:
            return database.execute("SELECT status, fault FROM requests ORDER BY id").fetchall()


@pytest.fixture
def running(scenario: Scenario) -> "Iterator[Running]":
    """`serve` with keys from the environment."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(scenario.home), "SWITCHTOWER_TOKEN": TOKEN}
    env |= {"ALPHA_KEY": "sk-alpha-0123456789abcdef", "BETA_KEY": "sk-beta-0123456789abcdef"}
    place = scenario.write_settings(env, key="env:{NAME}_KEY")
    headers = {"authorization": f"Bearer {TOKEN}"}
    with place.start("serve") as program, httpx.Client(trust_env=False, timeout=20, headers=headers) as http:
        yield Running(place, scenario, program.wait_listening(), http)
        assert program.stop() == 0, program.text
        assert program.text.startswith("listening on ")
        assert "Traceback" not in program.text + (place.home / "logs" / "switchtower.log").read_text()


BAD_BODIES: list[tuple[bytes, str | None, int, str]] = [
    (b"", None, 400, "invalid_request"),
    (b'{"model":', None, 400, "invalid_request"),
    (b"[1]", None, 400, "invalid_request"),
    (b'{"model":"\xff","messages":[]}', None, 400, "invalid_request"),
    (b'{"messages":[]}', "model", 400, "invalid_request"),
    (b'{"model":5,"messages":[]}', "model", 400, "invalid_request"),
    (b'{"model":"alpha/a\\r\\nset-cookie: b","messages":[]}', "model", 400, "invalid_request"),
    (b'{"model":"alpha/' + b"x" * 100_000 + b'","messages":[]}', "model", 400, "invalid_request"),
    (b'{"model":"test-small"}', "messages", 400, "invalid_request"),
    (b'{"model":"test-small","messages":[],"stream":"yes"}', "stream", 400, "invalid_request"),
    (b'{"model":"test-smal","messages":[]}', "model", 404, "model_not_found"),
    (b'{"model":"test-smal","messages":[],"stream":true}', "model", 404, "model_not_found"),
]


def test_every_bad_body_is_told_and_kept_as_one_row(running: Running) -> None:
    expected = []
    for body, param, status, code in BAD_BODIES:
        reply = running.post(body)
        error = reply.json()["error"]
        assert (reply.status_code, error["code"], error["param"]) == (status, code, param), body[:60]
        assert set(error) == {"message", "type", "param", "code"}
        assert len(reply.content) < 1000
        assert reply.headers["x-should-retry"] == "false"
        assert reply.headers["x-request-id"].startswith("req_")
        expected.append((status, code))
    assert "test-small" in running.post(BAD_BODIES[-1][0]).json()["error"]["message"]
    expected.append(expected[-1])
    assert running.post(json=GOOD).status_code == 200
    eventually(lambda: running.rows() == [*expected, (200, "")], "one row for each")
    assert len(running.scenario.alpha.posts) == 1


def test_what_the_gate_refuses_is_told_and_spends_nothing(running: Running) -> None:
    refusals = [
        (running.post(json=GOOD, headers={"content-type": "text/plain"}), 415, "unsupported_media_type"),
        (running.post(bytes(65 * 1024 * 1024)), 413, "request_too_large"),
        (running.post(b"{}", "nothing"), 404, "not_found"),
        (running.http.get(f"{running.url}/{CHAT}"), 405, "method_not_allowed"),
        (running.post(json=GOOD, headers={"authorization": ""}), 401, "invalid_api_key"),
        (running.post(json=GOOD, headers={"authorization": "Bearer wrong"}), 401, "invalid_api_key"),
        (running.post(json=GOOD, headers={"host": "evil.test"}), 403, "forbidden"),
        (running.post(json=GOOD, headers={"origin": "https://evil.test"}), 403, "forbidden"),
    ]
    for reply, status, code in refusals:
        error = reply.json()["error"]
        assert (reply.status_code, error["code"]) == (status, code)
        assert error["message"].endswith(".")
    with socket.create_connection(("127.0.0.1", running.scenario.port)) as half:
        half.sendall(f"POST /v1/{CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n".encode())
        half.sendall(f"authorization: Bearer {TOKEN}\r\ncontent-length: 99\r\n\r\n{{".encode())
    assert running.post(json=GOOD).status_code == 200
    eventually(lambda: running.rows() == [(200, "")], "the one row of the one request")
    assert len(running.scenario.alpha.posts) == 1


def test_clients_choose_no_address_and_add_no_header(running: Running) -> None:
    """S18: what another proxy would obey is passed on as it is or dropped."""
    body = GOOD | {"api_base": running.scenario.beta.base_url, "extra_headers": {"x-evil": "1"}}
    headers = {"cookie": "a=b", "x-api-key": TOKEN, "x-portkey-custom-host": "evil.test", "x-forwarded-for": "1.2.3.4"}
    assert running.post(json=body, headers=headers | {"openai-organization": "o"}).status_code == 200
    (request,) = running.scenario.alpha.posts
    allowed = {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "authorization"}
    allowed.add("x-switchtower-hop")  # to hosts near this machine
    assert {name for name, _ in request.headers} <= allowed
    assert request.header("authorization") == "Bearer sk-alpha-0123456789abcdef"
    assert json.loads(request.body) == body
    assert not running.scenario.beta.posts


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(running: Running, status: int) -> None:
    """S17: the key stays home."""
    with FaultyUpstream("elsewhere") as elsewhere:
        away = plays.redirect(f"{elsewhere.base_url}/chat/completions").but(status=status)
        running.scenario.alpha.script(away)
        running.scenario.alpha.script_get(plays.redirect(f"{elsewhere.base_url}/models").but(status=status))
        assert running.place.cli("providers", "test", "alpha").returncode == 1
        assert running.post(json=GOOD).headers["x-switchtower-provider"] == "beta"
        running.scenario.beta.script(away)
        reply = running.post(json=GOOD)
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "unexpected_redirect")
        assert not elsewhere.requests


def test_files_and_folders_are_private(running: Running) -> None:
    """S20, after a first run."""
    running.post(json=GOOD)
    eventually(running.rows, "a row")
    for path in (running.place.home, *running.place.home.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_settings_that_break_while_it_runs_change_nothing_but_the_status(running: Running) -> None:
    def status() -> dict[str, Any]:
        return running.http.get(f"{running.url}/status").json()

    good = running.place.settings_file.read_text()
    for bad, said in (
        ("[server\n", "config.toml:1: not valid TOML"),
        ('[server]\nport = "x"\n', "config.toml:2: server.port: must be a whole number"),
        ('[[providers]]\nid = "a"\nkind = "opnai"\n', 'kind: unknown kind; nearest: "openai"'),
    ):
        running.place.settings_file.write_text(bad)
        eventually(lambda said=said: said in status()["settings_problem"], said, 5)
        assert running.post(json=GOOD).status_code == 200
        assert running.place.cli("config", "check").returncode == 1
    running.place.settings_file.write_text(good)
    eventually(lambda: not status()["settings_problem"], "good settings", 5)


def test_a_damaged_database_is_set_aside_and_requests_are_served(scenario: Scenario) -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(scenario.home), "SWITCHTOWER_TOKEN": TOKEN}
    place = scenario.write_settings(env, key="none")
    (place.home / "usage.sqlite3").write_bytes(b"this is no database" * 1000)
    with place.start("serve") as program:
        url = program.wait_listening()
        reply = httpx.post(f"{url}/{CHAT}", json=GOOD, headers={"x-api-key": TOKEN}, trust_env=False, timeout=20)
        assert reply.status_code == 200
        assert len(list(place.home.glob("usage.sqlite3.corrupt-*"))) == 1
        assert "usage.sqlite3.corrupt-" in place.tell("status")
        eventually(lambda: '"requests": 1' in place.tell("usage", "--json"), "the row in the new database")
        assert program.stop() == 0, program.text
    assert "Traceback" not in program.text
