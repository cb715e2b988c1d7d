"""What most commands need: folders, settings, keys and a core that does not listen, each made when first used."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from app.cli.output import CommandError

if TYPE_CHECKING:
    from app.providers.registry import Registry
    from app.runtime import Runtime
    from app.store.key_stamp import KeyStamp
    from app.store.paths import Paths
    from app.store.secrets import KeyStore
    from app.store.settings import Provider, Settings
    from app.store.settings_file import SettingsFile

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # a table; nothing is bound here


class Session:
    """One run of a command; `environ` are the variables of the process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Open nothing yet."""
        self.environ = environ

    @cached_property
    def paths(self) -> "Paths":
        """The folders."""
        from app.store.paths import Paths

        return Paths.from_environ(self.environ)

    @cached_property
    def registry(self) -> "Registry":
        """The kinds of provider."""
        from app.providers.registry import Registry

        return Registry.load()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind the settings may name, those of plug-ins that failed included."""
        return (*self.registry.kinds(), *(failure.kind for failure in self.registry.failures))

    @cached_property
    def settings_file(self) -> "SettingsFile":
        """The settings file, for edits; its folder is made."""
        from app.store.settings_file import SettingsFile

        self.paths.prepare()
        return SettingsFile(self.paths.settings_file, self.kinds)

    @cached_property
    def settings(self) -> "Settings":
        """What the settings file says now.

        Raises:
            SettingsError: it is not valid.
        """
        from app.store.settings_file import SettingsFile

        return SettingsFile(self.paths.settings_file, self.kinds).load()

    @cached_property
    def keys(self) -> "KeyStore":
        """Keys and tokens."""
        from app.store.secrets import KeyStore

        return KeyStore(self.environ)

    @cached_property
    def key_stamp(self) -> "KeyStamp":
        """Tells a running instance that keys changed; its folder is made."""
        from app.store.key_stamp import KeyStamp

        self.paths.prepare()
        return KeyStamp(self.paths.key_stamp)

    def provider(self, provider_id: str) -> "Provider":
        """A provider of the settings.

        Raises:
            CommandError: there is none with this id.
        """
        found = self.settings.provider(provider_id)
        if found is None:
            known = ", ".join(provider.id for provider in self.settings.providers) or "none yet"
            raise CommandError(f"There is no provider {provider_id!r} in the settings. Those there are: {known}.")
        return found

    def base_url(self, provider: "Provider") -> str:
        """The provider's own base URL, else the catalog's; empty when neither has one."""
        if provider.base_url or provider.kind not in self.registry.kinds():
            return provider.base_url
        return self.registry.get(provider.kind).base_url

    def asks_without_key(self, provider: "Provider") -> bool:
        """Whether it is asked although it has no key: the settings say so, or its kind needs none."""
        if provider.key == "none" or provider.kind not in self.registry.kinds():
            return provider.key == "none"
        spec = self.registry.get(provider.kind)
        return spec.local or spec.auth.header is None

    def unset_variable(self, provider: "Provider") -> str:
        """The variable a provider's key would be in, when it is not set here; else empty."""
        name = provider.key.removeprefix("env:")
        return "" if name == provider.key or self.environ.get(name, "").strip() else name

    def key_host(self, provider: "Provider") -> str:
        """The host a provider's key belongs to.

        Raises:
            CommandError: the provider has no address.
        """
        from app.store.key_names import key_host

        host = key_host(self.base_url(provider))
        if not host:
            raise CommandError(f"{provider.id} has no base_url, so no host its key could belong to. Set it first.")
        return host

    @property
    def told_address(self) -> str:
        """Where the running instance says it listens; empty when none says so."""
        try:
            told = json.loads(self.paths.instance_file.read_text("utf-8"))["listening"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return told if isinstance(told, str) else ""

    def address(self) -> str:
        """Where the running instance says it listens, else where the settings would have it."""
        if told := self.told_address:
            return told
        host = _ANY_ADDRESS.get(self.settings.server.host, self.settings.server.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.server.port}/v1"

    @asynccontextmanager
    async def core(self) -> "AsyncIterator[Runtime]":
        """The routing core with settings and keys in force, not listening.

        Raises:
            SettingsError: the settings are not valid.
        """
        from app.runtime import Runtime

        runtime = Runtime(self.paths, self.environ)
        runtime.settings = self.settings
        engine_log = logging.getLogger("app.engine")
        level = engine_log.level
        engine_log.setLevel(logging.ERROR)  # the command itself says what is wrong
        try:
            await runtime.fleet.apply(self.settings)
            yield runtime
        finally:
            engine_log.setLevel(level)
            await runtime.stop()
