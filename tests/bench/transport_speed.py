"""Compare outward transports side by side: `python tests/bench/transport_speed.py [SECONDS]`."""

import asyncio
import importlib.util
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from statistics import median

import httptools
import httpx
import uvloop

from app.net.client import ClientOptions, UpstreamClient
from app.net.transport import Transport

BODY = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * 1400 + b'"}]}'
ANSWER = b'{"id":"1","choices":[{"message":{"content":"' + b"y" * 700 + b'"}}]}'
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER

Ask = Callable[[], Awaitable[None]]


class Upstream(asyncio.Protocol):
    """Answers every request with the same bytes."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.transport.write(REPLY)


def serve(pipe: "multiprocessing.connection.Connection") -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


@contextmanager
def upstream() -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


async def measure(ask: Ask, connections: int, seconds: float) -> tuple[float, float, float]:
    """Return p50 in ms, requests per second, and µs of this process's CPU time per request."""
    times: list[float] = []
    stop = time.perf_counter() + seconds

    async def one() -> None:
        while (begin := time.perf_counter()) < stop:
            await ask()
            times.append(time.perf_counter() - begin)

    await ask()
    cpu, begin = time.process_time(), time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    took = time.perf_counter() - begin
    return median(times) * 1000, len(times) / took, (time.process_time() - cpu) / len(times) * 1e6


def httpx_ask(transport: httpx.AsyncBaseTransport | None, url: str) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    client = httpx.AsyncClient(transport=transport, trust_env=False, limits=limits)

    async def ask() -> None:
        reply = await client.post(f"{url}/chat/completions", content=BODY)
        assert reply.content == ANSWER

    return ask, client.aclose


def own_ask(url: str) -> tuple[Ask, Callable[[], Awaitable[None]]]:
    client = UpstreamClient(ClientOptions("Bench", url, max_keepalive=100))

    async def ask() -> None:
        reply = await client.post("/chat/completions", BODY, stream=False)
        assert await reply.read() == ANSWER

    return ask, client.aclose


async def compare(port: int, seconds: float) -> None:
    url = f"http://127.0.0.1:{port}/v1"
    rows = {
        "httpx, its own pool": lambda: httpx_ask(None, url),
        "httpx over our transport": lambda: httpx_ask(Transport(), url),
        "UpstreamClient": lambda: own_ask(url),
    }
    if importlib.util.find_spec("httpx_aiohttp"):
        from httpx_aiohttp import AiohttpTransport

        rows["httpx over aiohttp"] = lambda: httpx_ask(AiohttpTransport(), url)
    for name, make in rows.items():
        ask, aclose = make()
        for connections in (1, 64):
            p50_ms, per_s, cpu_us = await measure(ask, connections, seconds)
            print(f"  {name:26} {connections:3} conn.  p50 {p50_ms:8.3f} ms  {per_s:9,.0f} req/s  {cpu_us:7.1f} µs CPU")
        await aclose()


if __name__ == "__main__":
    span = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    with upstream() as at:
        for label, run in (("asyncio", asyncio.run), ("uvloop", uvloop.run)):
            print(label)
            run(compare(at, span))
