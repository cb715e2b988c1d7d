"""Write messages of the hub as Anthropic's turns of blocks, by the rules that its API enforces."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable

from app.dialects import fields
from app.dialects.anthropic_request import NAME
from app.dialects.fields import Object
from app.domain.hub import (
    Audio,
    CacheMark,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    Part,
    Refusal,
    Role,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolResult,
)

_SAFE_ID = re.compile(r"[a-zA-Z0-9_-]+")
_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")
_LEAD_IN = "(The conversation begins with an answer.)"
_WHO = "Anthropic messages"


class Turns:
    """The system blocks and the turns of one request.

    Tool results and what the user says after them become one turn, results first; turns of one role are joined; blank
    text is left out; the first turn is the user's. System messages after the first turn stay in their place.
    """

    def __init__(self, request: ChatRequest, dropped: list[str]) -> None:
        """Write the messages of `request`; what is left out is named in `dropped`."""
        self._own = request.origin == NAME
        self._dropped = dropped
        self.system: list[Object] = []
        self.turns: list[Object] = []
        for message in request.messages:
            self._add(message)
        if not self.turns and self.system:
            self.turns.append({"role": "user", "content": [self.system.pop()]})
        if self.turns and self.turns[0]["role"] == "assistant" and not self._own:
            self.turns.insert(0, {"role": "user", "content": [{"type": "text", "text": _LEAD_IN}]})
        for turn in self.turns:
            if turn["role"] == "user":
                turn["content"].sort(key=_behind_results)
        self._trim_prefill()

    def _add(self, message: Message) -> None:
        instructs = message.role in (Role.SYSTEM, Role.DEVELOPER)
        if message.name:
            self._dropped.append("name")
        blocks = self._blocks(message)
        if instructs and not self.turns:
            self.system += blocks
            return
        if not blocks:
            return
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        if instructs:
            role = "system" if self._own else "user"
            blocks = blocks if self._own else [_told(block) for block in blocks]
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        else:
            self.turns.append({"role": role, "content": blocks, **(message.extras if self._own else {})})

    def _trim_prefill(self) -> None:
        """An answer begun for the model must not end in white space."""
        last = self.turns[-1] if self.turns else None
        if last and last["role"] == "assistant" and last["content"][-1].get("type") == "text":
            last["content"][-1]["text"] = last["content"][-1]["text"].rstrip()

    def _blocks(self, message: Message) -> list[Object]:
        return [block for part in message.parts if (block := self._block(part)) is not None]

    def _block(self, part: Part) -> Object | None:
        out = self._plain(part)
        cache = getattr(part, "cache", None)
        if out is not None and cache is not None:
            out["cache_control"] = mark(cache)
        if out is not None and self._own and isinstance(part, Text | ToolCall | Document):
            out |= part.extras
        return out

    def _plain(self, part: Part) -> Object | None:
        if isinstance(part, Text | Refusal):
            return {"type": "text", "text": part.text} if part.text.strip() else None
        if isinstance(part, ToolCall):
            return write_call(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        if isinstance(part, Thought):
            return self._thought(part)
        return self._media(part)

    def _media(self, part: Image | Document | Audio | Opaque) -> Object:
        if isinstance(part, Image):
            return self._image(part)
        return self._document(part) if isinstance(part, Document) else _opaque(part)

    def _result(self, result: ToolResult) -> Object:
        out: Object = {"type": "tool_result", "tool_use_id": safe_id(result.call_id)}
        content = [block for part in result.parts if (block := self._block(part)) is not None]
        if content:
            plain = len(content) == 1 and content[0].keys() == {"type", "text"}
            out["content"] = content[0]["text"] if plain else content
        if result.is_error:
            out["is_error"] = True
        return out

    def _thought(self, thought: Thought) -> Object | None:
        """Only Anthropic's own signed or sealed thoughts may come back to it."""
        if thought.origin == NAME and thought.sealed:
            return {"type": "redacted_thinking", "data": thought.sealed}
        if thought.origin == NAME and thought.signature:
            return {"type": "thinking", "thinking": thought.text, "signature": thought.signature}
        self._dropped.append("thinking" if self._own else "reasoning_content")
        return None

    def _image(self, image: Image) -> Object:
        if image.detail not in ("", "auto"):
            self._dropped.append("detail")
        if image.file_id and not self._own:
            fields.refuse_field("messages: image file_id", _WHO)
        return {"type": "image", "source": _source(image)}

    def _document(self, document: Document) -> Object:
        out: Object = {"type": "document", "source": self._document_source(document)}
        return out | ({"title": document.name} if document.name else {})

    def _document_source(self, document: Document) -> Object:
        if document.text:
            return {"type": "text", "media_type": "text/plain", "data": document.text}
        if document.file_id and not self._own:
            fields.refuse_field("messages: file_id", _WHO)
        if document.data and document.media_type.startswith("text/"):
            return {"type": "text", "media_type": "text/plain", "data": _decoded(document.data)}
        if document.data and document.media_type not in ("application/pdf", "") and not self._own:
            fields.refuse_field(f"messages: file of type {document.media_type}", _WHO)
        return _source(document, "application/pdf")


def _opaque(part: Audio | Opaque) -> Object:
    """Return a block of Anthropic's own as it was; anything else has no place."""
    if isinstance(part, Audio) or part.dialect != NAME:
        what = str(part.value.get("type")) if isinstance(part, Opaque) else "input_audio"
        fields.refuse_field(f"messages: {what}", _WHO)
    return dict(part.value)


def _behind_results(block: Object) -> bool:
    return block.get("type") != "tool_result"


def _told(block: Object) -> Object:
    """Mark an instruction in the middle of a conversation, for which the dialect has no role."""
    return {**block, "text": f"<system>\n{block['text']}\n</system>"} if block.get("type") == "text" else block


def _source(part: Image | Document, media_type: str = "image/png") -> Object:
    if part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type or media_type, "data": part.data}


def _decoded(data: str) -> str:
    try:
        plain = base64.b64decode(data)
    except (binascii.Error, ValueError):
        fields.refuse("A file is not valid base64.", "Send its data base64 encoded.", "file_data")
    return plain.decode("utf-8", "replace")


def write_call(call: ToolCall) -> Object:
    """Write a call; arguments that are no JSON object come under `_raw`."""
    return {
        "type": "tool_use",
        "id": safe_id(call.id),
        "name": call.name,
        "input": {"input": call.arguments} if call.custom else fields.arguments_object(call.arguments),
    }


def safe_id(call_id: str) -> str:
    """Return an id that Anthropic takes, the same for the same id."""
    if _SAFE_ID.fullmatch(call_id):
        return call_id
    return f"{_UNSAFE.sub('_', call_id)[:40]}_{zlib.crc32(call_id.encode('utf-8', 'replace')):08x}"


def mark(cache: CacheMark) -> Object:
    """Write a cache mark."""
    return {"type": "ephemeral", "ttl": cache.ttl} if cache.ttl else {"type": "ephemeral"}


def called_names(messages: Iterable[Message]) -> list[str]:
    """Return the names of the tools that were called."""
    return list(dict.fromkeys(part.name for m in messages for part in m.parts if isinstance(part, ToolCall)))


def limit_marks(tools: list[Object], system: list[Object], turns: list[Object]) -> bool:
    """Keep at most four cache marks, the first two and the last two; true when some were taken out."""
    blocks = [*tools, *system]
    for turn in turns:
        for block in turn["content"]:
            blocks.append(block)
            inner = block.get("content")
            blocks += inner if isinstance(inner, list) else []
    marked = [block for block in blocks if isinstance(block, dict) and "cache_control" in block]
    for block in marked[2:-2]:
        del block["cache_control"]
    return len(marked) > 4  # noqa: PLR2004 - two and two


def write_tool(tool: Tool, *, own: bool) -> Object:
    """Write one tool; a schema always says that it is an object."""
    if tool.builtin is not None:
        if tool.builtin.dialect != NAME:
            fields.refuse_field(f"tools: {tool.name}", _WHO)
        return dict(tool.builtin.value)
    if tool.custom:
        fields.refuse_field(f"tools: custom tool {tool.name}", _WHO)
    schema = {"type": "object", "properties": {}} if not tool.schema else tool.schema
    out: Object = {"name": tool.name, "input_schema": schema if "type" in schema else {"type": "object", **schema}}
    if tool.description:
        out["description"] = tool.description
    if tool.strict or (own and tool.strict is not None):
        out["strict"] = tool.strict
    if tool.cache is not None:
        out["cache_control"] = mark(tool.cache)
    return out | dict(tool.extras) if own else out
