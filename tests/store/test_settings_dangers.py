"""What an import must not do without a yes; and what it may."""

import pytest

from app.store.settings import Alerts, Privacy, Provider, Routing, Server, Settings
from app.store.settings_dangers import Facts, dangers
from app.store.settings_text import parse

CATALOG = {"openai": "https://api.openai.com/v1", "ollama": "http://127.0.0.1:11434"}
FACTS = Facts(
    lambda provider: provider.base_url or CATALOG[provider.kind],
    lambda provider: provider.key == "none" or provider.kind == "ollama",
)
STOP = '[[budgets]]\nscope = "{}"\nusd_per_day = {}\naction = "{}"\n'
PRICE = '[[prices]]\nmodel = "{}"\ninput_usd_per_million = {}\noutput_usd_per_million = 1.0\n'


def provider(more: str = "", kind: str = "openai") -> str:
    return f'[[providers]]\nid = "p"\nkind = "{kind}"\n{more}\n'


def said(before: str, after: str) -> list[str]:
    """Where the warnings point, of a change from one file to another."""
    found = dangers(parse("a", before, None), parse("b", after, None), FACTS)
    return [warning.partition(" ")[0].rstrip(":") if ": " in warning else warning for warning in found]


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("", "[server]\nlan = true", "server.lan"),
        ("[server]\nlan = true", '[server]\nlan = true\nhost = "0.0.0.0"', "server.host"),
        ("", '[server]\nallowed_hosts = ["x.example"]', "server.allowed_hosts"),
        ("", '[server]\nallowed_origins = ["https://x.example"]', "server.allowed_origins"),
        ("", "[server]\nkeyless_port = 11434", "server.keyless_port"),
        ("[server]\nkeyless_port = 1", "[server]\nkeyless_port = 2", "server.keyless_port"),
        ("", '[alerts]\nwebhook = "https://evil.example/x"', "alerts.webhook"),
        ('[alerts]\nwebhook = "env:HOOK"', '[alerts]\nwebhook = "env:OTHER"', "alerts.webhook"),
        ('[routing]\nforced_provider = "p"\n' + provider(), provider(), "routing.forced_provider"),
        ("", "[privacy]\ncapture_bodies = true", "privacy.capture_bodies"),
        ("", "[privacy]\nretention_days = 1", "privacy.retention_days"),
        (STOP.format("all", 5.0, "stop"), STOP.format("all", 5.0, "warn"), "budgets"),
        (STOP.format("all", 5.0, "stop"), "", "budgets"),
        (STOP.format("all", 5.0, "stop"), STOP.format("all", 6.0, "stop"), "budgets"),
        (STOP.format("all", 5.0, "stop"), STOP.format("client:x", 5.0, "stop"), "budgets"),
        (STOP.format("all", 5.0, "stop"), STOP.format("all", 5.0, "stop").replace("day", "month"), "budgets"),
        (STOP.format("all", 5.0, "stop"), STOP.format("all", 5.0, "stop") + PRICE.format("gpt-5", 0.0), "prices"),
    ],
)
def test_what_needs_a_yes(before: str, after: str, key: str) -> None:
    assert said(before, after) == [key]
    assert said(after, after) == []


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("", 'key = "none"\nbase_url = "https://evil.example/v1"', "requests would go to evil.example without a key"),
        ("", 'base_url = "http://10.1.2.3:80/v1"', "requests would go to 10.1.2.3 without a key"),
        ("", 'ca_file = "/tmp/ca.pem"', "ca_file decides"),
        ("", 'proxy = "http://evil.example:1"', "proxy: "),
        ('proxy = "http://mine.example:1"', "", "proxy: "),
        ("", 'headers = {x-to = "evil"}', "headers: "),
        ('headers = {x-zero-retention = "1"}', "", "headers: "),
        ("", 'base_url = "https://api.openai.com/of/another"', "base_url: "),
        ("", 'key = "env:OTHER_SECRET"', "key: "),
        ('key = "env:MINE"', 'key = "default"', "key: "),
        ("enabled = false", "", "enabled: "),
    ],
)
def test_what_needs_a_yes_of_a_provider(before: str, after: str, what: str) -> None:
    now, then = parse("a", provider(before), None), parse("b", provider(after), None)
    (found,) = dangers(now, then, FACTS)
    assert found.startswith(f"p: {what}")
    assert list(dangers(then, then, FACTS)) == []


@pytest.mark.parametrize(
    ("more", "kind", "count"),
    [
        ("", "openai", 0),
        ('base_url = "https://evil.example/v1"', "openai", 0),  # it gets a key of its own first, or nothing
        ('key = "none"\nbase_url = "http://localhost:81/v1"\nproxy = "none"', "openai", 0),
        ("", "ollama", 0),
        ('base_url = "https://evil.example"', "ollama", 1),
        ('proxy = "http://evil.example:1"\nca_file = "/x"\nheaders = {a = "b"}', "openai", 3),
    ],
)
def test_a_new_provider(more: str, kind: str, count: int) -> None:
    assert len(list(dangers(Settings(), parse("b", provider(more, kind), None), FACTS))) == count


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[server]\nlan = true\nkeyless_port = 1", "[server]\nport = 9000"),
        ('[alerts]\nwebhook = "https://mine.example"', ""),
        ("[privacy]\nretention_days = 1\ncapture_bodies = true", ""),
        (STOP.format("all", 5.0, "stop"), STOP.format("all", 4.0, "stop")),
        (STOP.format("all", 5.0, "warn"), ""),
        ("", '[routing]\nforced_provider = "p"\n' + provider()),
        (provider(), provider("enabled = false")),
        (provider('key = "env:MINE"'), provider('key = "none"')),
        (provider(), provider('base_url = "https://API.openai.com:443/v1/"')),
    ],
)
def test_what_needs_none(before: str, after: str) -> None:
    assert said(before, after) == []


def test_values_are_not_repeated() -> None:
    secret = "https://hooks.example/T000/SECRET"
    hooked = parse("b", f'[alerts]\nwebhook = "{secret}"', None)
    assert "SECRET" not in " ".join(dangers(Settings(), hooked, FACTS))


def test_every_setting_was_thought_of() -> None:
    """A new key fails here: say in `settings_dangers.py` what it could do, if anything, then list it."""
    assert set(Settings.model_fields) == {
        *("schema_", "server", "limits", "routing", "health", "models", "privacy", "alerts"),
        *("budgets", "providers", "aliases", "clients", "prices"),
    }
    assert set(Provider.model_fields) == {
        *("id", "kind", "base_url", "key", "api_version", "enabled", "critical", "priority", "weight", "models"),
        *("model_map", "headers", "proxy", "ca_file", "limits", "pool", "timeouts", "retry", "breaker"),
    }
    assert set(Server.model_fields) == {
        *("host", "lan", "port", "allowed_hosts", "allowed_origins", "max_body_mib", "keyless_port"),
    }
    assert set(Routing.model_fields) == {
        *("strategy", "max_attempts", "retry_budget_percent", "session_affinity", "forced_provider", "max_wait_s"),
        "content_filter_next",
    }
    assert set(Privacy.model_fields) | set(Alerts.model_fields) == {"capture_bodies", "retention_days", "webhook"}
