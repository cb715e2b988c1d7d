"""A server on loopback that has the Responses API as OpenAI does: it keeps what it made and what it was asked."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

USAGE = {
    "input_tokens": 18,
    "input_tokens_details": {"cached_tokens": 5},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 25,
}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "f",
    "arguments": '{"b":1, "a": 2}',
}
THOUGHT = {
    "id": "rs_abc",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "SEAL",
}
_HEAD = {
    "object": "response",
    "created_at": 1700000000,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
}


def message(text: str) -> dict[str, Any]:
    """An item of words."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content}


def _words(item: dict[str, Any], at: int) -> Iterable[dict[str, Any]]:
    """The events between the beginning and the end of an item."""
    place = {"item_id": item["id"], "output_index": at}
    if item["type"] == "message":
        text = item["content"][0]["text"]
        for piece in (text[:3], text[3:]):
            yield {"type": "response.output_text.delta", **place, "content_index": 0, "delta": piece, "logprobs": []}
    elif item["type"] == "function_call":
        for piece in (item["arguments"][:5], item["arguments"][5:]):
            yield {"type": "response.function_call_arguments.delta", **place, "delta": piece}


def events(response: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a streamed answer."""
    begun = response | {"status": "in_progress", "output": [], "usage": None}
    out: list[dict[str, Any]] = [{"type": "response.created", "response": begun}]
    for at, item in enumerate(response["output"]):
        empty = {key: "" if key == "arguments" else value for key, value in item.items()}
        bare = empty | ({"content": []} if "content" in item else {})
        out.append({"type": "response.output_item.added", "output_index": at, "item": bare})
        out += _words(item, at)
        out.append({"type": "response.output_item.done", "output_index": at, "item": item})
    out.append({"type": f"response.{response['status']}", "response": response})
    return [event | {"sequence_number": number} for number, event in enumerate(out)]


@dataclass
class Asked:
    """One request."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass
class ResponsesUpstream:
    """Answers with `output` items, or `status` and `error`; what it made can be asked for again under its id."""

    name: str = "up"
    models: tuple[str, ...] = ("m",)
    output: list[dict[str, Any]] = field(default_factory=lambda: [message("Hello")])
    error: tuple[int, dict[str, Any]] | None = None
    more: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    sent: bytes = b""
    port: int = 0

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def posts(self) -> list[Asked]:
        """The requests for answers."""
        return [asked for asked in self.asked if asked.line.startswith("POST /v1/responses ")]

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        asked = Asked(head[0], headers, await reader.readexactly(int(headers.get("content-length", "0"))))
        if not _lists(asked.line.split(" ")[1]):
            self.asked.append(asked)
        status, out, kind = self._answer(asked)
        self.sent = out
        answer_head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(out)}\r\nconnection: close"
        writer.write(answer_head.encode() + b"\r\n\r\n" + out)
        await writer.drain()
        writer.close()

    def _answer(self, asked: Asked) -> tuple[int, bytes, str]:
        method, target, _ = asked.line.split(" ")
        path, _, query = target.removeprefix("/v1").partition("?")
        if _lists(target):
            return _json(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        if self.error is not None:
            return _json(self.error[0], {"error": self.error[1]})
        if path == "/responses/input_tokens":
            return _json(200, {"object": "response.input_tokens", "input_tokens": 4711})
        if path == "/chat/completions":
            told = "This model is only supported in v1/responses and not in v1/chat/completions."
            return _json(
                404, {"error": {"message": told, "type": "invalid_request_error", "param": "model", "code": None}}
            )
        if path in ("/responses", "/responses/compact"):
            return self._make(asked.json)
        return self._stored(method, path.removeprefix("/responses/"), query)

    def _make(self, wanted: dict[str, Any]) -> tuple[int, bytes, str]:
        before = wanted.get("previous_response_id")
        if before and before not in self.kept:
            told = {
                "message": f"Previous response with id '{before}' not found.",
                "code": "previous_response_not_found",
            }
            return _json(400, {"error": told | {"type": "invalid_request_error", "param": "previous_response_id"}})
        stored = wanted.get("store", True)
        made = {"id": f"resp_{self.name}{len(self.asked)}", "model": wanted["model"], "status": "completed"}
        response = _HEAD | made | {"output": self.output, "usage": USAGE, "store": stored} | self.more
        response["previous_response_id"] = before
        if stored:
            self.kept[response["id"]] = response
        if not wanted.get("stream"):
            return _json(200, response)
        return 200, _stream(response), "text/event-stream; charset=utf-8"

    def _stored(self, method: str, name: str, query: str) -> tuple[int, bytes, str]:
        one, _, verb = name.partition("/")
        if one not in self.kept:
            return _json(404, {"error": {"message": f"Response with id '{one}' not found.", "type": "x", "code": None}})
        if method == "DELETE":
            del self.kept[one]
            return _json(200, {"id": one, "object": "response", "deleted": True})
        if verb == "input_items":
            items = {"object": "list", "data": [{"id": "msg_in", "type": "message", "role": "user", "content": []}]}
            return _json(200, items | {"first_id": "msg_in", "last_id": "msg_in", "has_more": False, "query": query})
        if verb == "cancel":
            return _json(200, self.kept[one] | {"status": "cancelled"})
        if "stream=true" in query:
            return 200, _stream(self.kept[one]), "text/event-stream; charset=utf-8"
        return _json(200, self.kept[one])


def _lists(target: str) -> bool:
    """Whether a path is that of a model list: OpenAI's, OpenRouter's or Azure's."""
    return target.partition("?")[0].endswith(("/models", "/models/user", "/deployments"))


def _stream(response: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events(response))


def _json(status: int, value: dict[str, Any]) -> tuple[int, bytes, str]:
    return status, json.dumps(value, indent=1).encode(), "application/json"
