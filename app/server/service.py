"""Serve with the tokens and settings in force: start the listener, move it, stop it."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

from app.domain.events import ServerChanged
from app.domain.secret import Secret
from app.engine.bus import Bus
from app.server.gate import Gate, GateRules
from app.server.listener import GRACE_S, Listener
from app.server.local import Facade
from app.server.port import ListenError
from app.server.routes import KEYLESS_TABLE, Routes
from app.store import log
from app.store.atomic_file import write_atomically
from app.store.secrets import KeyringProblem, KeyStore
from app.store.settings import Server

Interrupt = Callable[[], Awaitable[None]]
Spawn = Callable[[str, Coroutine[None, None, None]], asyncio.Task[None]]
Where = tuple[str, int]

_MIB = 1024 * 1024
_LOOPBACK = "127.0.0.1"
_KEPT = "Until the keyring can be read again, local tokens that were revoked or replaced meanwhile are still accepted."


class Service:
    """The server of a running program; `problem` says why it does not listen, with the remedy."""

    def __init__(self, facade: Facade, keys: KeyStore, instance_file: Path, bus: Bus, spawn: Spawn) -> None:
        """Serve nothing yet. `instance_file` tells the command line where the program listens.

        `spawn` owns the tasks in which a listener that has moved finishes its requests.
        """
        self._keys = keys
        self._instance_file = instance_file
        self._bus = bus
        self._rules = GateRules({})
        self._keyless_rules = GateRules({})
        routes, keyless = Routes(facade), Routes(facade, KEYLESS_TABLE)
        self._main = _Door(Gate(routes, lambda: self._rules), spawn)
        self._keyless = _Door(Gate(keyless, lambda: self._keyless_rules, keyless=True), spawn)
        self._moving = asyncio.Lock()
        self._ended = False
        self._fixed: tuple[str, int | None] = ("", None)
        self._tokens: dict[str, Secret] = {}
        self._token_problem = self._port_problem = ""
        self._told = ServerChanged("")

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

    @property
    def problem(self) -> str:
        """Why the server is not what the settings and the keyring want, with the remedy; empty when it is."""
        return " ".join(filter(None, (self._token_problem, self._port_problem)))

    @property
    def lacks_port(self) -> bool:
        """Whether a port could not be taken: `apply` tries again."""
        return bool(self._port_problem)

    async def read_tokens(self) -> None:
        """Read the local tokens; while they cannot be read those known before stay in force, and `problem` says so."""
        try:
            tokens, problem = await self._keys.local_tokens(), self._keys.problem
        except KeyringProblem as error:
            tokens, problem = {}, str(error)
        kept = {name: token for name, token in self._tokens.items() if problem and name not in tokens}
        self._token_problem = f"{problem} {_KEPT}" if kept else "" if tokens else problem
        self._tokens = kept | tokens
        for token in self._tokens.values():
            log.remember(token)

    def replace_token(self, token: Secret) -> None:
        """The default local token is another from the next `apply` on, whether or not the keyring can be read."""
        self._tokens = self._tokens | {"default": token}

    async def apply(self, server: Server) -> None:
        """Put settings and tokens in force; a listener is only moved when its address changed or it is down."""
        async with self._moving:
            size_bytes = server.max_body_mib * _MIB
            self._rules = GateRules(self._tokens, server.allowed_hosts, server.allowed_origins, server.lan, size_bytes)
            self._keyless_rules = GateRules({}, max_body_bytes=size_bytes)
            if self._tokens and not self._ended:
                await self._move(server)
            now = ServerChanged(self.listening, self.problem)
            if now != self._told:
                self._told = now
                self._bus.publish(now)

    async def _move(self, server: Server) -> None:
        host, port = self._fixed
        before = self.listening
        problems = (
            await self._main.move((host or server.host, server.port if port is None else port)),
            await self._keyless.move((_LOOPBACK, server.keyless_port) if server.keyless_port else None),
        )
        self._port_problem = " ".join(filter(None, problems))
        if self.listening != before:
            with contextlib.suppress(OSError):  # a full disk: the command line goes by the settings then
                write_atomically(self._instance_file, json.dumps({"listening": self.listening}).encode())

    async def stop(self, interrupt: Interrupt) -> None:
        """Let requests in flight end, then `interrupt` what still runs and close the ports."""
        self._ended = True
        async with self._moving:
            loop, listened = asyncio.get_running_loop(), bool(self.listening)
            listeners = self._main.listeners | self._keyless.listeners
            for listener in listeners:
                listener.close()
            due_s = loop.time() + GRACE_S
            for listener in listeners:
                await listener.stop(max(0.0, due_s - loop.time()), interrupt=interrupt)
        if listened:
            self._instance_file.unlink(missing_ok=True)


class _Door:
    """One listener and where it stands, and those that stood elsewhere before and still have requests to finish."""

    def __init__(self, gate: Gate, spawn: Spawn) -> None:
        self._gate = gate
        self._spawn = spawn
        self._listener: Listener | None = None
        self._where: Where | None = None
        self._leaving: set[Listener] = set()

    @property
    def address(self) -> str:
        return self._listener.address if self._listener else ""

    @property
    def listeners(self) -> set[Listener]:
        """Every listener that may have requests under way."""
        return self._leaving | ({self._listener} if self._listener else set())

    async def move(self, where: Where | None) -> str:
        """Listen at `where` (None: nowhere), or return why that cannot be done: then it stays where it was.

        Requests that are under way finish where they began.
        """
        if where == self._where and (where is None or self.address):
            return ""
        try:
            listener = None if where is None else await self._open(*where)
        except ListenError as error:
            return f"{error} {self.address} is used until then." if self.address else str(error)
        before, self._listener, self._where = self._listener, listener, where
        if before is not None:
            self._leaving.add(before)
            self._spawn("finish requests", self._finish(before))
        return ""

    async def _open(self, host: str, port: int) -> Listener:
        """Listen there before the other place is given up, unless both have the same port, which cannot be had twice.

        Raises:
            ListenError: that cannot be done.
        """
        listener, before = Listener(self._gate, host=host, port=port), self._listener
        if before is None or before.port != port:
            await listener.start()
            return listener
        before.close()
        try:
            await listener.start()
        except ListenError:
            await before.start()
            raise
        return listener

    async def _finish(self, listener: Listener) -> None:
        try:
            await listener.finish()
        finally:
            self._leaving.discard(listener)
