"""Serve with the tokens and settings in force: start the listener, move it, stop it."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from app.domain.events import ServerChanged
from app.domain.secret import Secret
from app.engine.bus import Bus
from app.server.gate import Gate, GateRules
from app.server.listener import Listener
from app.server.port import ListenError
from app.server.routes import Facade, Routes
from app.store import log
from app.store.secrets import KeyringProblem, KeyStore
from app.store.settings import Server

_MIB = 1024 * 1024


class Service:
    """The server of a running program; `problem` says why it does not listen, with the remedy."""

    def __init__(self, facade: Facade, keys: KeyStore, instance_file: Path, bus: Bus) -> None:
        """Serve nothing yet. `instance_file` tells the command line where the program listens."""
        self._keys = keys
        self._instance_file = instance_file
        self._bus = bus
        self._rules = GateRules({})
        self._gate = Gate(Routes(facade), lambda: self._rules)
        self._listener: Listener | None = None
        self._fixed: tuple[str, int | None] = ("", None)
        self._where: tuple[str, int] = ("", 0)
        self._tokens: dict[str, Secret] = {}
        self.problem = ""

    @property
    def listening(self) -> str:
        """The address for clients, empty while the server is down."""
        return self._listener.address if self._listener else ""

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

    async def apply(self, server: Server, interrupt: Callable[[], Awaitable[None]]) -> None:
        """Put settings and tokens in force; the listener is only moved when its address changed or it is down."""
        self._rules = GateRules(
            self._tokens, server.allowed_hosts, server.allowed_origins, server.lan, server.max_body_mib * _MIB
        )
        host, port = self._fixed
        where = (host or server.host, server.port if port is None else port)
        if not self._tokens or (self._listener is not None and where == self._where):
            return
        await self.stop(interrupt)
        self._where = where
        listener = Listener(self._gate, host=where[0], port=where[1])
        try:
            await listener.start()
        except ListenError as error:
            self.problem = str(error)
        else:
            self._listener, self.problem = listener, ""
            self._instance_file.write_text(json.dumps({"listening": self.listening}))
        self._bus.publish(ServerChanged(self.listening, self.problem))

    async def stop(self, interrupt: Callable[[], Awaitable[None]]) -> None:
        """Let requests in flight end, then `interrupt` what still runs and close the port."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.stop(interrupt=interrupt)
            self._instance_file.unlink(missing_ok=True)
