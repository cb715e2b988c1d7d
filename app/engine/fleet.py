"""The providers in force: built from the settings, and replaced one by one when settings or key change."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from urllib.parse import urlsplit

from app.domain.faults import Fault, FaultKind
from app.domain.hosts import is_loopback, is_private
from app.domain.secret import Secret
from app.engine import logins
from app.engine.bus import Bus
from app.engine.cooldowns import Cooldowns
from app.engine.health import Health
from app.engine.lists import ModelLists
from app.engine.prices import load
from app.engine.provider import Contact, Provider, nobody
from app.engine.quotas import Limits
from app.engine.router import Routing
from app.providers.registry import Registry, UnknownKindError
from app.providers.spec import OPENAI, Auth, ProviderSpec
from app.store.key_names import key_host
from app.store.secrets import KeyringProblem, KeyStore
from app.store.settings import Provider as ProviderSettings
from app.store.settings import Settings, Strategy
from app.store.settings_references import dangling

_log = logging.getLogger(__name__)

Spawn = Callable[[str, Coroutine[None, None, None]], asyncio.Task[None]]


class Fleet:
    """Holds one `Provider` per `[[providers]]` of the settings, in their order."""

    def __init__(self, registry: Registry, keys: KeyStore, bus: Bus, spawn: Spawn) -> None:
        """Begin empty; `spawn` owns the tasks in which replaced providers finish their requests."""
        self._registry = registry
        self._keys = keys
        self._bus = bus
        self._spawn = spawn
        self._stale: set[str] = set()
        self._unread: set[str] = set()
        self._applying = asyncio.Lock()
        self._listening = ""
        self._looked_at = Settings()
        self.cooldowns = Cooldowns()
        self.contact: Contact = nobody
        self.limits = Limits()
        self.lists = ModelLists()
        self.routing = Routing()

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The providers in the order of the settings."""
        return self.routing.providers

    @property
    def lacks_keys(self) -> bool:
        """Whether a provider's key could not be read."""
        return bool(self._unread)

    def retry_keys(self) -> None:
        """Read the keys that could not be read anew at the next `apply`."""
        self._stale |= self._unread

    def forget_keys(self, *provider_ids: str) -> None:
        """Those keys (all of them when none is named) may have changed: read them anew at the next `apply`."""
        self._stale |= set(provider_ids or (p.id for p in self.providers))

    async def apply(self, settings: Settings) -> None:
        """Bring the providers in line with `settings`; those that did not change keep connections and counters."""
        async with self._applying:
            self._look_at(settings)
            known = {p.id: p for p in self.providers}
            kept = [await self._fit(wanted, known.get(wanted.id)) for wanted in settings.providers]
            self._unread &= {provider.id for provider in kept}
            aliases = {rule.name: rule.alias for rule in settings.aliases}
            rules = settings.routing
            self.limits.apply(settings)
            self.routing = Routing(
                tuple(kept), aliases, rules.forced_provider, rules.strategy, rules.session_affinity, self.limits
            )
            if Strategy.LOWEST_COST in (rules.strategy, *(alias.strategy for alias in aliases.values())):
                self._spawn("price list", asyncio.to_thread(load))
            for provider in set(known.values()) - set(kept):
                self._spawn(f"retire {provider.id}", provider.retire())
            places = {(provider.id, provider.base_url) for provider in kept}
            if any((provider.id, provider.base_url) not in places for provider in known.values()):
                await self.lists.forget(kept)

    def _look_at(self, settings: Settings) -> None:
        """Tell once of new settings whose budgets or aliases name a provider that is not there."""
        if settings is not self._looked_at:
            self._looked_at = settings
            for what in dangling(settings):
                _log.warning("settings without effect: %s", what)

    async def _fit(self, wanted: ProviderSettings, known: Provider | None) -> Provider:
        """The known provider when nothing changed, else a new one."""
        if known is not None and known.settings == wanted and wanted.id not in self._stale:
            return known
        self._stale.discard(wanted.id)
        self._unread.discard(wanted.id)
        provider = await self._build(wanted)
        provider.contact, provider.guard.cooldowns = self.contact, self.cooldowns
        self.cooldowns.changed_key(provider.id, provider.guard.key)
        if known is not None:
            if known.base_url == provider.base_url:
                provider.guard.inherit(known.guard)
            provider.counters = known.counters
            same = known.base_url == provider.base_url and known.settings.models == wanted.models
            if same and provider.catalogue.names is None:
                provider.catalogue = known.catalogue
        await self.lists.recall(provider)
        return provider

    async def _build(self, wanted: ProviderSettings) -> Provider:
        """Make a provider; what is wrong with it is kept in its `problem`, logged and shown."""
        try:
            spec = self._registry.get(wanted.kind)
        except UnknownKindError as error:
            failed = (failure.reason for failure in self._registry.failures if failure.kind == wanted.kind)
            return self._broken(wanted, _stand_in(wanted), FaultKind.CONFIG_ERROR, next(failed, str(error)), "")
        base_url = wanted.base_url or spec.base_url
        unusable = self._unusable(wanted.id, base_url, spec)
        if unusable is not None:
            return self._broken(wanted, spec, FaultKind.CONFIG_ERROR, *unusable)
        if not wanted.enabled or wanted.key == "none" or spec.auth.header is None:
            return Provider(wanted, spec, None, self._bus)
        if logins.is_machines(wanted.key):
            return self._logged_in(wanted, spec)
        return await self._with_key(wanted, spec, base_url)

    async def _with_key(self, wanted: ProviderSettings, spec: ProviderSpec, base_url: str) -> Provider:
        """A provider that is asked with the key it has for the host of `base_url`."""
        host, name = key_host(base_url), spec.called(wanted.id)
        try:
            key = await self._keys.provider_key(wanted.id, host, wanted.key)
        except KeyringProblem as error:
            if not wanted.key.startswith("env:"):  # a variable stays as it is
                self._unread.add(wanted.id)
            return self._broken(wanted, spec, FaultKind.NEEDS_KEY, f"{name}: {error}", "")
        if key is None and not (spec.local or is_private(urlsplit(base_url).hostname or "")):
            remedy = f"Paste one in the tray, or type `switchtower keys set {wanted.id}`."
            if wanted.key.startswith("env:"):
                remedy = f"Set the environment variable {wanted.key.removeprefix('env:')}."
            return self._broken(wanted, spec, FaultKind.NEEDS_KEY, f"{name} has no key for {host}.", remedy)
        return Provider(wanted, spec, logins.of_key(spec, wanted, key), self._bus)

    def _logged_in(self, wanted: ProviderSettings, spec: ProviderSpec) -> Provider:
        """A provider that is asked with the login of this machine."""
        login = logins.of_machine(spec, wanted)
        if login is None:
            what = f'{spec.called(wanted.id)} cannot be asked with key = "{wanted.key}".'
            remedy = (
                "A login of this machine is for AWS and Google Cloud, a profile for AWS alone: store a key instead."
            )
            return self._broken(wanted, spec, FaultKind.CONFIG_ERROR, what, remedy)
        return Provider(wanted, spec, login, self._bus)

    def _unusable(self, provider_id: str, base_url: str, spec: ProviderSpec) -> tuple[str, str] | None:
        """What is wrong with an address, with the remedy."""
        if not base_url:
            like = f", such as {spec.address}. {spec.about}" if spec.address else "."
            return f"{provider_id} has no base_url.", f"Set base_url in the settings{like}"
        if words := spec.own_words_in(base_url):
            return f"The base_url of {provider_id} is not filled in: {', '.join(words)}.", spec.about
        if _leads(base_url, self._listening):
            return f"The base_url of {provider_id} is Switchtower's own.", "Set it to the address of a provider."
        return None

    def move(self, listening: str) -> bool:
        """Our own server is at this address now; whether `apply` must look again at who would lead back to it."""
        before, self._listening = self._listening, listening
        affected = {p.id for p in self.providers if _leads(p.base_url, before) or _leads(p.base_url, listening)}
        self._stale |= affected
        return bool(affected)

    async def test(self, kind: str, base_url: str, key: Secret | None, health: Health) -> str:
        """Probe a provider that is not set up yet; empty when it answers, else what is wrong with the remedy."""
        spec = self._registry.get(kind)
        settings = ProviderSettings(id=kind, kind=kind, base_url=base_url)
        credential = logins.of_key(spec, settings, key) or logins.of_machine(spec, settings)
        provider = Provider(settings, spec, credential, Bus())
        try:
            await health.probe(provider)
            return provider.status().detail
        finally:
            await provider.close()

    def _broken(
        self, wanted: ProviderSettings, spec: ProviderSpec, kind: FaultKind, what: str, remedy: str
    ) -> Provider:
        """A provider that cannot be asked, with the reason."""
        provider = Provider(wanted, spec, None, self._bus)
        provider.problem = Fault(kind, what, remedy, provider=wanted.id)
        _log.warning("provider not loaded id=%s kind=%s: %s", wanted.id, wanted.kind, provider.problem.text)
        return provider

    async def close(self) -> None:
        """Close every client."""
        for provider in self.providers:
            await provider.close()


def _leads(base_url: str, listening: str) -> bool:
    """Whether `base_url` is the server that listens there, by whatever name of this machine."""
    if not listening or not base_url:
        return False
    ours, theirs = urlsplit(listening), urlsplit(base_url)
    host = theirs.hostname or ""
    return theirs.port == ours.port and (is_loopback(host) or host in (ours.hostname, "0.0.0.0", "::"))  # noqa: S104 - compared, not bound


def _stand_in(wanted: ProviderSettings) -> ProviderSpec:
    """A row for a kind that could not be loaded, so that it can be shown."""
    return ProviderSpec(wanted.kind, wanted.kind, OPENAI, wanted.base_url, Auth.NONE)
