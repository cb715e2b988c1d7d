"""A server on loopback that answers as Gemini's API does, and remembers what it was asked."""

import asyncio
import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

MODELS = {
    "models": [
        {
            "name": "models/gemini-2.5-flash",
            "inputTokenLimit": 1048576,
            "outputTokenLimit": 65536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }
    ]
}
USAGE = {"promptTokenCount": 11, "candidatesTokenCount": 4, "thoughtsTokenCount": 5, "totalTokenCount": 20}
CALL = {"functionCall": {"name": "f", "args": {"b": 1, "a": 2}}, "thoughtSignature": "c2ln"}


def answer(*parts: dict[str, Any], finish: str = "STOP") -> dict[str, Any]:
    """A plain answer, or the last event of a stream."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": finish, "index": 0}
    head = {"modelVersion": "gemini-2.5-flash", "responseId": "R1"}
    return {"candidates": [candidate], "usageMetadata": USAGE, **head}


@dataclass
class Asked:
    """One request."""

    line: str
    headers: dict[str, str]
    json: Any


@dataclass
class GeminiUpstream:
    """Answers every request with `status` and `body`; a stream with each item of `events`."""

    status: int = 200
    body: Any = field(default_factory=lambda: answer({"text": "Hello"}))
    events: list[Any] = field(default_factory=list)
    posts: list[Asked] = field(default_factory=list)
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
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        kind, status, out = "application/json; charset=UTF-8", 200, json.dumps(MODELS).encode()
        if head[0].startswith("POST"):
            self.posts.append(Asked(head[0], headers, json.loads(body)))
            self._answer(self.posts[-1])
            status, out = self.status, json.dumps(self.body, indent=2).encode()
            if ":countTokens" in head[0] and status == 200:
                out = b'{"totalTokens": 4711}'
            elif "alt=sse" in head[0] and status == 200:
                kind = "text/event-stream"
                out = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in self.events)
            self.sent = out
        answer_head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(out)}\r\nconnection: close"
        writer.write(answer_head.encode() + b"\r\n\r\n" + out)
        await writer.drain()
        writer.close()
