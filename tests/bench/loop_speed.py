"""Compare the Qt loops under an HTTP-like load: `python tests/bench/loop_speed.py [seconds per round] [rounds]`.

A server in the loop under test answers small requests; each one is a task of its own with a time limit that is
cancelled again, as in the proxy. Another process holds the connections open and asks. The rounds of all loops are
interleaved; the best of each counts, since others may use the machine.
Processor time per request is the steadier figure.
"""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 300\r\n\r\n" + b"x" * 300
REPLY = b"HTTP/1.1 200 OK\r\ncontent-length: 300\r\n\r\n" + b"y" * 300
WARM_UP = 500
KINDS = ("asyncio", "stock", "portable", "pump")


class Server(asyncio.Protocol):
    """Answers each request in a task with a time limit, after giving way once."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""
        self.tasks: set[asyncio.Task[None]] = set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= len(REQUEST):
            self.buffer = self.buffer[len(REQUEST) :]
            task = asyncio.get_running_loop().create_task(self.answer())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def answer(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(60):
            given_way = loop.create_future()
            loop.call_soon(given_way.set_result, None)
            await given_way
        self.transport.write(REPLY)
        Server.answered += 1


class Client(asyncio.Protocol):
    """Asks again as soon as it is answered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.seen = 0
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self.seen += len(data)
        if self.seen >= len(REPLY):
            self.seen -= len(REPLY)
            self.transport.write(REQUEST)


async def ask(port: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(Client, "127.0.0.1", port)
    await loop.create_future()


def make(kind: str) -> Any:
    if kind == "asyncio":
        return asyncio.new_event_loop()
    import qasync
    from PySide6.QtWidgets import QApplication

    from app.ui.loop import PortableLoop, PumpLoop

    app = QApplication.instance() or QApplication(["bench"])
    factories: dict[str, Callable[[Any], Any]] = {
        "stock": qasync.QEventLoop,
        "portable": PortableLoop,
        "pump": PumpLoop,
    }
    return factories[kind](app)


async def serve(connections: int, seconds: float) -> tuple[float, float]:
    """Return requests per second and microseconds of processor time per request."""
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    command = [sys.executable, __file__, "ask", str(port), str(connections)]
    asker = await asyncio.to_thread(subprocess.Popen, command)
    while Server.answered < WARM_UP:
        await asyncio.sleep(0.05)
    answered, cpu, wall = Server.answered, time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    answered, cpu, wall = Server.answered - answered, time.process_time() - cpu, time.monotonic() - wall
    asker.kill()
    return answered / wall, cpu / answered * 1e6


def round_of(kind: str, connections: int, seconds: float, results: Any) -> None:
    loop = make(kind)
    asyncio.set_event_loop(loop)
    results.send(loop.run_until_complete(serve(connections, seconds)))
    os._exit(0)  # what the loop leaves open is not what is measured


@dataclass
class Best:
    """The best round of one loop at one number of connections."""

    per_s: float = 0.0
    cpu_us: float = float("inf")

    def take(self, per_s: float, cpu_us: float) -> None:
        self.per_s, self.cpu_us = max(self.per_s, per_s), min(self.cpu_us, cpu_us)


def main(seconds: float, rounds: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    best = {(kind, n): Best() for kind in KINDS for n in (1, 64)}
    for _ in range(rounds):
        for (kind, connections), held in best.items():
            results, sender = spawn.Pipe(duplex=False)
            process = spawn.Process(target=round_of, args=(kind, connections, seconds, sender))
            process.start()
            sender.close()
            held.take(*results.recv())
            process.join()
    print("| loop | req/s, 1 conn. | CPU µs | req/s, 64 conn. | CPU µs |\n|---|---|---|---|---|")
    for kind in KINDS:
        one, many = best[kind, 1], best[kind, 64]
        print(f"| {kind} | {one.per_s:,.0f} | {one.cpu_us:.0f} | {many.per_s:,.0f} | {many.cpu_us:.0f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["ask"]:
        asyncio.run(ask(int(sys.argv[2]), int(sys.argv[3])))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
