"""Read a provider's Responses object: items of output as parts, its status as the reason why the model stopped."""

from typing import Any

from app.dialects import json_edit, openai
from app.dialects.created import read_created
from app.dialects.fields import Object
from app.dialects.openai_errors import read_error
from app.dialects.openai_usage import find_usage, parse_usage
from app.dialects.responses_items import NAME
from app.domain.faults import InBandError, ProviderError
from app.domain.hub import Part, Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Citation, Finish
from app.domain.usage import NO_USAGE, Usage

_REASONS = {"max_output_tokens": Finish.LENGTH, "max_tokens": Finish.LENGTH, "content_filter": Finish.FILTER}
_BROKEN = frozenset({"failed", "cancelled"})
CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""The items that are calls of the client's tools, and where the text of each stands."""
_WORDS = {"output_text": "text", "text": "text", "refusal": "refusal"}
"""The parts of an answer that are words, and where those of each stand."""


def read_reply(body: bytes) -> ChatReply:
    """Read a provider's plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    openai.read_reply(body, "output")
    reply = json_edit.loads(body)
    if not isinstance(reply, dict):
        raise openai.bad_reply("JSON that is not an object")
    error = error_of(reply)
    if error is not None:
        raise InBandError(error)
    items = items_of(reply)
    parts = tuple(part for at, item in enumerate(items) for part in read_item(item, str(reply.get("id") or ""), at))
    return ChatReply(
        id=str(reply.get("id") or ""),
        model=str(reply.get("model") or ""),
        choices=(Choice(parts, read_finish(reply, parts), citations=_citations(items)),),
        usage=read_usage(reply),
        created=read_created(reply.get("created_at")),
        origin=NAME,
    )


def error_of(reply: Object) -> ProviderError | None:
    """Return what broke an answer, None when nothing did."""
    if reply.get("error"):
        return read_error(reply)
    if _word(reply, "status") in _BROKEN:
        return ProviderError(message=f"The answer is {reply['status']}, without a reason.")
    return None


def read_usage(reply: Object) -> Usage:
    """Read the counts of an answer."""
    usage = find_usage(reply)
    return NO_USAGE if usage is None else parse_usage(usage)


def read_finish(reply: Object, parts: tuple[Part, ...]) -> Finish:
    """Read why the model stopped, which the dialect says by a status and by what it put out."""
    called = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    return finish_of(reply, called=called, refused=refused)


def finish_of(reply: Object, *, called: bool, refused: bool) -> Finish:
    """Return why the model stopped, when it `called` tools or `refused`."""
    details = reply.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if reply.get("status") == "incomplete":
        return _REASONS.get(reason, Finish.LENGTH) if isinstance(reason, str) else Finish.LENGTH
    finish = Finish.STOP.settled(called=called)
    return Finish.REFUSAL if refused and finish is Finish.STOP else finish


def items_of(reply: Object) -> list[Object]:
    """Return the items of output."""
    output = reply.get("output")
    return [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []


def read_item(item: Object, reply_id: str, at: int) -> list[Part]:
    """Read one item; those of tools that the provider runs itself are passed over."""
    kind = _word(item, "type")
    if kind == "message":
        return [part for piece in pieces(item, "content") if (part := _said(piece)) is not None]
    if kind == "reasoning":
        return [read_thought(item)]
    if kind in CALLS:
        return [read_call(item, reply_id, at)]
    return []


def read_thought(item: Object) -> Thought:
    """Read a thought; its words are a summary, or the thoughts themselves where the provider shows them."""
    said = pieces(item, "summary") or pieces(item, "content")
    words = "\n\n".join(text for piece in said if isinstance(text := piece.get("text"), str) and text)
    return Thought(words, sealed=_word(item, "encrypted_content"), origin=NAME, id=_word(item, "id"))


def read_call(item: Object, reply_id: str, at: int) -> ToolCall:
    """Read a call of a tool; one without an id gets one, the same for the same answer and place."""
    kind = str(item.get("type"))
    stem = "".join(c for c in reply_id if c.isascii() and c.isalnum())[-20:]
    call_id = _word(item, "call_id") or _word(item, "id") or f"call_{stem}_{at}"
    return ToolCall(call_id, _word(item, "name"), text_of(item.get(CALLS[kind])), kind == "custom_tool_call")


def text_of(arguments: object) -> str:
    """Return arguments as the model wrote them; an object, which some servers send instead of text, is written."""
    if isinstance(arguments, str):
        return arguments
    return json_edit.dumps(arguments).decode() if arguments else ""


def pieces(item: Object, key: str) -> list[Object]:
    """Return the parts of an item."""
    value = item.get(key)
    return [piece for piece in value if isinstance(piece, dict)] if isinstance(value, list) else []


def read_citation(note: Object) -> Citation:
    """Read one annotation of a text."""
    return Citation(NAME, note, _word(note, "url"), _word(note, "title") or _word(note, "filename"))


def _citations(items: list[Object]) -> tuple[Citation, ...]:
    texts = [piece for item in items if item.get("type") == "message" for piece in pieces(item, "content")]
    return tuple(read_citation(note) for text in texts for note in pieces(text, "annotations"))


def _said(piece: Object) -> Part | None:
    text = words_of(piece)
    if piece.get("type") == "refusal":
        return Refusal(text)
    return Text(text) if text else None


def words_of(piece: Object) -> str:
    """Return the words of a part of an answer; those of a thought (`reasoning_text`) are none."""
    kind: Any = piece.get("type", "text")
    return _word(piece, _WORDS[kind]) if isinstance(kind, str) and kind in _WORDS else ""


def _word(item: Object, key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""
