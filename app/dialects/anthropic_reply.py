"""Read and write plain answers of Anthropic messages."""

from app.dialects import json_edit
from app.dialects.anthropic_blocks import write_call
from app.dialects.anthropic_errors import in_band_error
from app.dialects.anthropic_request import NAME, raw_reply_inputs, read_blocks
from app.dialects.anthropic_usage import parse_usage, read_finish, write_finish, write_usage
from app.dialects.fields import Object
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from app.domain.hub import ChatRequest, Opaque, Part, Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Citation


def parse_reply_object(body: bytes) -> Object:
    """Read the body of a plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    try:
        reply = json_edit.loads(body)
    except json_edit.JsonError:
        reply = None
    if not isinstance(reply, dict):
        raise _bad("something that is not a JSON object")
    error = in_band_error(reply)
    if error is not None:
        raise InBandError(error)
    if not isinstance(reply.get("content"), list):
        raise _bad("a JSON object without a list `content`")
    return reply


def read_reply(body: bytes) -> ChatReply:
    """Read a provider's plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    reply = parse_reply_object(body)
    parts = read_blocks(reply["content"], "content", raw_reply_inputs(body))
    called = any(isinstance(part, ToolCall) for part in parts)
    stop = reply.get("stop_sequence")
    choice = Choice(
        parts,
        read_finish(reply.get("stop_reason"), called=called),
        stop if isinstance(stop, str) else "",
        tuple(citation for part in parts if isinstance(part, Text) for citation in read_citations(part)),
    )
    usage = parse_usage(reply.get("usage"))
    return ChatReply(str(reply.get("id") or ""), str(reply.get("model") or ""), (choice,), usage, origin=NAME)


def read_citations(text: Text) -> list[Citation]:
    """Read the sources of one text block."""
    found = text.extras.get("citations")
    return [read_citation(item) for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def read_citation(item: Object) -> Citation:
    """Read one source."""
    title = item.get("title") or item.get("document_title")
    return Citation(NAME, item, str(item.get("url") or ""), str(title or ""))


def write_reply(reply: ChatReply, request: ChatRequest) -> bytes:
    """Write it for the client that sent `request`; the dialect knows one answer only."""
    choice = reply.choices[0]
    content = [block for part in choice.parts if (block := _block(part)) is not None]
    called = any(isinstance(part, ToolCall) for part in choice.parts)
    return json_edit.dumps(
        {
            "id": reply.id or "msg_0",
            "type": "message",
            "role": "assistant",
            "model": reply.model or request.model,
            "content": content,
            "stop_reason": write_finish(choice.finish, called=called),
            "stop_sequence": choice.stop_sequence or None,
            "usage": write_usage(reply.usage),
        }
    )


def _block(part: Part) -> Object | None:
    if isinstance(part, Text | Refusal):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, ToolCall):
        return write_call(part)
    if isinstance(part, Thought):
        own = part.origin == NAME
        if part.sealed and own:
            return {"type": "redacted_thinking", "data": part.sealed}
        words = {"type": "thinking", "thinking": part.text, "signature": part.signature if own else ""}
        return words if part.text or (own and part.signature) else None
    return dict(part.value) if isinstance(part, Opaque) and part.dialect == NAME else None


def _bad(what: str) -> FaultError:
    return FaultError(
        Fault(
            FaultKind.BAD_REPLY,
            f"The provider answered with {what}.",
            "Check its base URL; if that is right, the provider has a problem.",
        )
    )
