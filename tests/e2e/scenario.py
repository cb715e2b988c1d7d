"""What every end-to-end test does in front of the program: two providers, one of them fails, tokens are counted."""

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import openai

from e2e.program import Place, free_port
from e2e.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from faults.upstream import FaultyUpstream

KEYS = {"alpha": "sk-alpha-0123456789abcdef", "beta": "sk-beta-0123456789abcdef"}
QUESTION: Any = [{"role": "user", "content": "Who are you?"}]
MODEL = "test-small"
PROVIDER = """
[[providers]]
id = "{name}"
kind = "openai-compatible"
base_url = "{base_url}"
priority = {priority}
key = "{key}"
"""


@dataclass
class Scenario:
    """Two OpenAI-compatible providers: alpha first, beta when alpha cannot answer."""

    home: "Path"
    alpha: "FaultyUpstream"
    beta: "FaultyUpstream"
    port: int = 0

    def configure(self, env: dict[str, str], **place: str) -> Place:
        """Write the settings as a user would, and put both keys into the keyring through the command line."""
        at = self.write_settings(env, key="keyring", **place)
        for name, key in KEYS.items():
            at.tell("keys", "set", name, given=key + "\n")
        return at

    def write_settings(self, env: dict[str, str], key: str, **place: str) -> Place:
        """Write the settings with keys from `key` (`{NAME}` in it becomes the provider's name in capitals)."""
        self.port = free_port()
        at = Place(self.home, env, **place)
        text = f"[server]\nport = {self.port}\n"
        for priority, (name, upstream) in enumerate((("alpha", self.alpha), ("beta", self.beta)), 1):
            values = {"name": name, "base_url": upstream.base_url, "priority": priority}
            text += PROVIDER.format(**values, key=key.replace("{NAME}", name.upper()))
        at.settings_file.write_text(text)
        at.settings_file.chmod(0o600)
        return at


class Client:
    """The real `openai` package in front of the program, and a plain client for what it does not know."""

    def __init__(self, base_url: str, token: str) -> None:
        self._http = httpx.Client(trust_env=False, timeout=20)
        self._url = base_url
        self._token = token
        self.openai = openai.OpenAI(base_url=base_url, api_key=token, max_retries=0, http_client=self._http)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def chat(self, model: str = MODEL) -> tuple[str, str]:
        """Ask once; return the provider that the header names and the text."""
        raw = self.openai.chat.completions.with_raw_response.create(model=model, messages=QUESTION)
        return raw.headers["x-switchtower-provider"], raw.parse().choices[0].message.content or ""

    def stream(self, model: str = MODEL) -> tuple[str, str, list[str]]:
        """Ask for a stream; return the header's provider, the whole text, and every finish reason seen."""
        raw = self.openai.chat.completions.with_raw_response.create(model=model, messages=QUESTION, stream=True)
        with raw.parse() as chunks:
            choices = [choice for chunk in chunks for choice in chunk.choices]
        text = "".join(choice.delta.content or "" for choice in choices)
        return raw.headers["x-switchtower-provider"], text, [c.finish_reason for c in choices if c.finish_reason]

    def status(self) -> dict[str, dict[str, Any]]:
        """The providers of `/v1/status` by their id."""
        reply = self._http.get(f"{self._url}/status", headers={"authorization": f"Bearer {self._token}"})
        reply.raise_for_status()
        return {provider["id"]: provider for provider in reply.json()["providers"]}


@contextmanager
def client(base_url: str, token: str) -> "Iterator[Client]":
    """A client that is closed at the end."""
    made = Client(base_url, token)
    try:
        yield made
    finally:
        made.close()


def ask_everything(ask: Client, name: str, upstream: "FaultyUpstream") -> int:
    """Use each operation once and see that provider `name` answered it; return how many requests that were."""
    before = len(upstream.posts)
    assert {"test-small", "test-large"} <= {model.id for model in ask.openai.models.list()}
    provider, text = ask.chat()
    assert (provider, text.split()[0]) == (name, name)
    provider, text, finished = ask.stream()
    assert (provider, text.split()[0], finished) == (name, name, ["stop"])
    completion = ask.openai.completions.create(model=MODEL, prompt="Once upon a time", suffix="the end.")
    assert completion.choices[0].text.startswith(name)
    embeddings = ask.openai.embeddings.create(model=MODEL, input=["one", "two"])
    assert [len(row.embedding) for row in embeddings.data] == [3, 3]
    assert len(upstream.posts) == before + 4
    assert {request.header("authorization") for request in upstream.posts} == {f"Bearer {KEYS[name]}"}
    return 4


def kill_first(ask: Client, scenario: Scenario) -> None:
    """Kill alpha: the very next request is answered by beta, and the status says so soon."""
    scenario.alpha.kill()
    provider, text = ask.chat()
    assert (provider, text.split()[0]) == ("beta", "beta")
    eventually(lambda: ask.status()["alpha"]["state"] == "unreachable", "alpha shown as unreachable", 5)
    assert ask.status()["beta"]["state"] == "healthy"
    assert "alpha" in ask.status()["alpha"]["detail"]


def usage_by_provider(place: Place) -> dict[str, dict[str, Any]]:
    """The rows of `switchtower usage` by provider."""
    usage = json.loads(place.tell("usage", "--since", "1d", "--by", "provider", "--json"))
    return {row["key"]: row for row in usage["rows"]}
