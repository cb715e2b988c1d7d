"""Carry settings to another machine: an export without secrets, an import that sends no key elsewhere."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from app.store import settings_text as text
from app.store.key_names import key_host
from app.store.settings import Settings
from app.store.settings_dangers import Facts, dangers
from app.store.settings_errors import file_error

_STAY = ("keyring", "none")
"""What a `key` may be in a file from elsewhere, whatever the host."""


@dataclass(frozen=True, slots=True)
class HostChange:
    """A provider that has no key after the import: its host was another one, or (`before` empty) it is new.

    `lost` is the variable or login that the file has for its `key` and that was not taken over.
    """

    provider_id: str
    before: str
    after: str
    lost: str = ""


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


def plan_import(file: Path, kinds: Collection[str] | None, current: Settings, facts: Facts) -> ImportPlan:
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
        raise file_error(str(file), f"cannot be read: {why}; check its name and whether you may read it") from error
    source = text.decode(file.name, data)
    imported = text.parse(file.name, source, kinds)
    moved = _host_changes(current, imported, facts)
    source = text.edit(file.name, source, lambda document: _forget_variables(document, {c.provider_id for c in moved}))
    settings = text.parse(file.name, source, kinds)
    needs_key = tuple(change for change in moved if _uses_key(settings, change.provider_id))
    return ImportPlan(source, settings, needs_key, tuple(dangers(current, settings, facts)))


def _host_changes(current: Settings, imported: Settings, facts: Facts) -> tuple[HostChange, ...]:
    before = {provider.id: key_host(facts.url(provider)) for provider in current.providers}
    after = {provider.id: key_host(facts.url(provider)) for provider in imported.providers}
    return tuple(
        HostChange(each.id, before.get(each.id, ""), after[each.id], "" if each.key in _STAY else each.key)
        for each in imported.providers
        if before.get(each.id) != after[each.id]
    )


def _forget_variables(document: text.Table, moved: set[str]) -> None:
    for provider in document.get("providers", []):
        if provider["id"] in moved and provider.get("key", "keyring") not in _STAY:
            provider["key"] = "keyring"


def _uses_key(settings: Settings, provider_id: str) -> bool:
    provider = settings.provider(provider_id)
    return provider is not None and provider.key != "none"
