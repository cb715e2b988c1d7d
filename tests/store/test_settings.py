"""The settings: defaults of the contract, ranges at their edges, rules between keys, the example file."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.domain.models import ModelRef
from app.store.settings import SCHEMA, AliasRule, Budget, Provider, Settings, Strategy

EXAMPLE = Path(__file__).parents[2] / "resources" / "config.example.toml"
CONTRACT = Path(__file__).parents[3] / "shared" / "design" / "contract.md"
PROVIDER = {"id": "a", "kind": "openai"}


def valid(raw: dict[str, Any]) -> Settings:
    return Settings.model_validate(raw, context={"kinds": ("openai", "groq")})


def refused(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        valid(raw)
    return [".".join(map(str, error["loc"])) for error in caught.value.errors(include_url=False, include_input=False)]


def with_provider(**values: Any) -> dict[str, Any]:
    return {"providers": [PROVIDER | values]}


def test_nothing_is_valid_and_gives_the_defaults() -> None:
    settings = valid({})
    assert settings == Settings()
    assert (settings.server.host, settings.server.port, settings.server.lan) == ("127.0.0.1", 8484, False)
    assert settings.providers == ()
    assert settings.schema_ == SCHEMA == 1


@pytest.mark.parametrize("source", [EXAMPLE, CONTRACT], ids=["example", "contract"])
def test_the_written_defaults_are_the_defaults(source: Path) -> None:
    if not source.exists():
        pytest.skip("../shared is not there")
    text = source.read_text()
    raw = tomllib.loads(text.split("```toml")[1].split("```")[0] if source.suffix == ".md" else text)
    settings = valid(raw)
    assert (
        settings.model_copy(update={"providers": (), "aliases": (), "clients": (), "budgets": (), "prices": ()})
        == Settings()
    )
    assert settings.providers == (Provider(id="openai", kind="openai"),)
    assert settings.budgets == (Budget(),)
    assert settings.aliases == (AliasRule(name="fast", targets=raw["aliases"][0]["targets"]),)


def every_key(model: type[BaseModel], prefix: str = "") -> set[str]:
    keys = set()
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        annotation = getattr(field.annotation, "__args__", (field.annotation,))[0]
        nested = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        keys |= every_key(annotation, f"{key}.") if nested else {key}
    return keys


def test_the_example_has_every_key_and_a_comment_for_every_table() -> None:
    raw = tomllib.loads(EXAMPLE.read_text())

    def keys(table: dict[str, Any], prefix: str = "") -> set[str]:
        found = set()
        for name, value in table.items():
            nested = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
            is_table = isinstance(nested, dict) and name not in {"headers", "model_map"}
            found |= keys(nested, f"{prefix}{name}.") if is_table else {prefix + name}
        return found

    assert keys(raw) == every_key(Settings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().server.port = 1  # type: ignore[misc]  # that it is refused is the point


COUNTS = [
    *("limits.requests_per_minute", "limits.tokens_per_minute", "limits.concurrent", "server.max_body_mib"),
    *("routing.max_attempts", "privacy.retention_days"),
    *("providers.limits.requests_per_minute", "providers.limits.tokens_per_minute", "providers.limits.concurrent"),
    *("providers.pool.max_connections", "providers.pool.max_keepalive", "providers.retry.attempts"),
    *("providers.breaker.consecutive_failures", "providers.breaker.minimum_calls", "providers.breaker.closes_after"),
]
TIMES = [
    *("limits.queue_s", "routing.max_wait_s", "health.timeout_s", "models.cache_ttl_s"),
    *("providers.pool.keepalive_expiry_s", "providers.timeouts.connect_s", "providers.timeouts.first_byte_s"),
    *("providers.timeouts.idle_s", "providers.timeouts.total_s", "providers.retry.base_s", "providers.retry.cap_s"),
    "providers.breaker.window_s",
]
RANGES = [
    *((key, (0, 1, 20), (-1, 1.5, "1", True, 10**30)) for key in COUNTS),
    *((key, (0.01, 1, 86_400), (0, 0.009, -1, 86_401, float("nan"), float("inf"), "5", True)) for key in TIMES),
    ("health.interval_s", (0, 0.01, 86_400), (0.001, -1, 86_401, "0")),
    *((f"providers.breaker.{key}", (1, 86_400), (0.99, 86_401)) for key in ("open_s", "max_open_s")),
    ("providers.breaker.failure_ratio", (0, 0.5, 1), (-0.01, 1.01, "1")),
    *((f"server.{key}", (0, 1, 65_535), (-1, 65_536, "80")) for key in ("port", "keyless_port")),
    *((f"providers.{key}", (0, 1, 1000), (-1, 1001, 1.0)) for key in ("priority", "weight")),
    ("routing.retry_budget_percent", (0, 100), (-1, 101)),
    *((f"budgets.{key}", (0, 0.5, 1000), (-0.01, float("inf"), "1")) for key in ("usd_per_day", "usd_per_month")),
    *((key, (True, False), (0, 1, "true")) for key in ("server.lan", "routing.session_affinity", "providers.enabled")),
]


def nested(key: str, value: object) -> dict[str, Any]:
    """`key = value` as the tables of a file."""
    section, *rest = key.split(".")
    inner: dict[str, Any] = {rest[-1]: value}
    if len(rest) == 2:
        inner = {rest[0]: inner}
    if section == "providers":
        return with_provider(**inner)
    return {section: [inner]} if section == "budgets" else {section: inner}


@pytest.mark.parametrize(("key", "good", "bad"), RANGES, ids=[key for key, *_ in RANGES])
def test_ranges_at_their_edges(key: str, good: tuple[object, ...], bad: tuple[object, ...]) -> None:
    for value in good:
        valid(nested(key, value))
    for value in bad:
        section, rest = key.split(".", 1)
        where = f"{section}.0.{rest}" if section in {"providers", "budgets"} else key
        assert refused(nested(key, value)) == [where], value


def test_zero_where_one_is_the_least_that_makes_sense_counts_as_one() -> None:
    settings = valid({"routing": {"max_attempts": 0}} | with_provider(retry={"attempts": 0}))
    assert settings.routing.max_attempts == 1
    assert settings.providers[0].retry.attempts == 1
    assert settings.providers[0].limits.concurrent == 0


@pytest.mark.parametrize("strategy", list(Strategy))
def test_strategies(strategy: Strategy) -> None:
    assert valid({"routing": {"strategy": str(strategy)}}).routing.strategy is strategy


@pytest.mark.parametrize(
    "raw",
    [
        {"routing": {"strategy": "fastest"}},
        {"aliases": [{"name": "a", "targets": ["a/b"], "strategy": "fastest"}]},
        {"budgets": [{"action": "explode"}]},
    ],
)
def test_other_words_are_refused(raw: dict[str, Any]) -> None:
    assert len(refused(raw)) == 1


def test_only_kinds_of_the_registry() -> None:
    assert valid(with_provider(kind="groq"))
    assert refused(with_provider(kind="gorq")) == ["providers.0.kind"]
    assert Settings.model_validate(with_provider(kind="anything"))


def test_names_are_unique_whatever_their_case() -> None:
    assert refused({"providers": [PROVIDER, PROVIDER]}) == [""]
    assert refused({"providers": [PROVIDER, PROVIDER | {"id": "A"}]}) == [""]
    alias = {"name": "x", "targets": ["a/b"]}
    assert refused({"aliases": [alias, alias]}) == [""]


def test_a_forced_provider_must_be_there() -> None:
    assert valid({"routing": {"forced_provider": "a"}} | with_provider()).routing.forced_provider == "a"
    assert refused({"routing": {"forced_provider": "b"}} | with_provider()) == [""]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.3.2.1", "LOCALHOST"])
def test_loopback_needs_nothing(host: str) -> None:
    assert valid({"server": {"host": host}}).server.host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_other_hosts_need_lan(host: str) -> None:
    assert valid({"server": {"host": host, "lan": True}})
    assert refused({"server": {"host": host}}) == ["server"]


def test_the_two_ports_differ() -> None:
    assert refused({"server": {"port": 9, "keyless_port": 9}}) == ["server"]
    assert valid({"server": {"port": 0, "keyless_port": 0}})


def test_an_alias_becomes_the_router_s() -> None:
    rule = valid({"aliases": [{"name": "x", "targets": ["p/org/model:free"], "strategy": "weighted"}]}).aliases[0]
    assert rule.alias.targets == (ModelRef("p", "org/model:free"),)
    assert rule.alias.strategy == "weighted"


def test_a_provider_is_found_by_its_id() -> None:
    settings = valid(with_provider())
    assert settings.provider("a") is settings.providers[0]
    assert settings.provider("b") is None


def test_pydantic_s_own_text_holds_no_value() -> None:
    with pytest.raises(ValidationError) as caught:
        valid({"providers": [{"id": "a", "kind": "CANARY-1", "key": "CANARY-2"}], "server": {"port": "CANARY-3"}})
    assert "CANARY" not in str(caught.value)


def test_a_free_id_is_the_kind_or_has_the_first_number_that_is_not_taken() -> None:
    settings = Settings.model_validate(
        {"providers": [{"id": "openai", "kind": "openai"}, {"id": "openai-3", "kind": "openai"}]}
    )
    assert (settings.free_id("openai"), settings.free_id("groq")) == ("openai-2", "groq")


@pytest.mark.parametrize("webhook", ["", "https://hooks.example.com/x", "http://127.0.0.1:9/x", "env:HOOK"])
def test_a_webhook_is_a_safe_address_or_a_variable(webhook: str) -> None:
    assert Settings.model_validate({"alerts": {"webhook": webhook}}).alerts.webhook == webhook


@pytest.mark.parametrize("webhook", ["http://example.com/x", "ftp://example.com", "https://u:p@example.com", "env:"])
def test_any_other_webhook_is_refused(webhook: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"alerts": {"webhook": webhook}})


def test_clients_have_unique_names_and_limits() -> None:
    client = {"name": "cursor", "limits": {"requests_per_minute": 5}}
    assert valid({"clients": [client]}).clients[0].limits.requests_per_minute == 5
    assert refused({"clients": [client, client | {"name": "Cursor"}]}) == [""]
    assert refused({"clients": [{"name": "no spaces"}]}) == ["clients.0.name"]
    assert refused({"clients": [client | {"limits": {"concurrent": -1}}]}) == ["clients.0.limits.concurrent"]


def test_prices_are_complete_and_name_a_model_once() -> None:
    price = {"model": "m", "input_usd_per_million": 1, "output_usd_per_million": 2.5}
    assert valid({"prices": [price]}).prices[0].cache_read_usd_per_million is None
    assert refused({"prices": [price, price]}) == [""]
    assert refused({"prices": [{"model": "m", "input_usd_per_million": 1}]}) == ["prices.0.output_usd_per_million"]
    assert refused({"prices": [price | {"cache_read_usd_per_million": -1}]}) == ["prices.0.cache_read_usd_per_million"]
