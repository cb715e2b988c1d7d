"""Write messages of the hub as Gemini's contents, by the rules that its API enforces."""

import base64
import re
from urllib.parse import urlsplit

import msgspec

from app.dialects import fields, words
from app.dialects.fields import Object
from app.dialects.gemini_parts import GENERATED, NAME
from app.domain.hub import (
    Audio,
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
    ToolCall,
    ToolResult,
)

WHO = "Gemini"

_LEAD_IN = "(The conversation begins with an answer.)"
_BEHIND = 1 << 30
_UNSIGNED = base64.b64encode(b"skip_thought_signature_validator").decode()
"""What Google's documentation of thought signatures tells to send with a call that another model made."""
_SIGNED_MODELS = re.compile(r"gemini-(?:[3-9]|\d{2})|gemini-[a-z-]*latest")
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "mp4": "video/mp4",
}


class Contents:
    """The system instruction and the turns of one request; results stand in the order of their calls."""

    def __init__(self, request: ChatRequest, model: str, dropped: list[str]) -> None:
        """Write the messages of `request`; what is left out is named in `dropped`."""
        self._own = request.origin == NAME
        self._dropped = dropped
        self._names: dict[str, str] = {}
        self._order: dict[str, int] = {}
        self._ranks: dict[int, int] = {}
        self.system: list[Object] = []
        self.turns: list[Object] = []
        for message in request.messages:
            self._add(message)
        if not self.turns and self.system:
            self.turns.append({"role": "user", "parts": self.system})
            self.system = []
        if self._own:
            return
        if self.turns and self.turns[0]["role"] == "model":
            self.turns.insert(0, {"role": "user", "parts": [{"text": _LEAD_IN}]})
        if _SIGNED_MODELS.search(model.lower()):
            for turn in self.turns:
                _sign(turn)

    def _add(self, message: Message) -> None:
        instructs = message.role in (Role.SYSTEM, Role.DEVELOPER)
        if message.name:
            self._dropped.append("name")
        parts = [out for part in message.parts for out in self._part(part)]
        parts += [self._media(picture) for picture in message.pictures]
        if self._own and message.spelling:
            parts = list(message.spelling["parts"])
        if instructs and not self.turns:
            self.system += parts
            return
        if not parts:
            return
        role = "model" if message.role is Role.ASSISTANT else "user"
        if instructs:
            parts = [{"text": f"<system>\n{part['text']}\n</system>"} if "text" in part else part for part in parts]
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["parts"] += parts
            if not self._own:
                self.turns[-1]["parts"].sort(key=self._rank)
        else:
            self.turns.append({"role": role, "parts": parts if self._own else sorted(parts, key=self._rank)})

    def _rank(self, part: Object) -> int:
        """Results stand in front, in the order of their calls; all else stays in its order behind them."""
        return self._ranks.get(id(part), _BEHIND) if "functionResponse" in part else _BEHIND

    def _part(self, part: Part) -> list[Object]:
        if isinstance(part, Text):
            extras = part.extras if self._own else {}
            return [{"text": part.text, **extras}] if part.text or self._own else []
        if isinstance(part, Refusal):
            return [{"text": part.text}] if part.text else []
        if isinstance(part, ToolCall):
            self._names[part.id] = part.name
            self._order[part.id] = len(self._order)
            return [write_call(part, with_id=self._own and not part.id.startswith(GENERATED))]
        if isinstance(part, ToolResult):
            return self._result(part)
        return self._thought(part) if isinstance(part, Thought) else [self._media(part)]

    def _thought(self, thought: Thought) -> list[Object]:
        """Only Gemini's own signed thoughts may come back to it."""
        if thought.origin != NAME or not (thought.signature or self._own):
            self._dropped.append("reasoning_content")
            return []
        out: Object = {"text": thought.text} | ({"thought": True} if thought.text else {})
        return [out | ({"thoughtSignature": thought.signature} if thought.signature else {})]

    def _result(self, result: ToolResult) -> list[Object]:
        name = self._names.get(result.call_id) or result.name
        if not name:
            fields.refuse(
                f"The tool result {result.call_id[:100]!r} belongs to no call of the conversation.",
                "Send the call that it answers before it.",
                "messages",
            )
        said = words.join(part.text for part in result.parts if isinstance(part, Text | Refusal))
        out: Object = {"name": name, "response": _answer(said, failed=result.is_error)}
        media = [self._media(part) for part in result.parts if isinstance(part, Image | Document | Audio | Opaque)]
        if self._own:
            out |= ({} if result.call_id.startswith(GENERATED) else {"id": result.call_id}) | (
                {"parts": media} if media else {}
            )
            return [{"functionResponse": out}]
        response = {"functionResponse": out}
        self._ranks[id(response)] = self._order.get(result.call_id, _BEHIND)
        return [response, *media]

    def _media(self, part: Image | Document | Audio | Opaque) -> Object:
        if isinstance(part, Opaque):
            if part.dialect != NAME:
                fields.refuse_field(f"messages: {part.value.get('type')}", WHO)
            return dict(part.value)
        if isinstance(part, Audio):
            return _inline("audio/mpeg" if part.format == "mp3" else f"audio/{part.format}", part.data)
        if isinstance(part, Image) and part.detail not in ("", "auto"):
            self._dropped.append("detail")
        if part.file_id:
            fields.refuse_field("messages: file_id", WHO)
        if isinstance(part, Document) and part.text:
            return {"text": part.text}
        if part.url:
            kind = part.media_type or _type_of(part.url)
            return {"fileData": {"fileUri": part.url, **({"mimeType": kind} if kind else {})}}
        return _inline(part.media_type or ("image/png" if isinstance(part, Image) else "application/pdf"), part.data)


def write_call(call: ToolCall, *, with_id: bool) -> Object:
    """Write a call; arguments that are no JSON object come under `_raw`."""
    arguments = {"input": call.arguments} if call.custom else fields.arguments_object(call.arguments)
    inner: Object = {"name": call.name, "args": arguments}
    if with_id:
        inner = {"id": call.id, **inner}
    return {"functionCall": inner} | ({"thoughtSignature": call.signature} if call.signature else {})


def _sign(turn: Object) -> None:
    """The first call of a turn needs a signature."""
    call = next((part for part in turn["parts"] if "functionCall" in part), None)
    if turn["role"] == "model" and call is not None:
        call.setdefault("thoughtSignature", _UNSIGNED)


def _answer(said: str, *, failed: bool) -> msgspec.Raw | Object:
    """What a tool answered as an object, in its own bytes where it is one."""
    if said.lstrip().startswith("{"):
        value = fields.arguments_object(said)
        if isinstance(value, msgspec.Raw):
            return value
    return {"error" if failed else "output": said}


def _inline(kind: str, data: str) -> Object:
    return {"inlineData": {"mimeType": kind, "data": data}}


def _type_of(url: str) -> str:
    return _TYPES.get(urlsplit(url).path.rpartition(".")[2].lower(), "")
