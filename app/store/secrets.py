"""Provider keys and local tokens: in the system's keyring or the environment, in memory once read, never in a file."""

import asyncio
import json
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from operator import methodcaller
from typing import TYPE_CHECKING, TypeVar

from app.domain.secret import Secret
from app.store import log
from app.store.key_names import CLIENT_INDEX, DEFAULT_CLIENT, client_user, key_host, provider_users
from app.store.key_text import clean_key
from app.store.keyring_thread import KeyringProblem, KeyringThread
from app.store.memory_keyring import MemoryKeyring

if TYPE_CHECKING:
    from app.store.keyring_backend import SystemKeyring
    from app.store.memory_keyring import Backend

__all__ = ["BadTokenError", "KeyStore", "KeyringProblem", "MemoryKeyring", "clean_key", "key_host"]

TOKEN_VARIABLE = "SWITCHTOWER_TOKEN"  # noqa: S105 - the name of the variable, not a token
SHORTEST_TOKEN = 20
_TOKEN_BYTES = 32
_START_LIMIT_S = 2.0
_CLIENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_T = TypeVar("_T")


class BadTokenError(KeyringProblem):
    """`SWITCHTOWER_TOKEN` cannot be used; the program must not start."""


class KeyStore:
    """The only way to a secret. Nothing here blocks the loop, and no call takes longer than `timeout_s`."""

    def __init__(self, environ: Mapping[str, str], timeout_s: float = 5.0, backend: "Backend | None" = None) -> None:
        """Nothing is opened yet; `backend` replaces the system's keyring and is trusted (demo, tests).

        `problem` is what kept the local tokens from being read the last time, empty when they were.
        """
        self._environ = environ
        self._backend = backend
        self._thread = KeyringThread(timeout_s)
        self._keyring: SystemKeyring | None = None
        self._cache: dict[str, Secret] = {}
        self._index = asyncio.Lock()
        self.problem = ""

    def forget(self) -> None:
        """Read everything again at its next use, for another process may have changed it."""
        self._cache.clear()

    async def can_be_read(self) -> bool:
        """Whether the keyring is open; to find out asks the user for nothing."""
        try:
            return await self._call(methodcaller("is_open"))
        except KeyringProblem:
            return False

    async def provider_key(self, provider_id: str, host: str, source: str) -> Secret | None:
        """The key of a provider at `host` (see `key_host`); `source` is `key` of its settings.

        Raises:
            KeyringProblem: the keyring cannot be asked, or the variable does not hold a key.
        """
        if source in ("none", "default") or source.startswith("profile:"):
            return None
        if source.startswith("env:"):
            return self._variable(source.removeprefix("env:"))
        for user in provider_users(provider_id, host):
            if (key := await self._get(user)) is not None:
                return key
        return None

    async def set_provider_key(self, provider_id: str, host: str, key: Secret) -> str:
        """Keep a key for a provider at `host`; returns a notice for the user, mostly empty.

        Raises:
            KeyringProblem: it is not a key, or the keyring cannot keep it.
        """
        given = key.reveal()
        clean = clean_key(given)
        await self._set(f"{provider_id}@{host}", clean)
        return "" if clean == key else "White space around the key was removed."

    async def delete_provider_key(self, provider_id: str, host: str) -> None:
        """Drop the key of a provider at `host`; no key is fine.

        Raises:
            KeyringProblem: the keyring cannot be asked.
        """
        for user in provider_users(provider_id, host):
            self._cache.pop(user, None)
            await self._call(methodcaller("delete", user))

    async def local_tokens(self) -> dict[str, Secret]:
        """Every token that lets a client in, by name; `default` is made when there is none.

        With `SWITCHTOWER_TOKEN` the keyring is optional: when it fails, `problem` says so and only that token counts.

        Raises:
            BadTokenError: `SWITCHTOWER_TOKEN` is too short or not a token.
            KeyringProblem: there is no default token and none can be kept.
        """
        default = self._fixed_token()
        read, limit_s = (
            (_read_tokens_or_make_default, None) if default is None else (_read_named_tokens, _START_LIMIT_S)
        )
        try:
            stored = await self._call(read, limit_s)
            self.problem = ""
        except KeyringProblem as error:
            self.problem = str(error)
            if default is None:
                raise
            stored = {}
        tokens = {name: self._remember(client_user(name), value) for name, value in stored.items()}
        return tokens if default is None else {DEFAULT_CLIENT: default} | tokens

    async def client_token(self, name: str) -> Secret | None:
        """The token of a client, or None.

        Raises:
            BadTokenError: `SWITCHTOWER_TOKEN` is too short or not a token.
            KeyringProblem: the keyring cannot be asked.
        """
        fixed = self._fixed_token() if name == DEFAULT_CLIENT else None
        return fixed or await self._get(client_user(name))

    async def add_client(self, name: str) -> Secret:
        """Make a token for a new client.

        Raises:
            KeyringProblem: the name is taken or cannot be a name, or the keyring cannot keep the token.
        """
        if not _CLIENT_NAME.fullmatch(name):
            raise KeyringProblem("This cannot be the name of a client.", "Use letters, digits, dots and dashes.")
        token = _new_token()
        async with self._index:
            await self._call(lambda ring: _add_client(ring, name, token))
        return self._remember(client_user(name), token)

    async def revoke_client(self, name: str) -> None:
        """Drop a client and its token.

        Raises:
            KeyringProblem: there is no such client, it is the default one, or the keyring cannot be asked.
        """
        if name == DEFAULT_CLIENT:
            raise KeyringProblem("The default token cannot be revoked.", "Replace it: switchtower token rotate.")
        self._cache.pop(client_user(name), None)
        async with self._index:
            await self._call(lambda ring: _remove_client(ring, name))

    async def clients(self) -> tuple[str, ...]:
        """The names of all clients, the default one first.

        Raises:
            KeyringProblem: the keyring cannot be asked.
        """
        return (DEFAULT_CLIENT, *await self._call(_client_names))

    async def rotate_token(self) -> Secret:
        """Replace the default token.

        Raises:
            KeyringProblem: it comes from `SWITCHTOWER_TOKEN`, or the keyring cannot keep a new one.
        """
        if self._environ.get(TOKEN_VARIABLE):
            raise KeyringProblem(f"The token comes from {TOKEN_VARIABLE}.", "Change it there.")
        token = Secret(_new_token())
        await self._set(client_user(DEFAULT_CLIENT), token)
        return token

    def _variable(self, name: str) -> Secret | None:
        value = self._environ.get(name, "")
        if not value.strip():
            return None
        try:
            key = clean_key(value)
        except KeyringProblem as problem:
            raise KeyringProblem(f"{name}: {problem.message}", "Set the variable to the key itself.") from None
        log.remember(key)
        return key

    def _fixed_token(self) -> Secret | None:
        """The token given by the environment."""
        value = self._environ.get(TOKEN_VARIABLE, "")
        if not value:
            return None
        if len(value) < SHORTEST_TOKEN:
            raise BadTokenError(
                f"{TOKEN_VARIABLE} is shorter than {SHORTEST_TOKEN} characters.", "Set a longer one, or unset it."
            )
        if not re.fullmatch(r"[\x21-\x7e]+", value):
            raise BadTokenError(
                f"{TOKEN_VARIABLE} holds spaces or characters that are not ASCII.", "Use letters, digits and dashes."
            )
        token = Secret(value)
        log.remember(token)
        return token

    async def _get(self, user: str) -> Secret | None:
        if (cached := self._cache.get(user)) is not None:
            return cached
        value = await self._call(lambda ring: ring.get(user))
        return self._remember(user, value) if value else None

    async def _set(self, user: str, secret: Secret) -> None:
        self._cache.pop(user, None)
        await self._call(lambda ring: ring.set(user, secret.reveal()))
        self._remember(user, secret.reveal())

    def _remember(self, user: str, value: str) -> Secret:
        secret = self._cache[user] = Secret(value)
        log.remember(secret)
        return secret

    async def _call(self, use: "Callable[[SystemKeyring], _T]", limit_s: float | None = None) -> _T:
        return await self._thread.call(lambda: use(self._opened()), limit_s)

    def _opened(self) -> "SystemKeyring":
        """Open the keyring, in its thread; tried again at the next call when it fails."""
        if self._keyring is None:
            from app.store import keyring_backend  # noqa: PLC0415 - loads keyring and D-Bus: too slow for the loop

            prompt = sys.platform in ("win32", "darwin") or any(map(self._environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
            if self._backend is None:
                self._keyring = keyring_backend.open_keyring(may_prompt=prompt)
            else:
                self._keyring = keyring_backend.SystemKeyring(self._backend, may_prompt=prompt)
        return self._keyring


def _new_token() -> str:
    """256 random bits; some plugins insist on a key that begins with `sk-`."""
    return f"sk-local-{secrets.token_urlsafe(_TOKEN_BYTES)}"


def _client_names(ring: "SystemKeyring") -> list[str]:
    """The named clients: keyrings cannot be listed, so their names stand in an item of their own, as a JSON list."""
    try:
        names = json.loads(ring.get(CLIENT_INDEX) or "[]")
    except ValueError:
        names = []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _read_named_tokens(ring: "SystemKeyring") -> dict[str, str]:
    found = {name: ring.get(client_user(name)) for name in _client_names(ring)}
    return {name: token for name, token in found.items() if token}


def _read_tokens_or_make_default(ring: "SystemKeyring") -> dict[str, str]:
    token = ring.get(client_user(DEFAULT_CLIENT))
    if not token:
        token = _new_token()
        ring.set(client_user(DEFAULT_CLIENT), token)
    return {DEFAULT_CLIENT: token} | _read_named_tokens(ring)


def _add_client(ring: "SystemKeyring", name: str, token: str) -> None:
    names = _client_names(ring)
    if name in (DEFAULT_CLIENT, *names):
        raise KeyringProblem("There is a client of this name already.", "Revoke it first, or choose another name.")
    ring.set(client_user(name), token)
    ring.set(CLIENT_INDEX, json.dumps([*names, name]))


def _remove_client(ring: "SystemKeyring", name: str) -> None:
    names = _client_names(ring)
    if name not in names:
        raise KeyringProblem("There is no client of this name.", "See: switchtower clients list.")
    ring.delete(client_user(name))
    ring.set(CLIENT_INDEX, json.dumps([each for each in names if each != name]))
