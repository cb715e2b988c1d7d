"""Serve with the tokens and settings in force: start the listener, move it, stop it."""

import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from app.domain.events import ServerChanged
from app.domain.secret import Secret
from app.engine.bus import Bus
from app.server.gate import Gate, GateRules
from app.server.listener import Listener
from app.server.local import Facade
from app.server.port import ListenError
from app.server.routes import KEYLESS_TABLE, Routes
from app.store import log
from app.store.atomic_file import write_atomically
from app.store.secrets import KeyringProblem, KeyStore
from app.store.settings import Server

Interrupt = Callable[[], Awaitable[None]]
Where = tuple[str, int]

_MIB = 1024 * 1024
_LOOPBACK = "127.0.0.1"


class Service:
    """The server of a running program; `problem` says why it does not listen, with the remedy."""

    def __init__(self, facade: Facade, keys: KeyStore, instance_file: Path, bus: Bus) -> None:
        """Serve nothing yet. `instance_file` tells the command line where the program listens."""
        self._keys = keys
        self._instance_file = instance_file
        self._bus = bus
        self._rules = GateRules({})
        self._keyless_rules = GateRules({})
        routes, keyless = Routes(facade), Routes(facade, KEYLESS_TABLE)
        self._main = _Door(Gate(routes, lambda: self._rules))
        self._keyless = _Door(Gate(keyless, lambda: self._keyless_rules, keyless=True))
        self._fixed: tuple[str, int | None] = ("", None)
        self._tokens: dict[str, Secret] = {}
        self.problem = ""

    @property
    def listening(self) -> str:
        """The address for clients, empty while the server is down."""
        return self._main.address

    @property
    def keyless(self) -> str:
        """The address for clients that cannot send a key, empty when there is none."""
        return self._keyless.address

    @property
    def token(self) -> Secret | None:
        """The default local token, None while the keyring gives none."""
        return self._tokens.get("default")

    def fix_address(self, host: str, port: int | None) -> None:
        """Let `host` and `port` of the command line go before those of the settings."""
        self._fixed = (host, port)

    async def read_tokens(self) -> None:
        """Read the local tokens; without any the server is not started and `problem` says why."""
        try:
            self._tokens = dict(await self._keys.local_tokens())
        except KeyringProblem as error:
            self.problem = str(error)
            return
        for token in self._tokens.values():
            log.remember(token)
        self.problem = ""

    async def apply(self, server: Server, interrupt: Interrupt) -> None:
        """Put settings and tokens in force; a listener is only moved when its address changed or it is down."""
        size_bytes = server.max_body_mib * _MIB
        self._rules = GateRules(self._tokens, server.allowed_hosts, server.allowed_origins, server.lan, size_bytes)
        self._keyless_rules = GateRules({}, max_body_bytes=size_bytes)
        if not self._tokens:
            return
        host, port = self._fixed
        before = self.listening
        problems = (
            await self._main.move((host or server.host, server.port if port is None else port), interrupt),
            await self._keyless.move((_LOOPBACK, server.keyless_port) if server.keyless_port else None, interrupt),
        )
        self.problem = " ".join(filter(None, problems))
        if self.listening != before:
            with contextlib.suppress(OSError):  # a full disk: the command line goes by the settings then
                write_atomically(self._instance_file, json.dumps({"listening": self.listening}).encode())
        if self.listening != before or self.problem:
            self._bus.publish(ServerChanged(self.listening, self.problem))

    async def stop(self, interrupt: Interrupt) -> None:
        """Let requests in flight end, then `interrupt` what still runs and close the ports."""
        await self._keyless.move(None, interrupt)
        if self.listening:
            await self._main.move(None, interrupt)
            self._instance_file.unlink(missing_ok=True)


class _Door:
    """One listener and where it stands."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._listener: Listener | None = None
        self._where: Where | None = None

    @property
    def address(self) -> str:
        return self._listener.address if self._listener else ""

    async def move(self, where: Where | None, interrupt: Interrupt) -> str:
        """Listen at `where` (None: nowhere); return why that cannot be done."""
        if where == self._where and (where is None or self._listener is not None):
            return ""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop(interrupt=interrupt)
        self._where = where
        if where is None:
            return ""
        listener = Listener(self._gate, host=where[0], port=where[1])
        try:
            await listener.start()
        except ListenError as error:
            return str(error)
        self._listener = listener
        return ""
