"""Write a request in the hub language as OpenAI chat, for OpenAI itself and for cousins by their `Quirks`."""

from collections.abc import Iterable
from dataclasses import replace

from app.dialects import effort, fields, json_edit, words
from app.dialects.fields import Object
from app.dialects.openai_chat_pictures import write_picture
from app.dialects.openai_chat_quirks import PLAIN, Quirks, call_id_of
from app.dialects.openai_chat_request import NAME
from app.dialects.openai_chat_thoughts import FORMATS
from app.dialects.openai_chat_tools import WHO, mark, write_call, write_tools
from app.dialects.openai_lengths import user_of
from app.dialects.translator import Written
from app.domain.hub import (
    Audio,
    ChatRequest,
    Document,
    Image,
    Message,
    Opaque,
    OutputFormat,
    Part,
    Refusal,
    Role,
    Shape,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)

PATH = "/chat/completions"
_GO_ON = "OK."
"""What the model is made to have said between the result of a tool and words of the user, where it must have."""
_NOTHING: Object = {"role": "assistant", "content": ""}
"""What is left of an answer whose pictures were left out and which was nothing else; some cousins refuse it."""


def write_request(request: ChatRequest, model: str, quirks: Quirks = PLAIN) -> Written:
    """Write it for a provider.

    Raises:
        FaultError: INVALID_REQUEST, naming what this dialect cannot express and what may not be dropped.
    """
    own = request.origin == NAME
    dropped = [] if own else fields.foreign(request, WHO, pictures=quirks.pictures)
    if not (own or quirks.cache_marks):
        dropped += fields.cache_marks(request)
    out: Object = {"model": model, "messages": _Messages(request, model, quirks, dropped).write()}
    if request.stream:
        out["stream"] = True
        out["stream_options"] = {"include_usage": True}
    write_tools(request, quirks, out)
    _write_sampling(request, quirks, out, dropped)
    if not own:
        _fit(quirks, out, dropped)
    _write_reasoning(request, quirks, out, dropped)
    if request.format is not None:
        out["response_format"] = _format(request.format)
    user = request.user if own else user_of(request.user)
    out |= {key: value for key, value in (("user", user), ("prompt_cache_key", request.cache_key)) if value}
    if own:
        out |= request.extras
    return Written(PATH, json_edit.dumps(out), tuple(dict.fromkeys(dropped)))


def _write_sampling(request: ChatRequest, quirks: Quirks, out: Object, dropped: list[str]) -> None:
    own, given = request.origin == NAME, request.sampling
    for name in _SAMPLING:
        value = getattr(given, name)
        if value is not None:
            out[quirks.seed if name == "seed" and not own else name] = value
    if given.top_k is not None:
        if own or quirks.top_k:
            out["top_k"] = given.top_k
        else:
            dropped.append("top_k")
    if given.stop:
        out["stop"] = list(given.stop) if own else list(given.stop[:4])
        if len(out["stop"]) < len(given.stop):
            dropped.append("stop")
    if given.max_output is not None:
        said = "max_completion_tokens" in request.spelling
        name = ("max_completion_tokens" if said else "max_tokens") if own else quirks.limit
        out[name] = given.max_output


def _fit(quirks: Quirks, out: Object, dropped: list[str]) -> None:
    """Bring the temperature into the provider's range; odds of tokens are given back in no other dialect."""
    if out.get("temperature", 0.0) > quirks.warmest:
        out["temperature"] = quirks.warmest
        dropped.append("temperature")
    dropped += [name for name in ("logprobs", "top_logprobs") if out.pop(name, None) is not None]


_SAMPLING = (
    "temperature",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
)


def _write_reasoning(request: ChatRequest, quirks: Quirks, out: Object, dropped: list[str]) -> None:
    wanted = request.reasoning
    if request.origin == NAME and "reasoning" in request.spelling:
        out["reasoning"] = request.spelling["reasoning"]
        return
    if wanted is None:
        return
    word = wanted.effort or ("" if wanted.budget is None else effort.effort_of(wanted.budget))
    if word in ("", "auto"):
        return
    known = word if request.origin == NAME else effort.nearest(word, quirks.efforts)
    if known:
        out["reasoning_effort"] = known
    else:
        dropped.append("reasoning_effort")


def _format(form: OutputFormat) -> Object:
    if form.shape is not Shape.SCHEMA:
        return {"type": "json_object" if form.shape is Shape.JSON else "text"}
    named: Object = {"name": form.name or "answer", "schema": form.schema or {}}
    if form.strict is not None:
        named["strict"] = form.strict
    if form.description:
        named["description"] = form.description
    return {"type": "json_schema", "json_schema": named}


# -- messages


class _Messages:
    """The messages of one request; what a tool result holds besides text follows in a message of the user."""

    def __init__(self, request: ChatRequest, model: str, quirks: Quirks, dropped: list[str]) -> None:
        self._own = request.origin == NAME
        self._messages = request.messages
        self._quirks = quirks
        self._signs = "gemini" in model.lower()
        self._dropped = dropped
        self._shown: list[Object] = []

    def write(self) -> list[Object]:
        out: list[Object] = []
        for message in self._messages:
            if message.role is Role.TOOL:
                out += [self._result(part, message) for part in message.parts if isinstance(part, ToolResult)]
                continue
            self._show(out)
            said = self._message(message)
            if not (message.pictures and said == _NOTHING):
                self._add(said, out)
        self._show(out)
        return out

    def _show(self, out: list[Object]) -> None:
        shown, self._shown = self._shown, []
        if shown:
            self._add({"role": "user", "content": self._joined(shown, Role.USER)}, out)

    def _add(self, message: Object, out: list[Object]) -> None:
        """Add a message; some cousins want an answer between the result of a tool and one of the user."""
        if self._quirks.answers_results and message["role"] == "user" and out and out[-1]["role"] == "tool":
            out.append({"role": "assistant", "content": _GO_ON})
        out.append(message)

    def _message(self, message: Message) -> Object:
        role = message.role.value
        if message.role is Role.DEVELOPER and not (self._own or self._quirks.developer):
            role = Role.SYSTEM.value
        out: Object = {"role": role}
        if self._is_words(message):
            out["content"] = message.text
            return out
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        said = [part for part in message.parts if not isinstance(part, ToolCall | Thought | Refusal)]
        refusal = "".join(part.text for part in message.parts if isinstance(part, Refusal))
        content = self._content(said, message.role)
        out["content"] = content if content or not (calls or refusal) else None
        if refusal:
            out["refusal"] = refusal
        if message.name:
            out["name"] = message.name
        if message.role is Role.ASSISTANT:
            self._write_thoughts(message, out)
        if message.pictures and self._quirks.pictures and not self._own:
            out["images"] = [write_picture(picture) for picture in message.pictures]
        if calls:
            out["tool_calls"] = [self._call(call) for call in calls]
        return {**out, **message.extras} if self._own else out

    def _call(self, call: ToolCall) -> Object:
        if self._own:
            return {**write_call(call), **call.extras}
        if call.cache is not None:
            self._dropped.append("cache_control")
        out = {**write_call(call), "id": call_id_of(call.id, self._quirks)}
        if not self._signs:  # OpenAI and others refuse a field that only Gemini's models ask for
            out.pop("extra_content", None)
        return out

    def _is_words(self, message: Message) -> bool:
        """Whether a message is nothing but one plain text."""
        if len(message.parts) != 1 or message.name or message.extras or message.spelling:
            return False
        part = message.parts[0]
        return isinstance(part, Text) and self._is_plain(part)

    def _write_thoughts(self, message: Message, out: Object) -> None:
        if self._own and message.spelling:
            out |= message.spelling
            return
        thoughts = [part for part in message.parts if isinstance(part, Thought)]
        name = self._quirks.thoughts
        if not thoughts:
            if self._quirks.needs_thoughts and any(isinstance(part, ToolCall) for part in message.parts):
                out[name] = ""
            return
        if not name:
            self._dropped.append("thinking")
        elif name == "reasoning_details":
            out[name] = [write_detail(thought, at) for at, thought in enumerate(thoughts)]
        else:
            out[name] = "".join(thought.text for thought in thoughts)

    def _result(self, result: ToolResult, message: Message) -> Object:
        content = self._content(result.parts if self._own else self._told(result))
        call_id = result.call_id if self._own else call_id_of(result.call_id, self._quirks)
        out: Object = {"role": "tool", "tool_call_id": call_id, "content": content}
        if self._own:
            out |= {"name": result.name} if result.name else {}
            out |= message.extras
        return out

    def _told(self, result: ToolResult) -> list[Text]:
        """What a result says: a failed one says so, its mark is at its last words, and all else is shown behind it."""
        said = [part for part in result.parts if isinstance(part, Text) and part.text]
        self._shown += [self._part(part) for part in result.parts if not isinstance(part, Text)]
        if result.is_error and not (said and said[0].text.lower().startswith("error")):
            first = said[0] if said else Text("")
            said[:1] = [replace(first, text=f"Error: {first.text}")]
        if result.cache is not None and said:
            said[-1] = replace(said[-1], cache=result.cache)
        elif result.cache is not None:
            self._dropped.append("cache_control")
        return said

    def _content(self, parts: Iterable[Part], role: Role = Role.TOOL) -> object:
        parts = list(parts)
        if len(parts) == 1 and isinstance(parts[0], Text) and self._is_plain(parts[0]):
            return parts[0].text
        return self._joined([self._part(part) for part in parts], role)

    def _joined(self, written: list[Object], role: Role) -> object:
        """Make texts without cache marks one: half of the cousins take a list only where there is more than text."""
        if self._own or any(part.keys() != _WORDS for part in written):
            return written or ""
        return words.join((part["text"] for part in written), role)

    def _is_plain(self, text: Text) -> bool:
        return not ((text.cache and (self._own or self._quirks.cache_marks)) or (self._own and text.extras))

    def _part(self, part: Part) -> Object:
        out = self._plain_part(part)
        if self._own or self._quirks.cache_marks:
            mark(out, part)
        if self._own and isinstance(part, Text):
            out |= part.extras
        return out

    def _plain_part(self, part: Part) -> Object:
        if isinstance(part, Opaque) and part.dialect == NAME:
            return dict(part.value)
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Document):
            return self._document(part)
        if not isinstance(part, Audio):
            fields.refuse_field(f"messages: {_kind_of(part)}", WHO)
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": part.format}}

    def _image(self, image: Image) -> Object:
        if image.file_id:
            fields.refuse_field("messages: image file_id", WHO)
        inner: Object = {"url": f"data:{image.media_type};base64,{image.data}" if image.data else image.url}
        if image.detail:
            inner["detail"] = image.detail
        return {"type": "image_url", "image_url": inner}

    def _document(self, document: Document) -> Object:
        if document.text:
            head = f"{document.name}\n\n" if document.name else ""
            return {"type": "text", "text": head + document.text}
        if not self._own and not document.data:
            fields.refuse_field(f"messages: document {'url' if document.url else 'file_id'}", WHO)
        if self._own and document.extras.get("type") == "document_url":
            return {"type": "document_url", "document_url": document.url}
        inner: Object = {"filename": document.name or ("" if self._own else "document.pdf")}
        if document.file_id:
            inner["file_id"] = document.file_id
        else:
            head = f"data:{document.media_type};base64," if document.media_type else ""
            inner["file_data"] = head + document.data if document.data else document.url
        return {"type": "file", "file": {key: value for key, value in inner.items() if value}}


_WORDS = {"type", "text"}


def _kind_of(part: Part) -> str:
    return str(part.value.get("type")) if isinstance(part, Opaque) else type(part).__name__.lower()


def write_detail(thought: Thought, at: int) -> Object:
    """Write a thought as one of OpenRouter's `reasoning_details`, which can hold signatures and sealed thoughts."""
    out: Object = {"type": "reasoning.encrypted", "data": thought.sealed}
    if not thought.sealed:
        out = {"type": "reasoning.text", "text": thought.text, "signature": thought.signature or None}
        if thought.origin == "responses":
            out = {"type": "reasoning.summary", "summary": thought.text}
    return out | {"id": thought.id or None, "format": FORMATS.get(thought.origin), "index": at}
