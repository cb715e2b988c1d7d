"""What the faces may change: providers, their keys and who is asked; each command saves and takes over at once."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable

from app.domain.chat import Answer, ApiRequest
from app.domain.faults import FaultError
from app.domain.secret import Secret
from app.domain.status import ProviderStatus
from app.domain.usage import UsageSource
from app.engine import logins, trial
from app.engine.accounts import Accounts
from app.engine.counter import count
from app.engine.fleet import Fleet
from app.engine.health import FIRST_LISTS_S, Health
from app.engine.prices import loaded
from app.engine.relay import Relay
from app.engine.stored import Wanted, ask
from app.engine.tokens import count_request
from app.providers.registry import Registry
from app.store.key_names import key_host
from app.store.key_stamp import KeyStamp
from app.store.secrets import KeyStore
from app.store.settings import Settings
from app.store.settings_file import SettingsFile


class Commands(ABC):
    """The commands; the composition root fills in the parts."""

    registry: Registry
    keys: KeyStore
    key_stamp: KeyStamp
    settings_file: SettingsFile
    settings: Settings
    fleet: Fleet
    health: Health
    relay: Relay
    accounts: Accounts

    @abstractmethod
    async def take_over(self, settings: Settings) -> None:
        """Put `settings` in force."""

    async def enable_provider(self, provider_id: str, enabled: bool) -> None:  # noqa: FBT001 - the command's object
        """Switch a provider on or off, now and in the settings.

        Raises:
            SettingsError: there is no such provider or the file cannot be written.
        """
        await self._edit(lambda: self.settings_file.change_provider(provider_id, enabled=enabled))

    async def force_provider(self, provider_id: str) -> None:
        """Use only that provider; empty is automatic.

        Raises:
            SettingsError: there is no such provider or the file cannot be written.
        """
        await self._edit(lambda: self.settings_file.change("routing", forced_provider=provider_id))

    async def add_provider(
        self, kind: str, *, provider_id: str = "", base_url: str = "", key: Secret | None = None
    ) -> str:
        """Add a provider with its key and return its id, which is the kind (with a number) unless one is given.

        Raises:
            SettingsError: the values are not valid.
            KeyringProblem: the key cannot be stored; nothing is added then.
        """
        chosen = provider_id or self.settings.free_id(kind)
        values = {"id": chosen, "kind": kind} | ({"base_url": base_url} if base_url else {})
        auth = self.registry.get(kind).auth
        if key is None and auth.header is not None:
            values["key"] = logins.MACHINE if auth.logs_in else "none"
        if key is not None:
            await self.keys.set_provider_key(chosen, self._host(kind, base_url), key)
        await self._edit(lambda: self.settings_file.add_provider(values))
        return chosen

    async def remove_provider(self, provider_id: str) -> None:
        """Take a provider out of the settings and its key out of the keyring.

        Raises:
            SettingsError: there is no such provider or the file cannot be written.
            KeyringProblem: the key cannot be deleted; the provider is gone then.
        """
        gone = self.settings.provider(provider_id)
        await self._edit(lambda: self.settings_file.remove_provider(provider_id))
        if gone is not None and gone.key == "keyring":
            await self.keys.delete_provider_key(provider_id, self._host(gone.kind, gone.base_url))

    async def set_key(self, provider_id: str, key: Secret) -> None:
        """Store a provider's key for its present host and use it at once.

        Raises:
            SettingsError: there is no such provider.
            KeyringProblem: the keyring cannot store it.
        """
        known = self.settings.provider(provider_id)
        if known is not None:
            await self.keys.set_provider_key(provider_id, self._host(known.kind, known.base_url), key)
        self.key_stamp.touch()
        self.fleet.forget_keys(provider_id)
        await self._edit(lambda: self.settings_file.change_provider(provider_id, key=None))

    async def test_provider(self, provider_id: str) -> ProviderStatus:
        """Probe a provider now, free of charge, and return how it is.

        Raises:
            KeyError: there is no such provider.
        """
        provider = self.fleet.routing.find(provider_id)
        if provider is None:
            raise KeyError(provider_id)
        if provider.usable:
            await self.health.probe(provider)
        return provider.status()

    def trial_model(self, provider_id: str) -> str:
        """The model that a trial message to a provider would be for; empty when its models are unknown."""
        provider = self.fleet.routing.find(provider_id)
        return "" if provider is None else trial.model_for(provider)

    async def send_trial(self, provider_id: str, model: str) -> trial.Trial:
        """Send a provider a small message, which costs money where its models do; only ever at a user's command."""
        return await trial.send(self.relay.handle, provider_id, model)

    async def lists_ready(self) -> None:
        """Wait shortly for model lists that were never fetched, so that the first look after the start is not empty."""
        await self.health.first_lists()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LISTS_S):
                await self.health.lists.learn(self.fleet.providers)

    async def learn_models(self) -> None:
        """Once the price list is loaded, take from it what the model lists do not say."""
        if loaded():
            await self.health.lists.learn(self.fleet.providers)

    async def counted(self, request: ApiRequest, dialect: str) -> tuple[int, UsageSource]:
        """The tokens of a request: by whoever would answer it, if that one counts in `dialect`, else here."""
        try:
            candidates = self.relay.chooser.choose(request).candidates
        except FaultError:
            return await count_request(request.body, request.model, self.accounts.tokenizer)
        lone = len(candidates) == 1
        free = [one for one in candidates if one.provider.guard.block(one.model, lone=lone) is None]
        first = (free or candidates)[0]
        if free and (tokens := await count(request, first, dialect)) is not None:
            return tokens, UsageSource.PROVIDER
        model = first.provider.catalogue.real_name(first.model)
        return await count_request(request.body, model, self.accounts.tokenizer)

    async def stored(self, wanted: Wanted) -> Answer:
        """Ask for a stored response where it is kept.

        Raises:
            FaultError: nobody keeps it, or it could not be asked for.
        """
        return await ask(wanted, self.fleet.providers, self.relay.chooser.kept)

    async def try_now(self, provider_id: str) -> ProviderStatus:
        """Lift every cool-down of a provider and let the next request through to it; return how it is.

        Raises:
            KeyError: there is no such provider.
        """
        provider = self.fleet.routing.find(provider_id)
        if provider is None:
            raise KeyError(provider_id)
        provider.try_now()
        return await self.test_provider(provider_id)

    async def test_new(self, kind: str, base_url: str, key: Secret | None) -> str:
        """Probe a provider that is not set up yet; empty when it answers, else what is wrong with the remedy."""
        return await self.fleet.test(kind, base_url, key, self.health)

    def _host(self, kind: str, base_url: str) -> str:
        return key_host(base_url or self.registry.get(kind).base_url)

    async def _edit(self, edit: Callable[[], Settings]) -> None:
        """Save an edit of the settings in a thread, then take them over."""
        await self.take_over(await asyncio.to_thread(edit))
