"""Write the messages of the hub as the input of a Responses request: instructions, and a list of items."""

from app.dialects import fields, words
from app.dialects.fields import Object
from app.dialects.openai_lengths import short_id
from app.dialects.responses_items import NAME
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
    Shape,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)

_WHO = "OpenAI Responses"
_LONGEST_ID = 64
_INSTRUCTS = (Role.SYSTEM, Role.DEVELOPER)


class Input:
    """The instructions that stand in front of a conversation, and its items in order."""

    def __init__(self, request: ChatRequest, dropped: list[str]) -> None:
        """Write the messages of `request`; what is left out is named in `dropped`."""
        self._dropped = dropped
        self._custom: set[str] = set()
        self.items: list[Object] = []
        leading = _leading(request)
        self.instructions = words.join(
            part.text for message in leading for part in message.parts if isinstance(part, Text)
        )
        for message in request.messages[len(leading) :]:
            self._add(message)
        if not self.items:
            self.items.append({"type": "message", "role": "user", "content": self.instructions})
            self.instructions = ""

    def _add(self, message: Message) -> None:
        if message.name:
            self._dropped.append("name")
        said: list[Object] = []
        for part in message.parts:
            item = self._item(part)
            if item is not None:
                self._say(message.role, said)
                said = []
                self.items.append(item)
            elif not (isinstance(part, Thought) or (isinstance(part, Text) and not part.text)):
                said.append(self._piece(part, message.role))
        self._say(message.role, said)

    def _say(self, role: Role, said: list[Object]) -> None:
        """Add a message; words of the model are plain texts, for as parts they would need what only OpenAI can say."""
        speaker = Role.USER if role is Role.TOOL else role
        if role is Role.ASSISTANT and all(piece["type"] == "output_text" for piece in said):
            self.items += [{"type": "message", "role": speaker.value, "content": piece["text"]} for piece in said]
        elif said:
            self.items.append({"type": "message", "role": speaker.value, "content": said})

    def _item(self, part: Part) -> Object | None:
        """Write a part that is an item of its own here; None for what belongs into a message or is left out."""
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        return self._thought(part) if isinstance(part, Thought) else None

    def _thought(self, thought: Thought) -> Object | None:
        """Only sealed thoughts of this dialect's own may come back to it."""
        if thought.origin != NAME or not thought.sealed:
            self._dropped.append("thinking")
            return None
        summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
        out: Object = {"type": "reasoning", "summary": summary, "encrypted_content": thought.sealed}
        return out | ({"id": thought.id} if thought.id else {})

    def _call(self, call: ToolCall) -> Object:
        out: Object = {"type": "function_call", "call_id": short_id(call.id, _LONGEST_ID), "name": call.name}
        if call.custom:
            self._custom.add(call.id)
            return out | {"type": "custom_tool_call", "input": call.arguments}
        return out | {"arguments": call.arguments if call.arguments.strip() else "{}"}

    def _result(self, result: ToolResult) -> Object:
        kind = "custom_tool_call_output" if result.call_id in self._custom else "function_call_output"
        return {"type": kind, "call_id": short_id(result.call_id, _LONGEST_ID), "output": self._output(result)}

    def _output(self, result: ToolResult) -> object:
        if all(isinstance(part, Text) for part in result.parts):
            text = words.join(part.text for part in result.parts if isinstance(part, Text))
            failed = result.is_error and not text.lower().startswith("error")
            return f"Error: {text}" if failed else text
        out = [self._piece(part, Role.TOOL) for part in result.parts]
        return [{"type": "input_text", "text": "Error:"}, *out] if result.is_error else out

    # -- parts of a message

    def _piece(self, part: Part, role: Role) -> Object:
        if isinstance(part, Text):
            return {"type": "output_text" if role is Role.ASSISTANT else "input_text", "text": part.text}
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        if isinstance(part, Image):
            return _image(part)
        if isinstance(part, Document):
            return _file(part)
        kind = "input_audio" if isinstance(part, Audio) else _kind_of(part)
        return fields.refuse_field(f"messages: {kind}", _WHO)


def _leading(request: ChatRequest) -> tuple[Message, ...]:
    """Return the instructions in front; with JSON as the answer they stay in the input, where OpenAI looks for it."""
    if request.format is not None and request.format.shape is Shape.JSON:
        return ()
    first = next((at for at, message in enumerate(request.messages) if not _instructs(message)), len(request.messages))
    return request.messages[:first]


def _instructs(message: Message) -> bool:
    return message.role in _INSTRUCTS and all(isinstance(part, Text) for part in message.parts)


def _image(image: Image) -> Object:
    if image.file_id:
        fields.refuse_field("messages: image file_id", _WHO)
    url = f"data:{image.media_type or 'image/png'};base64,{image.data}" if image.data else image.url
    return {"type": "input_image", "image_url": url, "detail": image.detail or "auto"}


def _file(document: Document) -> Object:
    if document.text:
        head = f"{document.name}\n\n" if document.name else ""
        return {"type": "input_text", "text": head + document.text}
    if document.file_id:
        fields.refuse_field("messages: file_id", _WHO)
    if document.url:
        return {"type": "input_file", "file_url": document.url}
    media_type = document.media_type or "application/pdf"
    name = document.name or ("document.pdf" if media_type == "application/pdf" else "document")
    return {"type": "input_file", "filename": name, "file_data": f"data:{media_type};base64,{document.data}"}


def _kind_of(part: Part) -> str:
    return str(part.value.get("type")) if isinstance(part, Opaque) else type(part).__name__.lower()
