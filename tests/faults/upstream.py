"""The faulty upstream itself: `with FaultyUpstream() as upstream:` (or `async with`), then `upstream.script(...)`."""

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

from faults.answers import Voice
from faults.connection import Connection, Recorded
from faults.performer import Performance
from faults.play import Play

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

OK = Play("ok")


class FaultyUpstream:
    """A provider on a loopback port, in a thread and event loop of its own, so that any test can use it.

    `script` says how the next POST requests are answered (the last play repeats), `script_get` the same for GET.
    Every request is in `requests`, every connection in `connections`. The methods may be called from any thread.
    """

    def __init__(self, voice: Voice | str = "upstream", *, tls: "ssl.SSLContext | None" = None) -> None:
        self.voice = Voice(voice) if isinstance(voice, str) else voice
        self.port = 0
        self.requests: list[Recorded] = []
        self.connections: list[Connection] = []
        self._tls = tls
        self._plays: dict[str, list[Play]] = {"POST": [OK], "GET": [OK]}
        self._changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="faulty upstream", daemon=True)
        self._stop = asyncio.Event()
        self._released = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: asyncio.TaskGroup | None = None

    # -- life

    def __enter__(self) -> Self:
        self._loop = asyncio.SelectorEventLoop()
        self._thread.start()
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            await self._stop.wait()

    def _call(self, coro: "Coroutine[Any, Any, None]") -> None:
        asyncio.run_coroutine_threadsafe(coro, self._loop).result(10)

    def kill(self) -> None:
        """Stop listening and drop every connection: the provider is dead, its port refuses."""
        self._call(self._close())

    def restart(self) -> None:
        """Listen (again) on the same port."""
        self._call(self._listen())

    async def _listen(self) -> None:
        if self._server is None:
            make = self._new_connection
            self._server = await self._loop.create_server(make, "127.0.0.1", self.port, ssl=self._tls)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            for sock in self._server.sockets:
                self._loop.remove_reader(sock.fileno())
            await asyncio.sleep(0)  # whoever has just been accepted gets a transport, which a closed server refuses
            await asyncio.sleep(0)
            self._server.close()
        self._server = None
        for connection in self.connections:
            connection.reset()
        await asyncio.sleep(0)

    # -- what it does

    def script(self, *plays: Play) -> None:
        """Answer the next POST requests so, one play each; the last repeats."""
        self._plays["POST"] = list(plays)

    def script_get(self, *plays: Play) -> None:
        """Answer the next GET requests (the model list) so; the last repeats."""
        self._plays["GET"] = list(plays)

    def release(self) -> None:
        """Let the plays with `wait=True` go on."""
        self._loop.call_soon_threadsafe(self._released.set)

    def _new_connection(self) -> Connection:
        assert self._tasks is not None
        connection = Connection(len(self.connections), self._tasks, self._answer)
        connection.on_lost = lambda _: self._notify()
        if self._server is None:
            connection.reset()  # it was accepted in the moment of the end
        self.connections.append(connection)
        return connection

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    async def _answer(self, connection: Connection, request: Recorded) -> None:
        plays = self._plays.setdefault(request.method, [OK])
        play = plays.pop(0) if len(plays) > 1 else plays[0]
        self.requests.append(request)
        self._notify()
        if play.wait:
            await self._released.wait()
        await Performance(self.voice, connection, request, play).run()

    # -- what is seen

    @property
    def base_url(self) -> str:
        """The base URL for an OpenAI-compatible provider."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def posts(self) -> list[Recorded]:
        """The POST requests alone: what users cost, without the health checks."""
        return [r for r in self.requests if r.method == "POST"]

    @property
    def open_connections(self) -> int:
        """How many connections are open at this moment."""
        return sum(1 for c in self.connections if c.open)

    def wait_until(self, true: "Callable[[], bool]", timeout_s: float = 10.0) -> None:
        """Wait until `true()`, looked at after every request and every lost connection.

        Raises:
            TimeoutError: it did not become true.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while not true():
                if time.monotonic() > deadline_s:
                    raise TimeoutError
                self._changed.wait(0.05)

    async def wait(self, true: "Callable[[], bool]", timeout_s: float = 10.0) -> None:
        """`wait_until` for tests with a loop."""
        await asyncio.to_thread(self.wait_until, true, timeout_s)

    async def wait_closed_connection(self, timeout_s: float = 10.0) -> float:
        """Wait until a connection that was open is closed (or none is open); its time on the monotonic clock."""
        before = self.open_connections
        await self.wait(lambda: self.open_connections < before or not self.open_connections, timeout_s)
        return max((c.closed_at_s or 0.0) for c in self.connections)


def closed_port() -> int:
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def unanswering_port() -> "Iterator[int]":
    """A loopback port where connecting hangs: its queue is full and nobody accepts (Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port
