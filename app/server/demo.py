"""Two invented providers for `switchtower demo`: real HTTP servers on loopback whose answers are plainly made up."""

import asyncio
import base64
import contextlib
import hashlib
import json
import struct
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import Any

NAMES = ("demo-a", "demo-b")
MODELS = ("demo-small", "demo-large", "demo-failover", "demo-embed")
FAILOVER_MODEL = "demo-failover"
"""The model that the first provider refuses, so that the second answers."""

PACE_S = 0.03
"""The pause between two words of a stream."""

_CREATED = 1_767_225_600
_BODY_LIMIT_BYTES = 64 << 20
_HEAD_LIMIT_BYTES = 64 << 10
_ECHO_CHARS = 200
_DIMENSIONS = 8
_MOST_DIMENSIONS = 32
_JSON = "application/json"
_EVENTS = "text/event-stream; charset=utf-8"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer: `body` at once, or `events` one by one."""

    status: HTTPStatus
    body: bytes = b""
    events: AsyncGenerator[bytes, None] | None = None


class DemoProviders:
    """The two servers, in the running loop; the first refuses `demo-failover` with 503."""

    def __init__(self, pace_s: float = PACE_S) -> None:
        """Take the pause between the words of a stream; nothing listens yet."""
        self._demos = tuple(_Demo(name, pace_s, refuses=name == NAMES[0]) for name in NAMES)
        self._servers: list[asyncio.Server] = []
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self) -> tuple[str, str]:
        """Listen on free loopback ports and return the two base URLs.

        Raises:
            OSError: the loopback interface has no free port.
        """
        first, second = [await self._listen(demo) for demo in self._demos]
        return first, second

    async def stop(self) -> None:
        """Stop listening and end every conversation."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        talks = tuple(self._talks)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)

    async def _listen(self, demo: "_Demo") -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(
                asyncio.CancelledError
            ):  # only stop() cancels; Python 3.11 would log it as an error
                await self._talk(demo, reader, writer)

        server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=_HEAD_LIMIT_BYTES)
        self._servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"

    async def _talk(self, demo: "_Demo", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other on one connection until the client goes."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # this coroutine runs in the task that asyncio makes per connection
        self._talks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while request := await _read(reader):
                    await _write(writer, demo.answer(request))
        finally:
            self._talks.discard(task)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> _Request | None:
    """The next request, None when it is not one that this server takes."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    length, words = headers.get("content-length", "0"), first.split(" ")
    if len(words) != len(("method", "target", "version")) or not length.isdigit() or int(length) > _BODY_LIMIT_BYTES:
        return None
    return _Request(words[0], words[1].partition("?")[0], await reader.readexactly(int(length)))


async def _write(writer: asyncio.StreamWriter, reply: _Reply) -> None:
    framing = "transfer-encoding: chunked" if reply.events else f"content-length: {len(reply.body)}"
    kind = _EVENTS if reply.events else _JSON
    head = f"HTTP/1.1 {reply.status.value} {reply.status.phrase}\r\ncontent-type: {kind}\r\n{framing}\r\n\r\n"
    writer.write(head.encode("latin-1") + reply.body)
    if reply.events:
        async with contextlib.aclosing(reply.events) as events:
            async for event in events:
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
                await writer.drain()
        writer.write(b"0\r\n\r\n")
    await writer.drain()


class _Demo:
    """One invented provider: what it answers to a request."""

    def __init__(self, name: str, pace_s: float, *, refuses: bool) -> None:
        """Make the provider `name`, which may refuse the failover model."""
        self._name = name
        self._pace_s = pace_s
        self._refuses = refuses
        self._numbers = count(1)

    def answer(self, request: _Request) -> _Reply:
        """Answer `request`, errors included."""
        if request.path == "/v1/models":
            return _reply(self._models())
        operation = _OPERATIONS.get(request.path)
        if operation is None:
            return _error(HTTPStatus.NOT_FOUND, "There is no such path.", "not_found")
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _error(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.", "invalid_request_error")
        return self._refusal(body.get("model")) or operation(self, body)

    def _refusal(self, model: object) -> _Reply | None:
        if model not in MODELS:
            return _error(HTTPStatus.NOT_FOUND, f"{self._name} has no model {model!r}.", "model_not_found")
        if self._refuses and model == FAILOVER_MODEL:
            text = f"{self._name} refuses {model} on purpose, so that another provider answers."
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, text, "service_unavailable")
        return None

    def _models(self) -> Json:
        rows = [{"id": m, "object": "model", "created": _CREATED, "owned_by": self._name} for m in MODELS]
        return {"object": "list", "data": rows}

    def chat(self, body: Json) -> _Reply:
        """A chat completion, plain or streamed."""
        prompt = _texts(body.get("messages"))
        return self._text(body, "chat", prompt[-1:], prompt)

    def completion(self, body: Json) -> _Reply:
        """A text completion, plain or streamed."""
        prompt = _texts(body.get("prompt"))
        return self._text(body, "text", prompt, prompt)

    def embeddings(self, body: Json) -> _Reply:
        """Vectors made from a hash of each input: the same for the same input, without meaning."""
        given = body.get("input", "")
        inputs = given if isinstance(given, list) and not all(isinstance(i, int) for i in given) else [given]
        size = body.get("dimensions")
        size = min(size, _MOST_DIMENSIONS) if isinstance(size, int) and size > 0 else _DIMENSIONS
        as_base64 = body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": i, "embedding": _vector(text, size, as_base64=as_base64)}
            for i, text in enumerate(inputs)
        ]
        tokens = sum(_tokens(str(text)) for text in inputs)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _reply({"object": "list", "data": data, "model": body["model"], "usage": usage})

    def _text(self, body: Json, kind: str, asked: list[str], prompt: list[str]) -> _Reply:
        echo = " ".join(asked)[:_ECHO_CHARS]
        text = f"Demo answer: {self._name} made this up, no model was asked. You wrote: {echo or '(nothing)'}"
        used, made = sum(map(_tokens, prompt)), _tokens(text)
        usage = {"prompt_tokens": used, "completion_tokens": made, "total_tokens": used + made}
        frame = {"id": f"{kind}-{self._name}-{next(self._numbers)}", "created": _CREATED, "model": body["model"]}
        if body.get("stream") is True:
            counts = usage if _wants_usage(body) else None
            return _Reply(HTTPStatus.OK, events=self._stream(kind, frame, text, counts))
        inner: Json = {"message": {"role": "assistant", "content": text}} if kind == "chat" else {"text": text}
        choice = {"index": 0, **inner, "finish_reason": "stop"}
        name = "chat.completion" if kind == "chat" else "text_completion"
        return _reply(frame | {"object": name, "choices": [choice], "usage": usage})

    async def _stream(self, kind: str, frame: Json, text: str, usage: Json | None) -> AsyncGenerator[bytes, None]:
        """The events of a stream, one word each."""
        name = "chat.completion.chunk" if kind == "chat" else "text_completion"

        def event(piece: Json, finish: str | None = None) -> bytes:
            inner = {"delta": piece} if kind == "chat" else {"text": piece.get("content", "")}
            choice = {"index": 0, **inner, "finish_reason": finish}
            return _event(frame | {"object": name, "choices": [choice]})

        if kind == "chat":
            yield event({"role": "assistant", "content": ""})
        for i, word in enumerate(text.split(" ")):
            yield event({"content": f" {word}" if i else word})
            await asyncio.sleep(self._pace_s)
        yield event({}, "stop")
        if usage is not None:
            yield _event(frame | {"object": name, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


_OPERATIONS = {
    "/v1/chat/completions": _Demo.chat,
    "/v1/completions": _Demo.completion,
    "/v1/embeddings": _Demo.embeddings,
}


def _reply(body: Json, status: HTTPStatus = HTTPStatus.OK) -> _Reply:
    return _Reply(status, json.dumps(body).encode())


def _error(status: HTTPStatus, message: str, code: str) -> _Reply:
    return _reply({"error": {"message": message, "type": "demo_error", "param": None, "code": code}}, status)


def _event(body: Json) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _wants_usage(body: Json) -> bool:
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _tokens(text: str) -> int:
    """A count for show: words."""
    return len(text.split())


def _texts(given: object) -> list[str]:
    """Every piece of text in messages, content parts or prompts, in order."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, list):
        return [text for item in given for text in _texts(item)]
    if isinstance(given, dict):
        return _texts(given.get("content", given.get("text")))
    return []


def _vector(text: object, size: int, *, as_base64: bool) -> list[float] | str:
    digest = hashlib.sha256(str(text).encode("utf-8", "replace")).digest()
    numbers = [(byte - 127.5) / 127.5 for byte in digest[:size]]
    length = sum(n * n for n in numbers) ** 0.5
    unit = [n / length for n in numbers]
    return base64.b64encode(struct.pack(f"<{size}f", *unit)).decode() if as_base64 else unit


def settings_toml(*base_urls: str) -> str:
    """The settings file of the throw-away home: the two providers, the first one first, without keys."""
    head = "# Made by `switchtower demo`. Both providers invent their answers.\nschema = 1\n"
    return head + "".join(_provider_toml(*row) for row in zip(NAMES, base_urls, count(1), strict=False))


def _provider_toml(name: str, base_url: str, priority: int) -> str:
    return (
        f'\n[[providers]]\nid = "{name}"\nkind = "openai-compatible"\nbase_url = "{base_url}"\n'
        f'key = "none"\npriority = {priority}\n'
    )
