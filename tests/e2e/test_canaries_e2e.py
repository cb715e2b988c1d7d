"""Keys planted in keyring and environment are looked for wherever they could have got to (S11): there is none."""

import base64
import json
import secrets
import urllib.parse
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest

from e2e.program import Place
from e2e.scenario import MODEL, QUESTION, Scenario, client
from e2e.waiting import eventually
from faults import plays
from faults.play import Play

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.desktop import Desktop

pytestmark = pytest.mark.desktop


def spellings(secret: str) -> list[bytes]:
    """A secret as it may be written: plain, URL-encoded, reversed, in base64 wherever it begins, in hex, its halves."""
    plain = secret.encode()
    shifted = [base64.b64encode(bytes(shift) + plain)[4:-4] for shift in range(3)]
    half = len(plain) // 2
    found = [plain, urllib.parse.quote(secret, safe="").encode(), plain[::-1], plain.hex().encode(), *shifted]
    return [*found, plain[:half], plain[half:]]


def telltales(key: str) -> tuple[Play, ...]:
    """A provider that repeats the key in whatever it refuses."""
    text = f"The key {key} ({key[::-1]}, {base64.b64encode(key.encode()).decode()}) is refused."
    where = f"https://sign-in.example/{key}?key={urllib.parse.quote(key, safe='')}"
    event = json.dumps({"error": {"message": text, "type": key, "code": None}}).encode()
    return (
        plays.error(400, text, "bad_thing", param=key),
        plays.error(401, text, "invalid_api_key"),
        plays.error(429, text, "rate_limit_exceeded", "requests"),
        plays.error(500, text, key, "server_error"),
        Play("redirect that tells", status=302, headers=(("location", where),), body=b""),
        Play("garbage that tells", raw=f"{text}\r\n\r\n".encode()),
        Play("200 that tells", body=event),
        plays.ERROR_FIRST.but(error=event),
        plays.ERROR_LATER.but(error=event),
        plays.TRUNCATED_CHUNKED,
        plays.OK,
    )


def ask_for_everything(url: str, token: str) -> str:
    """Plain, streamed, embeddings and the lists; with wrong tokens and nonsense beside. Return all that was said."""
    said = []
    with client(url, token) as ask:
        for stream in (False, True):
            with suppress(openai.APIError):
                answer: Any = ask.openai.chat.completions.create(model=MODEL, messages=QUESTION, stream=stream)
                said += [str(chunk) for chunk in answer] if stream else [str(answer)]
        with suppress(openai.APIError):
            said.append(str(ask.openai.embeddings.create(model=MODEL, input="one")))
    with httpx.Client(trust_env=False, headers={"authorization": f"Bearer {token}"}, timeout=20) as http:
        said += [http.get(f"{url}/{path}").text for path in ("models", "status", f"models?key={token}", "nothing")]
        said.append(http.get(f"{url}/models?key={token}x", headers={"authorization": f"Bearer {token}x"}).text)
        body = {"model": MODEL, "messages": QUESTION}
        reply = http.post(f"{url}/chat/completions", json=body)
        said += [str(reply.headers), reply.text, http.post(f"{url}/chat/completions", content=b"{").text]
    return "\n".join(said)


def say_everything(place: Place, export: "Path") -> str:
    """What the commands print that show settings, keys and states, and what they say of a file with a key in it."""
    said = []
    for command in (
        "status", "status --json", "doctor", "doctor --json", "providers list --json", "providers test alpha --json",
        "providers test beta", "keys list", "keys list --json", "clients list", "usage --by model --json",
        "config check", "config show", f"config export {export}",
    ):  # fmt: skip
        done = place.cli(*command.split())
        said += [done.stdout, done.stderr]
    return "\n".join(said)


def hits(folder: "Path", needles: list[bytes]) -> list[str]:
    """The files below `folder` that hold one of `needles`."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    return [str(path) for path in files if any(needle in path.read_bytes() for needle in needles)]


def test_no_key_and_no_token_gets_anywhere(machine: "Desktop", scenario: Scenario, tmp_path: "Path") -> None:
    keys = {name: f"{secrets.token_urlsafe(20)}/+{name}=" for name in ("alpha", "beta")}
    (tmp_path / "tmp").mkdir()
    env = machine.env | {"SWITCHTOWER_LOG": "debug", "BETA_KEY": keys["beta"], "TMPDIR": str(tmp_path / "tmp")}
    place = scenario.write_settings(env, key="env:{NAME}_KEY")
    place.tell("keys", "set", "alpha", given=keys["alpha"] + "\n")
    shown = ""
    with place.start("serve") as program:
        url = program.wait_listening()
        token = place.tell("token", "show")
        for alpha, beta in zip(telltales(keys["alpha"]), telltales(keys["beta"]), strict=True):
            scenario.alpha.script(alpha)
            scenario.beta.script(beta)
            shown += ask_for_everything(url, token)
        good = place.settings_file.read_text()
        place.settings_file.write_text(good + f'api_key = "{keys["alpha"]}"\n')
        problem = eventually(
            lambda: json.loads(place.cli("status", "--json").stdout)["settings_problem"], "the problem"
        )
        assert "api_key" in problem
        shown += place.cli("config", "check").stderr
        place.settings_file.write_text(good)
        shown += say_everything(place, tmp_path / "export.toml")
        assert program.stop() == 0, program.text
    used = {request.header("authorization") for request in (*scenario.alpha.posts, *scenario.beta.posts)}
    assert used == {f"Bearer {key}" for key in keys.values()}  # they were indeed in use
    needles = [spelling for secret in (*keys.values(), token) for spelling in spellings(secret)]
    said = (shown + program.text).encode()
    assert [needle for needle in needles if needle in said] == []
    assert (place.home / "logs" / "switchtower.log").stat().st_size > 1000
    assert hits(tmp_path, needles) == []
    assert hits(machine.root, needles) == []
    (tmp_path / "planted").write_text(f"key={keys['beta'][::-1]}")
    assert hits(tmp_path, needles) == [str(tmp_path / "planted")]  # the search does find what is there
