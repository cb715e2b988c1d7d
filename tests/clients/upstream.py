"""A server on loopback that speaks one provider's dialect and checks what it gets as that provider does."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self

from clients.scripted import Say, Turn, answer

KEY = "sk-provider-0123456789abcdef"


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Sent:
    """What goes back: chunks, whose connection is `cut` behind the last one when it is so."""

    body: list[bytes]
    status: int = 200
    content_type: str = "application/json"
    cut: bool = False


class Speech(Protocol):
    """How one provider speaks."""

    name: str

    def listing(self, asked: Asked) -> Sent:
        """The model list."""
        ...

    def special(self, asked: Asked) -> Sent | None:
        """What is no chat: vectors, counts."""
        ...

    def problems(self, asked: Asked) -> Iterable[str]:
        """What the provider would refuse."""
        ...

    def read(self, asked: Asked) -> Turn:
        """The last turn."""
        ...

    def write(self, say: Say, asked: Asked, turn: Turn) -> Sent:
        """An answer, plain or as a stream."""
        ...

    def error(self, status: int, message: str) -> Sent:
        """An error envelope."""
        ...


@dataclass
class Upstream:
    """Serves `speech` until it is left."""

    speech: Speech
    posts: list[Asked] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while asked := await _read(reader):
                if not await _send(writer, self._answer(asked)):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, asked: Asked) -> Sent:
        if asked.method != "POST":
            return self.speech.listing(asked)
        self.posts.append(asked)
        try:
            return self._judged(asked)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            return self._refuse([f"unreadable: {error!r}"])

    def _judged(self, asked: Asked) -> Sent:
        special = self.speech.special(asked)
        if special is not None:
            return special
        problems = list(self.speech.problems(asked))
        if problems:
            return self._refuse(problems)
        turn = self.speech.read(asked)
        say = answer(turn)
        if say.status != HTTPStatus.OK:
            return self.speech.error(say.status, f"The prompt asked for status {say.status}.")
        if say.breaks and not turn.stream:
            return self.speech.error(500, "The prompt asked to break.")
        return self.speech.write(say, asked, turn)

    def _refuse(self, problems: list[str]) -> Sent:
        self.refusals += problems
        return self.speech.error(400, "; ".join(problems))


def plain(value: Any) -> Sent:
    """A whole answer."""
    return Sent([json.dumps(value, ensure_ascii=False).encode()])


def shorn(say: Say, sent: Sent) -> Sent:
    """A stream that breaks off before its end, when the model is told to."""
    return Sent(sent.body[: len(sent.body) // 2], content_type=sent.content_type, cut=True) if say.breaks else sent


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest if row)}
    method, target, _ = line.split(" ", 2)
    path, _, query = target.partition("?")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, query, headers, body)


async def _send(writer: asyncio.StreamWriter, sent: Sent) -> bool:
    """Send it in chunks; return whether the connection goes on."""
    head = f"HTTP/1.1 {sent.status} X\r\ncontent-type: {sent.content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for chunk in sent.body:
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
    if sent.cut:
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True
