"""Read and write plain answers of Gemini."""

import zlib
from collections.abc import Iterable
from typing import Any

from app.dialects import json_edit
from app.dialects.fields import Object
from app.dialects.gemini_contents import write_call
from app.dialects.gemini_errors import broken_call, in_band_error
from app.dialects.gemini_parts import GENERATED, NAME, camel, raw_reply_args, read_call, read_picture, read_words
from app.dialects.gemini_usage import parse_usage, read_finish, write_finish, write_usage
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from app.domain.hub import ChatRequest, Image, Opaque, Part, Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Citation, Finish


def parse_reply_object(body: bytes) -> Object:
    """Read the body of a plain answer.

    Raises:
        InBandError: it is an error, or a tool call that nobody can run. FaultError: BAD_REPLY.
    """
    try:
        reply = json_edit.loads(body)
    except json_edit.JsonError:
        reply = None
    error = in_band_error(reply)
    if error is not None:
        raise InBandError(error)
    if not isinstance(reply, dict):
        raise _bad("something that is not a JSON object")
    if not candidates_of(reply) and not is_blocked(reply):
        raise _bad("a JSON object without candidates")
    for candidate in candidates_of(reply):
        if (broken := broken_call(candidate)) is not None:
            raise InBandError(broken)
    return reply


def candidates_of(reply: Object) -> list[Object]:
    """The alternative answers."""
    found = reply.get("candidates")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def is_blocked(reply: Object) -> bool:
    """Whether the prompt was refused, so that there is no answer."""
    feedback = reply.get("promptFeedback")
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))


def parts_of(candidate: Object) -> list[Object]:
    """The parts of an answer, with their names in camel case."""
    content = candidate.get("content")
    found = content.get("parts") if isinstance(content, dict) else None
    return [camel(part) for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def reply_key(reply: Object) -> str:
    """What tells the ids of this answer's calls from those of any other."""
    said = reply.get("responseId")
    return said if isinstance(said, str) and said else f"{zlib.crc32(json_edit.dumps(reply)):08x}"


def read_reply(body: bytes) -> ChatReply:
    """Read a provider's plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    reply = parse_reply_object(body)
    raw, key = raw_reply_args(body), reply_key(reply)
    found = candidates_of(reply)
    choices = [_choice(item, raw[at] if at < len(raw) else [], f"{key}_{at}") for at, item in enumerate(found)]
    return ChatReply(
        str(reply.get("responseId") or ""),
        str(reply.get("modelVersion") or ""),
        tuple(choices) or (Choice((), Finish.FILTER),),
        parse_usage(reply.get("usageMetadata")),
        origin=NAME,
    )


def _choice(candidate: Object, raw: list[str], key: str) -> Choice:
    parts = tuple(
        part
        for at, item in enumerate(parts_of(candidate))
        for part in read_answer_part(item, raw[at] if at < len(raw) else "", f"{GENERATED}{key}_{at}")
    )
    called = any(isinstance(part, ToolCall) for part in parts)
    finish = read_finish(candidate.get("finishReason"), called=called)
    return Choice(parts, finish, citations=tuple(read_citations(candidate)))


def read_answer_part(part: Object, raw: str, call_id: str) -> list[Part]:
    """Read a part of an answer; a signature of words becomes a thought of its own: only Gemini's parts can hold it."""
    if isinstance(part.get("functionCall"), dict):
        return [read_call(part, raw, call_id)]
    picture = read_picture(part)
    if picture is None and "text" not in part and set(part) != {"thoughtSignature"}:
        return [Opaque(NAME, part)]
    words = read_words(part)
    if isinstance(words, Thought):
        return [words]
    text, signature = part.get("text") or "", part.get("thoughtSignature")
    found: list[Part] = [Text(str(text))] if text else []
    found += [picture] if picture is not None else []
    return found + ([Thought(signature=signature, origin=NAME)] if isinstance(signature, str) and signature else [])


def read_citations(candidate: Object) -> list[Citation]:
    """Read the sources of one answer."""
    grounding = candidate.get("groundingMetadata")
    chunks = grounding.get("groundingChunks") if isinstance(grounding, dict) else None
    return [_citation(item) for item in chunks if isinstance(item, dict)] if isinstance(chunks, list) else []


def _citation(item: Object) -> Citation:
    web: Any = next((inner for inner in item.values() if isinstance(inner, dict)), {})
    return Citation(NAME, item, str(web.get("uri") or ""), str(web.get("title") or ""))


def write_reply(reply: ChatReply, request: ChatRequest) -> bytes:
    """Write it for the client that sent `request`."""
    return json_edit.dumps(
        {
            "candidates": [_candidate(choice, at, request) for at, choice in enumerate(reply.choices)],
            "usageMetadata": write_usage(reply.usage),
            "modelVersion": reply.model or request.model,
            "responseId": reply.id,
        }
    )


def _candidate(choice: Choice, at: int, request: ChatRequest) -> Object:
    parts = [out for part in choice.parts if (out := write_part(part, request)) is not None]
    written: Object = {
        "content": {"parts": parts or [{"text": ""}], "role": "model"},
        "finishReason": write_finish(choice.finish),
        "index": at,
    }
    return written | write_citations(choice.citations)


def write_citations(citations: Iterable[Citation]) -> Object:
    """Write the sources of an answer, those without an address only where they are Gemini's own."""
    chunks = [
        one.value if one.dialect == NAME else {"web": {"uri": one.url, "title": one.title or one.url}}
        for one in citations
        if one.url or one.dialect == NAME
    ]
    return {"groundingMetadata": {"groundingChunks": chunks}} if chunks else {}


def shows_thoughts(request: ChatRequest) -> bool:
    """Whether the client asked to see thoughts."""
    return request.reasoning is not None and bool(request.reasoning.show)


def write_part(part: Part, request: ChatRequest) -> Object | None:
    """Write a part of an answer; a foreign model's signatures mean nothing here, its thoughts come when asked for."""
    if isinstance(part, Text | Refusal):
        return {"text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        return write_call(part, with_id=bool(part.id))
    if isinstance(part, Thought):
        return _thought(part, request)
    if isinstance(part, Image):
        return write_picture(part)
    return dict(part.value) if isinstance(part, Opaque) and part.dialect == NAME else None


def write_picture(image: Image) -> Object:
    """Write a picture of an answer."""
    if image.data:
        return {"inlineData": {"mimeType": image.media_type or "image/png", "data": image.data}}
    return {"fileData": {"fileUri": image.url}}


def _thought(thought: Thought, request: ChatRequest) -> Object | None:
    signature = thought.signature if thought.origin == NAME else ""
    if thought.text and shows_thoughts(request):
        out: Object = {"text": thought.text, "thought": True}
        return out | ({"thoughtSignature": signature} if signature else {})
    return {"text": "", "thoughtSignature": signature} if signature else None


def _bad(what: str) -> FaultError:
    return FaultError(
        Fault(
            FaultKind.BAD_REPLY,
            f"The provider answered with {what}.",
            "Check its base URL; if that is right, the provider has a problem.",
        )
    )
