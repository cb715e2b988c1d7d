"""Carry settings to another machine: an export without secrets, an import that sends no key elsewhere."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from app.store import settings_text as text
from app.store.key_names import key_host
from app.store.settings import Provider, Settings
from app.store.settings_errors import file_error

UrlOf = Callable[[Provider], str]
"""The base URL in force: the provider's own or the catalog's."""


@dataclass(frozen=True, slots=True)
class HostChange:
    """A provider that has no key after the import: its host was another one, or (`before` empty) it is new."""

    provider_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do: the text to save, the settings in it, who needs a key and what to look at first."""

    source: str
    settings: Settings
    needs_key: tuple[HostChange, ...]
    warnings: tuple[str, ...]


def export(settings: Settings) -> str:
    """The settings as a file to give away: no key is in settings, and comments, which could hold one, stay behind."""
    return text.render(settings)


def plan_import(file: Path, kinds: Collection[str] | None, current: Settings, url_of: UrlOf) -> ImportPlan:
    """Check `file` and say what it would change; nothing is written.

    A `key` of a provider whose host differs is taken over as `"keyring"`: a file from elsewhere may not send a
    variable or a login of this machine to a host of its choice.

    Raises:
        SettingsError: it cannot be read or is not valid.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(text.MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise file_error(file.name, f"cannot be read: {why}; check its name and whether you may read it") from error
    source = text.decode(file.name, data)
    imported = text.parse(file.name, source, kinds)
    moved = _host_changes(current, imported, url_of)
    source = text.edit(file.name, source, lambda document: _forget_variables(document, {c.provider_id for c in moved}))
    settings = text.parse(file.name, source, kinds)
    needs_key = tuple(change for change in moved if _uses_key(settings, change.provider_id))
    return ImportPlan(source, settings, needs_key, tuple(_warnings(current, settings)))


def _host_changes(current: Settings, imported: Settings, url_of: UrlOf) -> tuple[HostChange, ...]:
    before = {provider.id: key_host(url_of(provider)) for provider in current.providers}
    after = {provider.id: key_host(url_of(provider)) for provider in imported.providers}
    return tuple(
        HostChange(each, before.get(each, ""), host) for each, host in after.items() if before.get(each) != host
    )


def _forget_variables(document: text.Table, moved: set[str]) -> None:
    for provider in document.get("providers", []):
        if provider["id"] in moved and provider.get("key", "keyring") not in ("keyring", "none"):
            provider["key"] = "keyring"


def _uses_key(settings: Settings, provider_id: str) -> bool:
    provider = settings.provider(provider_id)
    return provider is not None and provider.key != "none"


def _warnings(current: Settings, imported: Settings) -> list[str]:
    """What an attacker would like to slip in."""
    server, before = imported.server, current.server
    found = []
    if server.lan and not before.lan:
        found.append("server.lan: other machines of your network will be let in")
    if set(server.allowed_origins) - set(before.allowed_origins):
        found.append("server.allowed_origins: more web pages will be let in")
    if set(server.allowed_hosts) - set(before.allowed_hosts):
        found.append("server.allowed_hosts: more host names will be answered")
    for provider in imported.providers:
        found += _trust_warnings(current.provider(provider.id), provider)
    return found


def _trust_warnings(before: Provider | None, provider: Provider) -> list[str]:
    found = []
    if provider.ca_file and (before is None or before.ca_file != provider.ca_file):
        found.append(f"{provider.id}: ca_file decides whom to trust and would change")
    if provider.proxy not in ("system", "none") and (before is None or before.proxy != provider.proxy):
        found.append(f"{provider.id}: its requests would go through another proxy")
    return found
