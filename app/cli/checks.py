"""What `switchtower doctor` looks at, one function per thing."""

import asyncio
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from app.cli import instance
from app.cli.output import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from app.cli.session import Session
    from app.domain.status import ProviderStatus

_OTHERS = 0o077
_TRIAL = bytes(4096)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; a `note` is nothing wrong, `remedy` is empty unless there is something to do."""

    name: str
    state: Literal["ok", "note", "broken"]
    text: str
    remedy: str = ""


Check = Callable[["Session"], Awaitable[list[Finding]]]


async def examine(session: "Session") -> list[Finding]:
    """Run every check; without valid settings those that need them are left out."""
    found = await settings(session)
    useful: tuple[Check, ...] = (folders, keyring, proxy)
    if found[0].state == "ok":
        useful = (folders, keyring, port, proxy, providers)
    for check in useful:
        found += await check(session)
    return found


async def settings(session: "Session") -> list[Finding]:
    """Whether the settings file is valid, and what in it has no effect."""
    from app.store.settings_errors import SettingsError
    from app.store.settings_references import dangling

    file = session.paths.settings_file
    try:
        count = len(session.settings.providers)
    except SettingsError as error:
        return [Finding("settings", "broken", str(error), f"Edit {file}.")]
    found = Finding("settings", "ok", f"{file} is valid" + ("." if file.exists() else " (no file: all defaults)."))
    told = [
        Finding("settings", "note", f"Without effect: {what}.", f"Edit {file}.") for what in dangling(session.settings)
    ]
    told += [Finding("plug-in", "broken", failure.reason) for failure in session.registry.failures]
    if count:
        return [found, *told]
    hint = "Add one: switchtower providers add KIND (kinds: switchtower providers catalog)."
    return [found, Finding("providers", "note", "There are none yet.", hint), *told]


async def folders(session: "Session") -> list[Finding]:
    """Whether folders and files exist, can be written and are closed to others."""
    paths = session.paths
    places = dict.fromkeys((paths.config_dir, paths.data_dir, paths.state_dir, paths.cache_dir, paths.log_file.parent))
    files = [file for file in (paths.settings_file, paths.database_file, paths.log_file) if file.exists()]
    found = [problem for place in (*places, *files) if (problem := _examine_place(place))]
    return found or [Finding("folders", "ok", f"{', '.join(str(place) for place in places)}")]


def _examine_place(place: "Path") -> Finding | None:
    try:
        mode = stat.S_IMODE(place.stat().st_mode)
    except FileNotFoundError:
        return _examine_parent(place)
    except OSError as error:
        return Finding(
            "folders", "broken", f"{place} cannot be reached: {error.strerror}.", "Check its parent folders."
        )
    if unwritable := _try_to_write(place):
        return unwritable
    if os.name == "posix" and mode & _OTHERS and place.stat().st_uid == os.geteuid():
        wanted = "700" if place.is_dir() else "600"
        return Finding("folders", "broken", f"{place} is open to other users.", f"chmod {wanted} {place}")
    return None


def _try_to_write(place: "Path") -> Finding | None:
    """Whether it may not be written, or a folder has no room for a file."""
    if not os.access(place, os.W_OK):
        return Finding("folders", "broken", f"{place} cannot be written.", "Make it writable for your user.")
    if not place.is_dir():
        return None
    try:
        with tempfile.TemporaryFile(dir=place, buffering=0) as file:
            file.write(_TRIAL)
    except OSError as error:
        text = f"A file in {place} cannot be written: {error.strerror or error}."
        return Finding("folders", "broken", text, "Free some space, or make the folder writable for your user.")
    return None


def _examine_parent(place: "Path") -> Finding | None:
    """Whether what is not there yet can be made."""
    parent = next(folder for folder in place.parents if folder.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return None
    text = f"{place} cannot be made, for {parent} cannot be written."
    return Finding("folders", "broken", text, "Set SWITCHTOWER_HOME to a folder you can write to.")


async def keyring(session: "Session") -> list[Finding]:
    """Whether the keyring answers; without it variables still do."""
    from app.store.secrets import TOKEN_VARIABLE, BadTokenError, KeyringProblem

    try:
        await session.keys.client_token("default")
        await session.keys.clients()
    except BadTokenError as error:
        return [Finding("keyring", "broken", error.message, error.remedy)]
    except KeyringProblem as error:
        spared = session.environ.get(TOKEN_VARIABLE) and not _uses_keyring(session)
        return [Finding("keyring", "note" if spared else "broken", error.message, error.remedy)]
    return [Finding("keyring", "ok", "It answers.")]


def _uses_keyring(session: "Session") -> bool:
    """Whether a provider's key is there; settings that cannot be read use nothing."""
    from app.store.settings_errors import SettingsError

    try:
        return any(provider.key == "keyring" and provider.enabled for provider in session.settings.providers)
    except SettingsError:
        return False


async def port(session: "Session") -> list[Finding]:
    """Whether the port is free, ours, or somebody else's."""
    from app.server.port import owner_pid
    from app.store.secrets import KeyringProblem

    address = session.address()
    number = urlsplit(address).port or 0
    if not await instance.listens(address):
        return [Finding("port", "ok", f"{number} is free; Switchtower is not running.")]
    pid = owner_pid(number)
    holder = f"process {pid}" if pid else "another program"
    try:
        told = await instance.fetch_status(session)
    except instance.NoAnswerError as error:
        text = f"{number} is held by {holder}, which is not this Switchtower: {error.what}"
        return [Finding("port", "broken", text, error.remedy)]
    except KeyringProblem as error:
        return [Finding("port", "note", f"{number} is in use; without a token it cannot be asked. {error.message}")]
    who = f"process {pid}, " if pid else ""
    found = [Finding("port", "ok", f"{number} is Switchtower's ({who}version {told.get('version')}).")]
    for key in ("problem", "settings_problem", "ledger_problem"):
        if told.get(key):
            found.append(Finding("running", "broken", one_line(str(told[key]))))
    return found


async def proxy(session: "Session") -> list[Finding]:
    """Which proxy requests to providers would take."""
    from app.net.proxy import choose

    try:
        found = choose("system", "https", "api.openai.com", session.environ)
    except ValueError as error:
        return [Finding("proxy", "broken", f"The system's proxy cannot be used: {error}.", "Check HTTPS_PROXY.")]
    return [Finding("proxy", "ok", f"Requests go through {found}." if found else "None; requests go out directly.")]


async def providers(session: "Session") -> list[Finding]:
    """Whether every enabled provider has its key and answers."""
    if not session.settings.providers:
        return []
    async with session.core() as core:
        statuses = await asyncio.gather(*(core.test_provider(each.id) for each in session.settings.providers))
    unset = {each.id: session.unset_variable(each) for each in session.settings.providers}
    return [finding for status in statuses for finding in (_judge(status), *_note_unset(status, unset[status.id]))]


def _note_unset(status: "ProviderStatus", variable: str) -> list[Finding]:
    """That a key is missing where one can do without."""
    from app.domain.status import HealthState

    if not variable or status.state in (HealthState.DISABLED, HealthState.NEEDS_KEY):
        return []
    text = f"{variable} is not set here, so it is asked without a key."
    return [Finding(status.id, "note", text, f'Set {variable}, or say key = "none" in the settings.')]


def _judge(status: "ProviderStatus") -> Finding:
    from app.cli.providers import describe_status
    from app.domain.status import HealthState

    text = describe_status(status).removeprefix(f"{status.id}: ")
    if status.state in (HealthState.DISABLED, HealthState.RATE_LIMITED, HealthState.UNKNOWN):
        return Finding(status.id, "note", text)
    return Finding(status.id, "ok" if status.state.up else "broken", text)
