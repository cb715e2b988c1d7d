"""A real server on loopback with an invented relay behind it, and a client that is nothing but a socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.domain.chat import Answer, ApiRequest, Operation
from app.domain.models import ModelInfo
from app.domain.secret import Secret
from app.domain.status import HealthState, ProviderStatus, Snapshot
from app.domain.usage import UsageSource
from app.engine.catalogue import ModelPage
from app.engine.tokenizer import NO_TOKENIZER
from app.engine.tokens import count_request
from app.server.connection import Connection
from app.server.gate import Gate, GateRules
from app.server.listener import Listener
from app.server.routes import Routes

if TYPE_CHECKING:
    from app.domain.faults import Fault

TOKEN = "sk-local-0123456789abcdefghijklmnopqrstuvwxyz"
OTHER_TOKEN = "sk-local-zyxwvutsrqponmlkjihgfedcba9876543210"
CHAT_BODY = b'{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}'
STREAM_BODY = b'{"model":"gpt-5-mini","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
ANSWER = b'{"id":"x","object":"chat.completion","choices":[]}'
JSON = (b"content-type", b"application/json")
POST_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
GET_PATHS = ("/v1/models", "/v1/models/openai/gpt-5-mini", "/v1/status")


class RecordingRelay:
    """Counts what gets to it; `script` makes the answers."""

    def __init__(self) -> None:
        self.calls: list = []
        self.rejected: list[tuple[Fault, str, str, Operation]] = []
        self.script: Callable[..., Awaitable[Answer]] = self.at_once
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()

    @property
    def count(self) -> int:
        return len(self.calls) + len(self.rejected)

    async def handle(self, call) -> Answer:
        self.calls.append(call)
        try:
            return await self.script(call)
        except asyncio.CancelledError:
            self.note_cancelled()
            raise

    def reject(self, fault, dialect, *, request_id, client, operation=Operation.CHAT) -> Answer:
        self.rejected.append((fault, request_id, client, operation))
        return Answer(fault.status, (JSON,), dialect.render_fault(fault, request_id))

    def note_cancelled(self) -> None:
        self.cancelled.set()

    async def at_once(self, call) -> Answer:
        return Answer(200, (JSON, (b"x-request-id", call.request_id.encode())), ANSWER)

    async def never(self, call) -> Answer:
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def endless_stream(self, call) -> Answer:
        return Answer(200, ((b"content-type", b"text/event-stream"),), stream=self._events(None))

    async def short_stream(self, call) -> Answer:
        return Answer(200, ((b"content-type", b"text/event-stream"),), stream=self._events(3))

    async def _events(self, count: int | None) -> AsyncIterator[bytes]:
        try:
            for number in range(count or 1):
                yield b'data: {"n":%d}\n\n' % number
            self.begun.set()
            if count is None:
                await asyncio.Event().wait()
            yield b"data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.note_cancelled()
            raise


@dataclass
class Program:
    """What the routes need of the program."""

    relay: RecordingRelay = field(default_factory=RecordingRelay)
    entries: tuple[tuple[str, ModelInfo], ...] = (
        ("openai", ModelInfo("gpt-5-mini", context_length=400_000)),
        ("router", ModelInfo("anthropic/claude-sonnet-4.5")),
    )

    looked: int = 0
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def models(self) -> ModelPage:
        return ModelPage(self.entries)

    async def lists_ready(self) -> None:
        self.looked += 1

    async def counted(self, request: ApiRequest, dialect: str) -> tuple[int, UsageSource]:
        known = self.counts.get((request.model, dialect))
        if known is not None:
            return known, UsageSource.PROVIDER
        return await count_request(request.body, request.model, NO_TOKENIZER)

    def snapshot(self) -> Snapshot:
        when = datetime(2026, 11, 23, 10, tzinfo=UTC)
        provider = ProviderStatus(
            "openai", "openai", "OpenAI", enabled=True, priority=1, state=HealthState.HEALTHY, checked_at=when
        )
        return Snapshot("0.1.0", 12.3, "http://127.0.0.1:8484/v1", offline=False, providers=(provider,))


class Served:
    """Gate, routes and listener around a `Program`, on a free port."""

    connection_type = Connection

    def __init__(self, *, connection: type[Connection] = Connection, body_s: float = 30.0, **rules) -> None:
        self.program = Program()
        self.relay = self.program.relay
        self.rules = GateRules(**({"tokens": {"default": Secret(TOKEN), "editor": Secret(OTHER_TOKEN)}} | rules))
        self.gate = Gate(Routes(self.program), lambda: self.rules, body_s=body_s)
        self.listener = Listener(self.gate, host="127.0.0.1", port=0, connection=connection)

    async def __aenter__(self) -> "Served":
        await self.listener.start()
        self.port = self.listener.port
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.listener.stop(0.01)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def send(self, raw: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        await writer.drain()
        return reader, writer

    async def ask(self, raw: bytes, *, head: bool = False) -> "Reply":
        """Send `raw` on a connection of its own and return the answer."""
        reader, writer = await self.send(raw)
        try:
            return await read_reply(reader, head=head)
        finally:
            writer.close()

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> "Reply":
        """Send an ordinary request; `None` leaves a header out, underscores in names become hyphens."""
        return await self.ask(self.raw(method, path, body, **headers), head=method == "HEAD")

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> bytes:
        """The bytes of an ordinary request with the token."""
        fields: dict[str, str | None] = {"host": self.host, "authorization": f"Bearer {TOKEN}"}
        if body or method == "POST":
            fields |= {"content-type": "application/json", "content-length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [
            f"{method} {path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in fields.items() if value is not None),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@dataclass
class Reply:
    """An answer as it came over the wire; header names are lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        return self.json()["error"]


async def read_reply(reader: asyncio.StreamReader, *, head: bool = False) -> Reply:
    """Read one answer; a connection that ends without any gives status 0."""
    try:
        block = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return Reply(0, [], b"")
    first, *lines = block.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    reply = Reply(int(first.split(" ")[1]), headers, b"")
    if head or reply.status == 204:
        return reply
    if reply.header("transfer-encoding") == "chunked":
        reply.body = await _chunks(reader)
    else:
        reply.body = await reader.readexactly(int(reply.header("content-length") or 0))
    return reply


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(parts)
