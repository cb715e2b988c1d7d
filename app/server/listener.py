"""Bind, start and stop the server in whatever asyncio loop is running."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import cast

from uvicorn import Config
from uvicorn.server import ServerState

from app.server.asgi import Application
from app.server.connection import WRITE_STALL_S, Connection
from app.server.port import BACKLOG, bind, show_host

KEEP_ALIVE_S = 75
GRACE_S = 5.0
"""How long running requests may go on after `stop`."""
_FAREWELL_S = 0.5
"""How long clients have to take the error event that ends their stream."""
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - a table, nothing is bound here


class Listener:
    """Serves one ASGI application on one address.

    uvicorn's protocol is used without `uvicorn.Server`: that class takes over the process's signals, calls `sys.exit`
    when a port is taken, and wakes up ten times a second.
    """

    def __init__(self, app: Application, *, host: str, port: int, connection: type[Connection] = Connection) -> None:
        """Serve `app` on `host` and `port` once started; port 0 takes a free one."""
        self._app = app
        self._host = host
        self._port = port
        self._connection = connection
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self.address = ""
        """The base URL for clients, empty while the server is down."""
        self.port = 0
        """The port in use, 0 while the server is down."""

    async def start(self) -> str:
        """Listen, and return the base URL that clients use.

        Raises:
            PortTakenError: somebody else listens there; no other port is tried.
            ListenError: the address cannot be used.
        """
        sock = await asyncio.to_thread(bind, self._host, self._port)
        config = self._config()
        config.load()
        protocol = functools.partial(self._connection, config, self._state, {})
        self._server = await asyncio.get_running_loop().create_server(protocol, sock=sock, backlog=BACKLOG)
        self.port = sock.getsockname()[1]
        self.address = f"http://{show_host(_ANY_ADDRESS.get(self._host, self._host))}:{self.port}/v1"
        return self.address

    def _config(self) -> Config:
        """uvicorn's settings: nothing but HTTP/1.1 through httptools, silent, and no header that names the program."""
        return Config(
            cast("Callable[..., Awaitable[None]]", self._app),
            loop="none",
            http=self._connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )

    def close(self) -> None:
        """Take no new connection; those that are open end with the request they are busy with."""
        self.address, self.port = "", 0
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._state.connections):
            connection.shutdown()

    async def finish(self) -> None:
        """Take no new connection, and wait until the running requests have ended, however long they take."""
        self.close()
        while self._state.tasks:
            await asyncio.wait(tuple(self._state.tasks))
        await self._close_connections(WRITE_STALL_S)

    async def stop(self, grace_s: float = GRACE_S, *, interrupt: Callable[[], Awaitable[None]] | None = None) -> None:
        """Take no new connection, let running requests end for `grace_s`, then end them with an error.

        `interrupt` is called after that time to let streams end themselves with an error event; what still runs
        shortly after is cancelled, and the connections are closed.
        """
        self.close()
        server, self._server = self._server, None
        if server is None:
            return
        if await self._requests_run_after(grace_s) and interrupt is not None:
            await interrupt()
            await self._requests_run_after(_FAREWELL_S)
        for task in tuple(self._state.tasks):
            task.cancel()
        await self._requests_run_after(_FAREWELL_S)
        await self._close_connections(_FAREWELL_S)
        await server.wait_closed()

    async def _requests_run_after(self, seconds: float) -> bool:
        """Wait for the running requests; say whether some still run."""
        if not self._state.tasks:
            return False
        _, running = await asyncio.wait(tuple(self._state.tasks), timeout=seconds)
        return bool(running)

    async def _close_connections(self, patience_s: float) -> None:
        """Give written bytes the time to leave, then cut what is still open."""
        for _ in range(50):
            for connection in tuple(self._state.connections):
                connection.shutdown()
            if not self._state.connections:
                return
            await asyncio.sleep(patience_s / 50)
        for connection in tuple(self._state.connections):
            connection.transport.abort()
