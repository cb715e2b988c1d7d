"""Find the text in requests, answers and streams of any dialect, and what costs tokens beside it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.dialects import json_edit
from app.domain.chat import Operation

BYTES_PER_TOKEN = 4
_SCHEMA_BYTES_PER_TOKEN = 5
_PER_MESSAGE = 4  # two marks, a role and a line break; OpenAI's own counts of plain messages come out exactly
_PER_REQUEST = 3  # what the answer begins with
_PER_PICTURE = 1000

_MESSAGES = ("messages", "contents", "input")
_PROMPTS = ("system", "instructions", "systemInstruction", "system_instruction", "prompt", "suffix", "template")
_SCHEMAS = ("tools", "functions", "response_format", "text", "format", "output_config", "generationConfig")
_ANSWERS = ("choices", "content", "candidates", "output", "message", "response", "delta", "content_block")
_NO_TEXT = frozenset(
    (
        *("role", "type", "id", "tool_call_id", "call_id", "tool_use_id", "model", "object", "index", "status"),
        *("finish_reason", "stop_reason", "finishReason", "annotations", "usage", "usageMetadata", "signature"),
        *("thoughtSignature", "encrypted_content", "system_fingerprint", "service_tier", "provider", "logprobs"),
        *("format", "media_type", "mime_type", "mimeType", "detail", "cache_control", "phase", "created", "metadata"),
    )
)
_PLAIN = frozenset(("content", "text", "input", "prompt", "instructions", "system", "delta"))
"""The names of text that a tokenizer counts exactly; around others providers put words of their own."""

_BLOBS = frozenset(("data", "images", "image_url", "url", "file_data", "b64_json", "file_url", "fileUri"))
_SHORTEST_BLOB = 200
_LONGEST_URL_HEAD = 100  # of a data URL, up to where its bytes begin
_PICTURES = frozenset(("image", "image_url", "input_image"))
_SHOWN_BY = ("source", "image_url", "file_id")
_FILES = ("fileData", "file_data")
_RESPONSES, _DELTA = "response.", ".delta"


@dataclass(slots=True)
class Content:
    """Texts, and the tokens that come on top of them: `tokens` by themselves, a schema's by its `schema_bytes`.

    `exact`: the tokens of the texts and `tokens` are all there is. `share` is how much of the whole this is.
    """

    texts: list[str] = field(default_factory=list)
    tokens: float = 0.0
    schema_bytes: int = 0
    exact: bool = True
    share: float = 1.0

    def estimate(self) -> int:
        """The tokens, about."""
        return self.of(sum(len(text.encode("utf-8", "surrogatepass")) for text in self.texts) / BYTES_PER_TOKEN)

    def of(self, tokens: float) -> int:
        """All tokens, when those of the texts are known."""
        return round((tokens + self.tokens + self.schema_bytes / _SCHEMA_BYTES_PER_TOKEN) / self.share)


def of_request(body: bytes, operation: Operation = Operation.CHAT) -> Content:
    """What a request has to read."""
    value = _parse(body)
    if isinstance(inner := value.get("generateContentRequest"), dict):  # Gemini's countTokens
        value = inner
    if not value:
        return Content(tokens=len(body) / BYTES_PER_TOKEN, exact=False)
    found = Content()
    for name, part in value.items():
        if name in _MESSAGES or name in _PROMPTS:
            _gather(part, name, found)
            if operation is Operation.CHAT:
                found.tokens += _PER_MESSAGE * _messages(part)
        elif name in _SCHEMAS and part and not isinstance(part, str):
            found.schema_bytes += len(json_edit.dumps(part))
            found.exact = False
    if operation is Operation.CHAT:
        found.tokens += _PER_REQUEST
    return found


def of_answer(body: bytes) -> Content:
    """What a plain answer has written."""
    found = Content()
    value = _parse(body)
    for name in _ANSWERS:
        if name in value:
            _gather(value[name], name, found)
    return found


def of_stream(data: bytes) -> Content:
    """What the events of a stream have written, joined: pieces of words are no tokens."""
    found = Content()
    for event in _events(data):
        kind = event.get("type")
        if isinstance(kind, str) and kind.startswith(_RESPONSES) and not kind.endswith(_DELTA):
            continue  # says again what the deltas have said
        for name in _ANSWERS:
            if name in event:
                _gather(event[name], name, found)
    joined = "".join(found.texts)
    found.texts = [joined] if joined else []
    return found


def _events(data: bytes) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of server-sent events or of lines; what is no object is passed over."""
    for line in data.split(b"\n"):
        event = line.removeprefix(b"data:").strip(b" \r,[]")
        if event.startswith(b"{"):
            yield _parse(event)


def _messages(part: object) -> int:
    """How many messages a part of the request is."""
    return sum(isinstance(one, dict) for one in part) if isinstance(part, list) else 1


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        value = json_edit.loads(body)
    except json_edit.JsonError:
        return {}
    return value if isinstance(value, dict) else {}


def _gather(value: object, name: str, found: Content) -> None:
    """Put all text of a JSON value into `found`, or what comes before it is nested too deeply to be read."""
    try:
        _collect(value, name, found)
    except RecursionError:
        found.exact = False


def _collect(value: object, name: str, found: Content) -> None:
    """Put all text of a JSON value that is called `name` into `found`; a number in a list is a token itself."""
    if isinstance(value, str):
        _take(value, name, found)
    elif isinstance(value, dict):
        _collect_members(value, found)
    elif isinstance(value, list):
        _collect_all(value, name, found)


def _collect_members(value: Mapping[str, object], found: Content) -> None:
    if _is_picture(value):
        _take_picture(found)
        return
    for key, part in value.items():
        if key not in _NO_TEXT:
            _collect(part, key, found)


def _collect_all(values: Sequence[object], name: str, found: Content) -> None:
    for part in values:
        if type(part) is int:
            found.tokens += 1
        else:
            _collect(part, name, found)


def _is_picture(value: Mapping[str, object]) -> bool:
    """Whether this part of a message is a picture, or another file: sent along, by its address or by its id."""
    kind = value.get("type")
    if isinstance(kind, str) and kind in _PICTURES and any(name in value for name in _SHOWN_BY):
        return True
    return any(isinstance(value.get(name), dict) for name in _FILES)


def _take(text: str, name: str, found: Content) -> None:
    """Take a text, or a picture, whose bytes are no text."""
    if _is_blob(text, name):
        _take_picture(found)
    elif text:
        found.texts.append(text)
        found.exact = found.exact and name in _PLAIN


def _is_blob(text: str, name: str) -> bool:
    if text.startswith("data:") and (name in _BLOBS or ";base64," in text[:_LONGEST_URL_HEAD]):
        return True
    return name in _BLOBS and len(text) >= _SHORTEST_BLOB and " " not in text


def _take_picture(found: Content) -> None:
    found.tokens += _PER_PICTURE
    found.exact = False
