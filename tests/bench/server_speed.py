"""What gate, routes and listener add to a bare uvicorn: run it with the project's Python, it prints a table.

Both servers answer the same small POST with the same bytes, on uvloop, one after the other in rounds of one run. The
processor time a server spends on a request says more on a busy machine than the requests per second.
"""

import asyncio
import json
import subprocess
import sys
import time
from statistics import median

import uvloop

TOKEN = "sk-local-0123456789abcdefghijklmnopqrstuvwxyz"
BODY = json.dumps({"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello there. " * 100}]}).encode()
LARGE_BODY = json.dumps({"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello. " * 30_000}]}).encode()
ANSWER = b'{"id":"x","object":"chat.completion","choices":[{"message":{"role":"assistant","content":"Hello."}}]}'
ROUNDS = 5
SERVERS = ("bare uvicorn", "listener", "gate + routes")


async def hello(scope, receive, send):
    """The least an ASGI application can do with a request: read it and answer."""
    while (await receive())["more_body"]:
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


async def serve_bare():
    """Start uvicorn as it comes, but silent."""
    import uvicorn

    config = uvicorn.Config(
        hello, port=0, http="httptools", ws="none", lifespan="off", access_log=False, log_level="critical"
    )
    server = uvicorn.Server(config)
    task = asyncio.get_running_loop().create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    return server.servers[0].sockets[0].getsockname()[1], task


async def serve_listener():
    """Serve the same application through the program's listener."""
    from app.server.listener import Listener

    listener = Listener(hello, host="127.0.0.1", port=0)
    await listener.start()
    return listener.port, listener


async def serve_ours():
    """Start the server of the program in front of a relay that answers at once."""
    from app.domain.chat import Answer
    from app.domain.secret import Secret
    from app.server.gate import Gate, GateRules
    from app.server.listener import Listener
    from app.server.routes import Routes

    class Relay:
        async def handle(self, call):
            headers = ((b"content-type", b"application/json"), (b"x-request-id", call.request_id.encode()))
            return Answer(200, headers, ANSWER)

    class Program:
        relay = Relay()

    rules = GateRules({"default": Secret(TOKEN), "editor": Secret(TOKEN[::-1])})
    listener = Listener(Gate(Routes(Program()), lambda: rules), host="127.0.0.1", port=0)
    await listener.start()
    return listener.port, listener


async def serve(which: str) -> None:
    """Serve, and tell the processor time in seconds for every line on standard input."""
    port, running = await dict(zip(SERVERS, (serve_bare, serve_listener, serve_ours), strict=True))[which]()
    print(port, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)
    del running


class Client(asyncio.Protocol):
    """Sends the same request again and again on one connection, and notes how long each took."""

    def __init__(self, raw: bytes, left: list[int], times: list[float], done: asyncio.Event) -> None:
        self.raw, self.left, self.times, self.done = raw, left, times, done
        self.seen = b""

    def connection_made(self, transport):
        self.transport = transport
        self.next()

    def next(self):
        if self.left[0] <= 0:
            self.transport.close()
            return
        self.left[0] -= 1
        self.sent_at = time.perf_counter()
        self.transport.write(self.raw)

    def data_received(self, data):
        self.seen += data
        if self.seen.endswith(ANSWER):
            assert self.seen.startswith(b"HTTP/1.1 200")
            self.seen = b""
            self.times.append(time.perf_counter() - self.sent_at)
            self.next()

    def connection_lost(self, exc):
        if self.left[0] <= 0 and self.left[1] == len(self.times):
            self.done.set()


async def load(port: int, body: bytes, connections: int, requests: int) -> tuple[float, float]:
    """Return requests per second and the median time of one in ms."""
    fields = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {TOKEN}\r\n"
        "accept: application/json\r\naccept-encoding: gzip, deflate\r\nconnection: keep-alive\r\n"
        "user-agent: OpenAI/Python 2.8.1\r\nx-stainless-lang: python\r\nx-stainless-os: Linux\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    left, times, done = [requests, requests], [], asyncio.Event()
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(fields.encode() + body, left, times, done), "127.0.0.1", port)
    await done.wait()
    return requests / (time.perf_counter() - began), median(times) * 1000


def cpu_s(process: subprocess.Popen) -> float:
    """Ask a server how much processor time it has used."""
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def measure(processes: dict, body: bytes, connections: int, requests: int) -> None:
    """Load both servers in turn and print the medians over the rounds."""
    results = {name: [] for name in processes}
    for _ in range(ROUNDS):
        for name, (process, port) in processes.items():
            before = cpu_s(process)
            rate, ms = uvloop.run(load(port, body, connections, requests))
            results[name].append((rate, ms, (cpu_s(process) - before) / requests * 1e6))
    for name, rows in results.items():
        rate, ms, cpu_us = (median(column) for column in zip(*rows, strict=True))
        what = f"{len(body) / 1000:6.1f} kB {connections:4d} conn.  {name:14s}"
        print(f"{what} {rate:8.0f}/s {ms:8.3f} ms {cpu_us:7.1f} µs CPU")


def main() -> None:
    """Start both servers and print the table."""
    processes = {}
    for name in SERVERS:
        process = subprocess.Popen(
            [sys.executable, __file__, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes[name] = (process, int(process.stdout.readline()))
    for body, connections, requests in ((BODY, 1, 3000), (BODY, 64, 8000), (LARGE_BODY, 1, 500)):
        measure(processes, body, connections, requests)
    for process, _ in processes.values():
        process.communicate()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1])) if len(sys.argv) > 1 else main()
