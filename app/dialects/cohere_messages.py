"""Write messages of the hub as Cohere's, by the rules that its API enforces."""

from app.dialects import fields, words
from app.dialects.fields import Object
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

NAME = "cohere"
WHO = "Cohere"


class Messages:
    """The messages of one request: what the model says beside its calls is its plan, results are strings."""

    def __init__(self, request: ChatRequest, dropped: list[str], *, thinks: bool) -> None:
        """Write the messages of `request`; what is left out is named in `dropped`; `thinks`: thoughts have a place."""
        self._dropped = dropped
        self._thinks = thinks
        self.out: list[Object] = []
        self._shown: list[Object] = []
        for message in request.messages:
            self._add(message)
        self._show()

    def _add(self, message: Message) -> None:
        if message.name:
            self._dropped.append("name")
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        self.out += [self._result(result) for result in results]
        rest = tuple(part for part in message.parts if not isinstance(part, ToolResult))
        if not rest:
            return
        self._show()
        if message.role is Role.ASSISTANT:
            self._answer(rest)
            return
        content = self._content(rest)
        if content:
            role = "system" if message.role in (Role.SYSTEM, Role.DEVELOPER) else "user"
            self.out.append({"role": role, "content": content})

    def _show(self) -> None:
        """What results hold besides words follows in a message of the user."""
        shown, self._shown = self._shown, []
        if shown:
            self.out.append({"role": "user", "content": shown})

    def _answer(self, parts: tuple[Part, ...]) -> None:
        calls = [part for part in parts if isinstance(part, ToolCall)]
        said = words.join((part.text for part in parts if isinstance(part, Text | Refusal)), Role.ASSISTANT)
        thoughts = "".join(part.text for part in parts if isinstance(part, Thought))
        if any(isinstance(part, Audio | Image | Document | Opaque) for part in parts):
            fields.refuse_field("messages: files in an answer", WHO)
        out: Object = {"role": "assistant"}
        if not calls:
            if thoughts:
                self._dropped.append("reasoning_content")
            self.out += [out | {"content": said}] if said.strip() else []
            return
        if self._thinks and thoughts:
            out["content"] = [{"type": "thinking", "thinking": thoughts}]
        if plan := said if self._thinks else thoughts + said:
            out["tool_plan"] = plan
        self.out.append(out | {"tool_calls": [_call(call) for call in calls]})

    def _result(self, result: ToolResult) -> Object:
        said = words.join(part.text for part in result.parts if isinstance(part, Text | Refusal))
        if result.is_error and not said.lower().startswith("error"):
            said = f"Error: {said}"
        self._shown += [self._part(part) for part in result.parts if not isinstance(part, Text | Refusal)]
        return {"role": "tool", "tool_call_id": result.call_id, "content": said}

    def _content(self, parts: tuple[Part, ...]) -> object:
        if all(isinstance(part, Text) for part in parts):
            texts = [part.text for part in parts if isinstance(part, Text) and part.text.strip()]
            return texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
        return [self._part(part) for part in parts if not isinstance(part, Text) or part.text.strip()]

    def _part(self, part: Part) -> Object:
        if isinstance(part, Text | Refusal):
            return {"type": "text", "text": part.text}
        if isinstance(part, Document) and part.text:
            head = f"{part.name}\n\n" if part.name else ""
            return {"type": "text", "text": head + part.text}
        if not isinstance(part, Image):
            fields.refuse_field(f"messages: {_kind_of(part)}", WHO)
        if part.file_id:
            fields.refuse_field("messages: image file_id", WHO)
        inner: Object = {"url": f"data:{part.media_type or 'image/png'};base64,{part.data}" if part.data else part.url}
        return {"type": "image_url", "image_url": inner | ({"detail": part.detail} if part.detail else {})}


def _call(call: ToolCall) -> Object:
    arguments = call.arguments if call.arguments.strip() else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _kind_of(part: Part) -> str:
    return str(part.value.get("type")) if isinstance(part, Opaque) else type(part).__name__.lower()
