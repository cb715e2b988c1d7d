"""A server on loopback with a door of its own: what the door refuses is refused, the rest is answered by path."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def url(self) -> str:
        return f"http://{self.headers['host']}{self.target}"


class Given(NamedTuple):
    """What is answered; `pieces` are sent one by one."""

    status: int = 200
    pieces: tuple[bytes, ...] = (b"{}",)
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def told(value: object, status: int = 200, **headers: str) -> Given:
    """A JSON answer; underscores in the names of headers are dashes."""
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Given(status, (json.dumps(value).encode(),), headers=named)


def sse(*events: object, names: bool = False) -> Given:
    """A stream of server-sent events, with their `type` as name or without."""
    parts = []
    for event in events:
        data = event.encode() if isinstance(event, str) else json.dumps(event).encode()
        name = b"event: %b\n" % event["type"].encode() if names and isinstance(event, dict) else b""
        parts.append(b"%bdata: %b\n\n" % (name, data))
    return Given(200, tuple(parts), "text/event-stream")


Door = Callable[[Asked], Given | None]
"""Refuses a request, or lets it in with None."""


@dataclass
class CloudUpstream:
    """Answers by the request's target (without its query, or with it); what nobody expected is 404 and is noted."""

    door: Door
    answers: dict[str, Given] = field(default_factory=dict)
    posts: list[Asked] = field(default_factory=list)
    gets: list[Asked] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._server.close()
        await self._server.wait_closed()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked = await _read(head, reader)
                (self.posts if asked.method == "POST" else self.gets).append(asked)
                await _send(writer, self.door(asked) or self._given(asked))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _given(self, asked: Asked) -> Given:
        known: Mapping[str, Given] = self.answers
        given = known.get(asked.target) or known.get(asked.target.partition("?")[0])
        if given is None:
            self.strangers.append(asked.target)
            return told({"message": "Nothing is here."}, 404)
        return given


async def _read(head: bytes, reader: asyncio.StreamReader) -> Asked:
    line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
    assert len(headers) == len(lines), "a header is there twice"
    method, target, _ = line.split()
    return Asked(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _send(writer: asyncio.StreamWriter, given: Given) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in given.headers)
    head = f"HTTP/1.1 {given.status} X\r\ncontent-type: {given.kind}\r\n{more}transfer-encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for piece in given.pieces:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
