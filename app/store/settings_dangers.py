"""The dangers of settings that come from elsewhere: what they would let in, send out, trust, spend or delete."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from urllib.parse import urlsplit

from app.domain.hosts import is_loopback, is_private
from app.store.key_names import key_host
from app.store.settings import Budget, BudgetAction, Provider, Settings


@dataclass(frozen=True, slots=True)
class Facts:
    """What the catalog says of a provider of the settings: `url` in force, and whether it is asked `without_key`."""

    url: Callable[[Provider], str]
    without_key: Callable[[Provider], bool]


def dangers(current: Settings, imported: Settings, facts: Facts) -> Iterator[str]:
    """What should be agreed to before `imported` takes the place of `current`; no value of the settings is repeated."""
    yield from _let_in(current, imported)
    yield from _sent_or_lost(current, imported)
    yield from _spent(current, imported)
    for provider in imported.providers:
        before = current.provider(provider.id)
        yield from (f"{provider.id}: {what}" for what in _of_address(before, provider, facts))
        yield from (f"{provider.id}: {what}" for what in _of_way(before, provider))


def _let_in(current: Settings, imported: Settings) -> Iterator[str]:
    server, before = imported.server, current.server
    if server.lan and not before.lan:
        yield "server.lan: other machines of your network will be let in"
    elif server.lan and server.host != before.host and not is_loopback(server.host):
        yield "server.host: other machines could connect at another address"
    if set(server.allowed_origins) - set(before.allowed_origins):
        yield "server.allowed_origins: more web pages will be let in"
    if set(server.allowed_hosts) - set(before.allowed_hosts):
        yield "server.allowed_hosts: more host names will be answered"
    if server.keyless_port and server.keyless_port != before.keyless_port:
        yield "server.keyless_port: every program of this machine will be let in there without a token"


def _sent_or_lost(current: Settings, imported: Settings) -> Iterator[str]:
    if imported.alerts.webhook and imported.alerts.webhook != current.alerts.webhook:
        yield "alerts.webhook: alerts would be sent to another address"
    forced = current.routing.forced_provider
    if forced and imported.routing.forced_provider != forced:
        yield f"routing.forced_provider: others than {forced} would be asked"
    if imported.privacy.capture_bodies and not current.privacy.capture_bodies:
        yield "privacy.capture_bodies: prompts and answers may be kept"
    if imported.privacy.retention_days < current.privacy.retention_days:
        yield "privacy.retention_days: older requests will be deleted"


def _spent(current: Settings, imported: Settings) -> Iterator[str]:
    """What would let budgets stop later than now, or never."""
    stops = _stops(imported.budgets)
    for (scope, period), usd in _stops(current.budgets).items():
        if stops.get((scope, period), inf) > usd:
            yield f"budgets: what stops at {period} for {scope} now would stop later or never"
    if stops and set(imported.prices) != set(current.prices):
        yield "prices: budgets that stop would reckon with other costs"


def _stops(budgets: tuple[Budget, ...]) -> dict[tuple[str, str], float]:
    """The least number of dollars, by scope and period, at which requests are refused."""
    found: dict[tuple[str, str], float] = {}
    for budget in budgets:
        for period, usd in (("usd_per_day", budget.usd_per_day), ("usd_per_month", budget.usd_per_month)):
            if budget.action is BudgetAction.STOP and usd > 0:
                found[budget.scope, period] = min(usd, found.get((budget.scope, period), inf))
    return found


def _of_address(before: Provider | None, provider: Provider, facts: Facts) -> Iterator[str]:
    """Whom requests or keys would reach that they do not reach now; a key stays with its host anyway."""
    url = facts.url(provider)
    if before is None or key_host(facts.url(before)) != key_host(url):
        host = urlsplit(url).hostname or ""
        if host and not is_loopback(host) and (facts.without_key(provider) or is_private(host)):
            yield f"requests would go to {key_host(url)} without a key"
        return
    if _place(facts.url(before)) != _place(url):
        yield "base_url: its key would be sent to another address of the same host"
    if provider.key not in (before.key, "keyring", "none"):
        yield "key: another variable or login of this machine would be sent"
    if provider.enabled and not before.enabled:
        yield "enabled: it is switched off now and would be asked"


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.path.rstrip("/")


def _of_way(before: Provider | None, provider: Provider) -> Iterator[str]:
    """What would change on the way to a provider."""
    ca_file, proxy, headers = (before.ca_file, before.proxy, before.headers) if before else ("", "system", {})
    if provider.ca_file not in ("", ca_file):
        yield "ca_file decides whom to trust and would change"
    if provider.proxy != proxy and (before is not None or provider.proxy != "none"):
        yield "proxy: its requests would take another way"
    if provider.headers != headers:
        yield "headers: what goes along with its requests would change"
