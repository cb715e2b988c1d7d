"""The settings as frozen models: every key of `config.toml`, its default, its range and how keys fit together."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from app.domain.hosts import is_loopback
from app.domain.models import Alias, ModelRef
from app.domain.names import nearest
from app.store import settings_rules as rules

SCHEMA = 1


class Strategy(StrEnum):
    """How candidates of equal rank share the load."""

    PRIORITY = "priority"
    ROUND_ROBIN = "round_robin"
    WEIGHTED = "weighted"
    LEAST_BUSY = "least_busy"
    LEAST_LATENCY = "least_latency"
    LOWEST_COST = "lowest_cost"


class BudgetAction(StrEnum):
    """What happens when a budget is spent."""

    WARN = "warn"
    STOP = "stop"


_AnyStrategy = Annotated[Strategy, Field(strict=False)]


class _Section(BaseModel):
    """What all tables have in common: unknown keys are errors, values keep their types and never show in errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, validate_default=True
    )


class Server(_Section):
    """`[server]`: where clients connect and which of them."""

    host: rules.Host = "127.0.0.1"
    lan: bool = False
    port: rules.Port = 8484
    allowed_hosts: Annotated[tuple[rules.AllowedHost, ...], Field(strict=False)] = ()
    allowed_origins: Annotated[tuple[rules.Origin, ...], Field(strict=False)] = ()
    max_body_mib: rules.OneOrMore = 64
    keyless_port: rules.Port = 0

    @model_validator(mode="after")
    def _fits(self) -> "Server":
        if not self.lan and not is_loopback(self.host):
            rules.refuse("other machines could connect: set lan = true as well, or use 127.0.0.1", "host")
        if self.keyless_port and self.keyless_port == self.port:
            rules.refuse("must differ from port", "keyless_port")
        return self


class Limits(_Section):
    """`[limits]`: for all providers together; 0 is no limit."""

    requests_per_minute: rules.Count = 0
    tokens_per_minute: rules.Count = 0
    concurrent: rules.Count = 64
    queue_s: rules.Seconds = 5


class Routing(_Section):
    """`[routing]`: who is asked first and how often."""

    strategy: _AnyStrategy = Strategy.PRIORITY
    max_attempts: rules.OneOrMore = 4
    retry_budget_percent: rules.Percent = 20
    session_affinity: bool = True
    forced_provider: str = ""
    max_wait_s: rules.Seconds = 20
    content_filter_next: bool = False


class Health(_Section):
    """`[health]`: the probes; `interval_s` 0 is off."""

    interval_s: rules.SecondsOrOff = 300
    timeout_s: rules.Seconds = 5


class Models(_Section):
    """`[models]`: the model lists."""

    cache_ttl_s: rules.Seconds = 3600


class Privacy(_Section):
    """`[privacy]`: what is kept of requests, and for how many days."""

    capture_bodies: bool = False
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 90


class Alerts(_Section):
    """`[alerts]`: whom to tell besides the tray; a URL, or `env:NAME` for one that holds a secret."""

    webhook: rules.Webhook = ""


class Budget(_Section):
    """One of `[[budgets]]`, checked before a call; 0 is no limit."""

    scope: rules.Scope = "all"
    usd_per_day: rules.Dollars = 0.0
    usd_per_month: rules.Dollars = 0.0
    action: Annotated[BudgetAction, Field(strict=False)] = BudgetAction.WARN


class OwnLimits(_Section):
    """`[providers.limits]` and `[clients.limits]`: 0 is no limit."""

    requests_per_minute: rules.Count = 0
    tokens_per_minute: rules.Count = 0
    concurrent: rules.Count = 0


class Pool(_Section):
    """`[providers.pool]`: the connections to one provider."""

    max_connections: rules.OneOrMore = 100
    max_keepalive: rules.Count = 20
    keepalive_expiry_s: rules.Seconds = 60
    http2: bool = False


class Timeouts(_Section):
    """`[providers.timeouts]`."""

    connect_s: rules.Seconds = 5
    first_byte_s: rules.Seconds = 60
    idle_s: rules.Seconds = 120
    total_s: rules.Seconds = 600


class Retry(_Section):
    """`[providers.retry]`: `attempts` on this provider, the first included."""

    attempts: rules.OneOrMore = 2
    base_s: rules.Seconds = 0.5
    cap_s: rules.Seconds = 8


class Breaker(_Section):
    """`[providers.breaker]`: when a provider is left alone and for how long."""

    consecutive_failures: rules.OneOrMore = 5
    failure_ratio: rules.Ratio = 0.5
    minimum_calls: rules.OneOrMore = 10
    window_s: rules.Seconds = 60
    open_s: rules.OpenSeconds = 30
    max_open_s: rules.OpenSeconds = 300
    closes_after: rules.OneOrMore = 2


class Provider(_Section):
    """One of `[[providers]]`."""

    id: rules.Identifier
    kind: str
    base_url: rules.BaseUrl = ""
    key: rules.KeySource = "keyring"
    api_version: rules.ApiVersion = ""
    enabled: bool = True
    critical: bool = False
    priority: rules.Rank = 1
    weight: rules.Rank = 1
    models: Annotated[tuple[rules.Text, ...], Field(strict=False)] = ()
    model_map: dict[str, rules.Text] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    proxy: rules.Proxy = "system"
    ca_file: rules.FilePath = ""
    limits: OwnLimits = OwnLimits()
    pool: Pool = Pool()
    timeouts: Timeouts = Timeouts()
    retry: Retry = Retry()
    breaker: Breaker = Breaker()

    @field_validator("kind")
    @classmethod
    def _kind_is_known(cls, kind: str, info: ValidationInfo) -> str:
        kinds = (info.context or {}).get("kinds")
        if kinds is not None and kind not in kinds:
            near = rules.quoted(nearest(kind, kinds, cutoff=0.0))
            rules.refuse(f"unknown kind; nearest: {near}" if near else "unknown kind: the catalog is empty")
        return kind

    @field_validator("headers")
    @classmethod
    def _headers_are_harmless(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            rules.check_header(name, value)
        return headers


class Client(_Section):
    """One of `[[clients]]`: what the program with the local token of that name may use."""

    name: rules.Identifier
    limits: OwnLimits = OwnLimits()


class PriceRule(_Section):
    """One of `[[prices]]`: the user's own price of a model; cached tokens cost what input costs when None."""

    model: rules.Text
    input_usd_per_million: rules.Dollars
    output_usd_per_million: rules.Dollars
    cache_read_usd_per_million: rules.Dollars | None = None
    cache_write_usd_per_million: rules.Dollars | None = None


class AliasRule(_Section):
    """One of `[[aliases]]`: a model name of the user's own."""

    name: rules.AliasName
    targets: Annotated[tuple[rules.Target, ...], Field(strict=False, min_length=1)]
    strategy: _AnyStrategy = Strategy.PRIORITY

    @property
    def alias(self) -> Alias:
        """The alias as the router takes it."""
        refs = tuple(ModelRef(*target.split("/", 1)) for target in self.targets)
        return Alias(self.name, refs, self.strategy)


class Settings(_Section):
    """The whole file; every key may be left out."""

    schema_: Annotated[int, Field(alias="schema", ge=1, le=SCHEMA)] = SCHEMA
    server: Server = Server()
    limits: Limits = Limits()
    routing: Routing = Routing()
    health: Health = Health()
    models: Models = Models()
    privacy: Privacy = Privacy()
    alerts: Alerts = Alerts()
    budgets: Annotated[tuple[Budget, ...], Field(strict=False)] = ()
    providers: Annotated[tuple[Provider, ...], Field(strict=False)] = ()
    aliases: Annotated[tuple[AliasRule, ...], Field(strict=False)] = ()
    clients: Annotated[tuple[Client, ...], Field(strict=False)] = ()
    prices: Annotated[tuple[PriceRule, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _fits(self) -> "Settings":
        ids = [provider.id for provider in self.providers]
        _refuse_doubles("providers", "id", ids)
        _refuse_doubles("aliases", "name", [alias.name for alias in self.aliases])
        _refuse_doubles("clients", "name", [client.name for client in self.clients])
        _refuse_doubles("prices", "model", [price.model for price in self.prices])
        if self.routing.forced_provider not in ("", *ids):
            rules.refuse("no provider has this id; empty means automatic", "routing", "forced_provider")
        return self

    def provider(self, provider_id: str) -> Provider | None:
        """The provider with this id, if there is one."""
        return next((provider for provider in self.providers if provider.id == provider_id), None)

    def free_id(self, kind: str) -> str:
        """An id for a new provider: the kind itself, or with the first number that is not taken."""
        number = 1
        while self.provider(chosen := kind if number == 1 else f"{kind}-{number}") is not None:
            number += 1
        return chosen


def _refuse_doubles(section: str, key: str, names: list[str]) -> None:
    """Refuse a name used twice; case does not tell them apart, for keyrings of Windows do not either."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name.lower() in seen:
            rules.refuse("is used twice; it must be unique", section, index, key)
        seen.add(name.lower())
