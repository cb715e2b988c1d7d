"""The composition root: builds every object once, starts, reloads and stops them, and takes the faces' commands."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from app import __version__
from app.domain.events import ProvidersChanged, SettingsChanged, SettingsRejected
from app.domain.hosts import is_loopback
from app.domain.models import ModelInfo
from app.domain.secret import Secret
from app.domain.status import Snapshot
from app.domain.usage import Grouping, UsageRow
from app.engine.accounts import Accounts
from app.engine.bus import Bus
from app.engine.catalogue import ModelList, ModelPage
from app.engine.commands import Commands
from app.engine.fleet import Fleet
from app.engine.health import Health
from app.engine.key_watch import KeyWatch
from app.engine.lists import ModelLists
from app.engine.own_prices import OwnPrices
from app.engine.relay import Relay
from app.engine.resilience import Resilience
from app.engine.tasks import TaskOwner
from app.engine.tokenizer import Tokenizer
from app.engine.webhook import Webhook
from app.providers.registry import Registry
from app.server.asgi import SHUTTING_DOWN
from app.server.demo import DemoProviders, settings_toml
from app.server.demo_history import cost, history
from app.server.service import Service
from app.store import log
from app.store.cooldown_file import CooldownFile
from app.store.key_stamp import KeyStamp
from app.store.ledger import Ledger
from app.store.model_cache import ModelCache
from app.store.paths import Paths, PathsError
from app.store.secrets import KeyStore
from app.store.settings import Settings
from app.store.settings_errors import SettingsError
from app.store.settings_file import SettingsFile

_log = logging.getLogger(__name__)

WATCH_S = 1.0
"""How often the settings file is looked at."""

PORT_RETRY_S = 15.0
"""How often a port that is taken is tried again."""

PRUNE_S = 24 * 3600.0
"""How often old requests are taken out of the ledger."""


class StartError(Exception):
    """The program cannot start; the text is one line with the remedy."""


class Runtime(TaskOwner, Commands):
    """The routing core with everything around it, in whatever asyncio loop runs; the faces see only this."""

    def __init__(
        self, paths: Paths, environ: Mapping[str, str], *, demo: bool = False, keys: KeyStore | None = None
    ) -> None:
        """Build everything, open nothing. `demo` is shown with the providers; `keys` replaces the system's keyring."""
        super().__init__()
        self.paths = paths
        self.environ = environ
        self.demo = demo
        self.bus = Bus()
        self.registry = Registry.load()
        self.keys = keys or KeyStore(environ)
        self.ledger = Ledger(paths.database_file)
        kinds = (*self.registry.kinds(), *(failure.kind for failure in self.registry.failures))
        self.settings_file = SettingsFile(paths.settings_file, kinds)
        self.settings = Settings()
        self.fleet = Fleet(self.registry, self.keys, self.bus, self.spawn)
        self.lists = ModelLists(ModelCache(paths.cache_dir / "models"), lambda: self.settings.models.cache_ttl_s)
        self.fleet.lists = self.lists
        self.health = Health(lambda: self.settings.health, lambda: self.fleet.providers, self.lists)
        self.resilience = Resilience(self.fleet, self.health, self.bus, lambda: self.settings.routing, self.spawn)
        self.relay = Relay(self.bus, lambda: self.fleet.routing, self.resilience.means)
        own_price = self.relay.chooser.balance.own_price = OwnPrices(lambda: self.settings).of
        self.accounts = Accounts(self.bus, self.ledger, lambda: self.fleet.routing, own_price)
        self.accounts.tokenizer = Tokenizer(environ)
        self.relay.chooser.blocked = self.accounts.budgets.blocked
        self.bus.subscribe(Webhook(lambda: self.settings.alerts, environ, self.spawn).hear)
        self.service = Service(self, self.keys, paths.instance_file, self.bus, self.spawn)
        self.key_stamp = KeyStamp(paths.key_stamp)
        self.key_watch = KeyWatch(self.keys, self.key_stamp, self.fleet, self._reread_keys)
        self._settings_problem = ""
        self._began_s = time.monotonic()

    # -- start and stop

    async def start(self, host: str = "", port: int | None = None, *, tolerate_port: bool = False) -> None:
        """Read settings and keys, then serve; `host` and `port` go before those of the settings.

        With `tolerate_port` a taken port or a keyring that gives no token is shown in the snapshot instead.

        Raises:
            StartError: folders, settings, keyring, a critical provider or the port do not allow it.
        """
        self.service.fix_address(host, port)
        try:
            self.paths.prepare()
            log.setup(self.paths.log_file, self.environ.get("SWITCHTOWER_LOG", ""))
            self.settings, self._settings_problem = self.settings_file.load_or_last_good()
        except (PathsError, SettingsError) as error:
            raise StartError(str(error)) from error
        if self._settings_problem:
            _log.warning("settings rejected, the last good ones are used: %s", self._settings_problem)
        if host and not (self.settings.server.lan or is_loopback(host)):
            remedy = "Set lan = true under [server] in the settings, or use 127.0.0.1."
            raise StartError(f"On {host} other machines could connect. {remedy}")
        self.ledger.start()
        self.ledger.prune(self.settings.privacy.retention_days)
        for hear in (self.accounts.hear, self.health.hear):
            self.bus.subscribe(hear)
        await self.service.read_tokens()
        self._refuse_problem(tolerated=tolerate_port)
        self.resilience.load(CooldownFile(self.paths.cooldown_file))
        await self.fleet.apply(self.settings)
        self._refuse_without_critical_ones()
        await self.accounts.watch(self.settings.budgets)
        await self._serve()
        self._refuse_problem(tolerated=tolerate_port)
        self.spawn("watch settings", self._watch())
        self.spawn("health", self.health.run())
        self.spawn("accounts", self.accounts.run())
        listening, count = self.service.listening, len(self.fleet.providers)
        _log.info("started version=%s listening=%s providers=%d", __version__, listening or "-", count)

    async def _serve(self) -> None:
        """Put the server in force; a provider that would lead back to it is not used."""
        await self.service.apply(self.settings.server)
        if self.fleet.move(self.service.listening):
            await self.fleet.apply(self.settings)

    def _refuse_problem(self, *, tolerated: bool) -> None:
        if self.service.problem and not tolerated:
            raise StartError(self.service.problem)

    def _refuse_without_critical_ones(self) -> None:
        for provider in self.fleet.providers:
            if provider.settings.critical and provider.settings.enabled and provider.problem is not None:
                raise StartError(f"{provider.problem.text} The settings call {provider.id} critical.")

    async def stop(self) -> None:
        """Let requests in flight end (at most 5 s), then close everything; may be called after a failed start."""
        await self.service.stop(lambda: self.relay.interrupt(SHUTTING_DOWN))
        await self.end_tasks()
        await self.resilience.save()
        await self.fleet.close()
        self.accounts.close()
        await self.ledger.stop()
        _log.info("stopped")
        log.stop()

    # -- tasks

    async def _watch(self) -> None:
        """Pick up what changes outside: settings, keys, a port that is free at last; prune once a day."""
        tried_s = pruned_s = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_S)
            await self.resilience.look()
            await self.accounts.look()
            await self.learn_models()
            now_s = time.monotonic()
            if self.settings_file.changed():
                await self.reload()
            await self.key_watch.look()
            if self.service.lacks_port and now_s - tried_s > PORT_RETRY_S:
                tried_s = now_s
                await self._serve()
            if now_s - pruned_s > PRUNE_S:
                pruned_s = now_s
                self.ledger.prune(self.settings.privacy.retention_days)

    async def _reread_keys(self) -> None:
        """Read the local tokens, and the keys that the fleet does not have."""
        await self.service.read_tokens()
        await self._put_in_force()

    # -- settings

    async def reload(self) -> None:
        """Take over what the settings file says now; a bad file changes nothing and is shown."""
        try:
            settings = self.settings_file.load()
        except SettingsError as error:
            self._settings_problem = str(error)
            _log.warning("settings rejected: %s", error)
            self.bus.publish(SettingsRejected(str(error)))
            return
        await self.take_over(settings)

    async def take_over(self, settings: Settings) -> None:
        """Put `settings` in force; running streams finish on the old ones."""
        self.settings, self._settings_problem = settings, ""
        await self._put_in_force()

    async def _put_in_force(self) -> None:
        await self.fleet.apply(self.settings)
        await self.accounts.watch(self.settings.budgets)
        self.ledger.prune(self.settings.privacy.retention_days)
        self.health.hurry()
        await self._serve()
        self.bus.publish(SettingsChanged())
        self.bus.publish(ProvidersChanged())

    # -- what the server and the windows read

    def snapshot(self) -> Snapshot:
        """The whole program at this moment."""
        return Snapshot(
            version=__version__,
            uptime_s=round(time.monotonic() - self._began_s, 1),
            listening=self.service.listening,
            offline=self.resilience.outage.offline,
            providers=tuple(p.status() for p in self.fleet.providers),
            forced_provider=self.settings.routing.forced_provider,
            problem=self.service.problem,
            settings_problem=self._settings_problem,
            ledger_problem=self.ledger.problem,
            demo=self.demo,
            lan=self.settings.server.lan,
            keyless=self.service.keyless,
        )

    def models(self) -> ModelPage:
        """Every model that may be asked for, with the provider's id; aliases come first, owned by `switchtower`."""
        self.health.renew_lists()
        return self.lists.page((self.fleet.routing, ModelList.changes), self._models)

    def _models(self) -> Iterator[tuple[str, ModelInfo]]:
        for name in self.fleet.routing.aliases:
            yield "switchtower", ModelInfo(name)
        for provider in self.fleet.providers:
            if provider.usable:
                for model in provider.catalogue.models:
                    yield provider.id, model

    async def usage(self, since: datetime, by: Grouping) -> list[UsageRow]:
        """Sums from the ledger."""
        await self.accounts.settled()
        return await self.ledger.usage(since, by)

    # -- commands

    def token(self) -> Secret | None:
        """The default local token."""
        return self.service.token

    async def rotate_token(self) -> Secret:
        """Replace the default local token; the old one is refused from now on.

        Raises:
            KeyringProblem: the keyring cannot store it.
        """
        token = await self.keys.rotate_token()
        self.key_stamp.touch()
        self.service.replace_token(token)
        await self.service.read_tokens()
        await self.service.apply(self.settings.server)
        return token

    def watch_closely(self, on: bool) -> None:  # noqa: FBT001 - the command's object
        """Probe more often while a window shows the providers' health."""
        self.health.closely = on
        self.health.hurry()


class DemoRuntime(Runtime):
    """The program on a throw-away home with two invented providers and two weeks of invented requests."""

    def __init__(self, paths: Paths, environ: Mapping[str, str]) -> None:
        """Build everything, open nothing."""
        super().__init__(paths, environ, demo=True)
        self._demo = DemoProviders()

    async def start(self, host: str = "", port: int | None = None, *, tolerate_port: bool = False) -> None:
        """Start the invented providers, then the program on settings that name them."""
        self.paths.prepare()
        first, second = await self._demo.start()
        self.paths.settings_file.write_text(settings_toml(first, second))
        await super().start(host, port, tolerate_port=tolerate_port)
        for event in history(datetime.now(UTC), random.Random(0)):  # noqa: S311 - invented data, not a secret
            self.ledger.record(event, cost(event))

    async def stop(self) -> None:
        """Stop the program, then the invented providers."""
        await super().stop()
        await self._demo.stop()
