"""Read Gemini's parts into the hub, in either of its two spellings: words, thoughts, calls and files."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from app.dialects import fields, json_edit
from app.dialects.fields import Object
from app.domain.hub import Audio, Document, Image, Opaque, Part, Text, Thought, ToolCall

NAME = "gemini"
GENERATED = "call_gemini_"
"""How the ids begin that are made here, because Gemini may leave them out."""

_SNAKE = re.compile(r"_([a-z])")


def camel(value: Object) -> Object:
    """Return an object with the names of its own fields in camel case; Google's servers take both spellings."""
    if not any("_" in key for key in value):
        return value
    return {_SNAKE.sub(_capital, key): inner for key, inner in value.items()}


def _capital(found: re.Match[str]) -> str:
    return found[1].upper()


class _RawCall(msgspec.Struct, gc=False):
    args: msgspec.Raw = msgspec.Raw(b"")


class _RawPart(msgspec.Struct, gc=False):
    call: _RawCall | None = msgspec.field(default=None, name="functionCall")
    spelled: _RawCall | None = msgspec.field(default=None, name="function_call")


class _RawContent(msgspec.Struct, gc=False):
    parts: list[_RawPart] = []


class _RawRequest(msgspec.Struct, gc=False):
    contents: list[_RawContent] = []


class _RawCandidate(msgspec.Struct, gc=False):
    content: _RawContent | None = None


class _RawReply(msgspec.Struct, gc=False):
    candidates: list[_RawCandidate] = []


_REQUEST = msgspec.json.Decoder(_RawRequest)
_REPLY = msgspec.json.Decoder(_RawReply)


def raw_request_args(body: bytes) -> list[list[str]]:
    """Return the arguments of every part of every turn as their own text; nothing when there are no calls."""
    if b'"functionCall"' not in body and b'"function_call"' not in body:
        return []
    try:
        return [_texts(content) for content in _REQUEST.decode(body).contents]
    except (*json_edit.BAD_JSON, RecursionError):
        return []


def raw_reply_args(body: bytes) -> list[list[str]]:
    """Return the arguments of every part of every candidate as their own text; nothing when there are no calls."""
    if b'"functionCall"' not in body:
        return []
    try:
        return [_texts(candidate.content) for candidate in _REPLY.decode(body).candidates]
    except (*json_edit.BAD_JSON, RecursionError):
        return []


def _texts(content: _RawContent | None) -> list[str]:
    return [_text(part.call or part.spelled) for part in content.parts] if content is not None else []


def _text(call: _RawCall | None) -> str:
    """The arguments without the blanks that Google's servers put between them; every token stays."""
    raw = bytes(call.args) if call is not None else b""
    return "" if raw in (b"", b"null") else msgspec.json.format(raw, indent=-1).decode()


def read_call(part: Object, raw: str, call_id: str) -> ToolCall:
    """Read a call; `call_id` is used when it has no id of its own."""
    call = camel(part["functionCall"])
    name = call.get("name")
    return ToolCall(
        str(call.get("id") or call_id),
        name if isinstance(name, str) else "",
        raw or json_edit.dumps(call.get("args") or {}).decode(),
        signature=signature_of(part),
    )


def signature_of(part: Mapping[str, Any]) -> str:
    """The signature of a part, empty without one."""
    signature = part.get("thoughtSignature")
    return signature if isinstance(signature, str) else ""


def read_words(part: Object) -> Part:
    """Read a part with text: words, or a thought."""
    text = part.get("text")
    text = text if isinstance(text, str) else ""
    if part.get("thought") is True:
        return Thought(text, signature_of(part), origin=NAME)
    return Text(text, extras=fields.rest(part, ("text", "thought")))


def read_media(part: Object, at: str) -> Part:
    """Read `inlineData` or `fileData` by the kind of file.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    inline = "inlineData" in part
    if len(part) > 1:
        return Opaque(NAME, part)
    blob = camel(fields.child(part, "inlineData" if inline else "fileData", at))
    kind = fields.text(blob, "mimeType", at)
    data = fields.text(blob, "data", at).translate(_BASE64)
    url = fields.text(blob, "fileUri", at)
    if blob.keys() - {"mimeType", "data", "fileUri", "displayName"}:
        return Opaque(NAME, part)
    if kind.startswith("image/"):
        return Image(url, data, kind)
    if kind.startswith("audio/") and data:
        return Audio(data, _FORMATS.get(kind, kind.removeprefix("audio/")))
    if kind.startswith(("audio/", "video/")):
        return Opaque(NAME, part)
    return Document(url, data, media_type=kind, name=fields.text(blob, "displayName", at))


def read_picture(part: Mapping[str, Any]) -> Image | None:
    """Read a picture of an answer; one that belongs to a thought is none."""
    blob = part.get("inlineData")
    if not isinstance(blob, dict) or part.get("thought") is True:
        return None
    blob = camel(blob)
    kind, data = blob.get("mimeType"), blob.get("data")
    if not (isinstance(kind, str) and kind.startswith("image/") and isinstance(data, str) and data):
        return None
    return Image(data=data.translate(_BASE64), media_type=kind)


_BASE64 = str.maketrans("-_", "+/")
"""Google takes the alphabet for addresses as well, others do not."""
_FORMATS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}
