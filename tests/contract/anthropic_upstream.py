"""A server on loopback that answers as Anthropic's API does, and remembers what it was asked."""

import asyncio
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

MODELS = {
    "data": [{"type": "model", "id": "claude-x", "display_name": "Claude X", "created_at": "2026-01-02T00:00:00Z"}],
    "has_more": False,
    "first_id": "claude-x",
    "last_id": "claude-x",
}
USAGE = {"input_tokens": 11, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 7}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"b": 1, "a": 2}}


def answer(*blocks: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    """A plain answer."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x"}
    return head | {"content": list(blocks), "stop_reason": stop, "stop_sequence": None, "usage": USAGE}


def events(*words: str, stop: str = "end_turn") -> list[dict[str, Any]]:
    """The events of a streamed answer of one text block."""
    began = answer() | {"stop_reason": None, "usage": USAGE | {"output_tokens": 1}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in words
    ]
    end = {
        "type": "message_delta",
        "delta": {"stop_reason": stop, "stop_sequence": None},
        "usage": {"output_tokens": 7},
    }
    tail = [{"type": "content_block_stop", "index": 0}, end, {"type": "message_stop"}]
    return [{"type": "message_start", "message": began}, block, {"type": "ping"}, *deltas, *tail]


def error(kind: str, message: str) -> dict[str, Any]:
    """An error envelope, or the error event of a stream."""
    return {"type": "error", "error": {"type": kind, "message": message}}


@dataclass
class Asked:
    """One request."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class AnthropicUpstream:
    """Answers every request with `status` and `body`; one for a stream with each item of `events`."""

    status: int = 200
    body: Any = field(default_factory=lambda: answer({"type": "text", "text": "Hello"}))
    events: list[dict[str, Any]] = field(default_factory=lambda: events("Hel", "lo"))
    posts: list[Asked] = field(default_factory=list)
    lists: list[Asked] = field(default_factory=list)
    sent: bytes = b""
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

    def _answer(self, asked: Asked) -> None:
        """Choose what this request gets; always the same here."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        asked = Asked(head[0], headers, await reader.readexactly(int(headers.get("content-length", "0"))))
        kind, status, out = "application/json", 200, json.dumps(MODELS).encode()
        if asked.line.startswith("POST"):
            self.posts.append(asked)
            self._answer(asked)
            status, out = self.status, json.dumps(self.body).encode()
            if "/count_tokens" in asked.line and status == 200:
                out = b'{"input_tokens": 4711}'
            elif status == 200 and json.loads(asked.body).get("stream"):
                kind = "text/event-stream; charset=utf-8"
                out = b"".join(b"event: %b\ndata: %b\n\n" % _spelled(event) for event in self.events)
            self.sent = out
        else:
            self.lists.append(asked)
        answer_head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(out)}\r\nconnection: close"
        writer.write(answer_head.encode() + b"\r\n\r\n" + out)
        await writer.drain()
        writer.close()


def _spelled(event: dict[str, Any]) -> tuple[bytes, bytes]:
    return event["type"].encode(), json.dumps(event).encode()
