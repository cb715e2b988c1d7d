"""Read and write plain answers of Ollama, of `/api/chat` and `/api/generate`, with what their last line counts."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from app.dialects import fields, json_edit
from app.dialects.created import read_created
from app.dialects.fields import Object
from app.dialects.ollama_errors import bad_reply, in_band_error
from app.dialects.ollama_request import NAME, RawMessage, read_call
from app.domain.chat import ApiRequest, Reply
from app.domain.faults import FaultError, InBandError
from app.domain.hub import ChatRequest, Part, Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Choice, Finish
from app.domain.usage import NO_USAGE, Usage, UsageSource


class _RawReply(msgspec.Struct, gc=False):
    message: RawMessage = RawMessage()


_RAW_REPLY = msgspec.json.Decoder(_RawReply)


# -- reading


def parse_reply_object(body: bytes) -> Object:
    """Read the body of a plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    try:
        reply = json_edit.loads(body)
    except json_edit.JsonError:
        raise bad_reply("something that is not JSON") from None
    if not isinstance(reply, dict):
        raise bad_reply("something that is not a JSON object")
    error = in_band_error(reply)
    if error is not None:
        raise InBandError(error)
    if not isinstance(reply.get("message"), dict) and not isinstance(reply.get("response"), str):
        raise bad_reply("a JSON object without `message`")
    return reply


def read_reply(body: bytes) -> ChatReply:
    """Read a provider's plain answer.

    Raises:
        InBandError: it is an error. FaultError: BAD_REPLY.
    """
    reply = parse_reply_object(body)
    created = read_time(reply.get("created_at"))
    parts = read_message(reply, body, f"{created}_")
    called = any(isinstance(part, ToolCall) for part in parts)
    choice = Choice(tuple(parts), read_finish(reply.get("done_reason"), called=called))
    return ChatReply("", str(reply.get("model") or ""), (choice,), parse_usage(reply), created, NAME)


def read_message(reply: Object, body: bytes, made: str) -> list[Part]:
    """Read thoughts, words and calls of an answer or a line of one; `made` makes the ids of calls that have none.

    Raises:
        FaultError: BAD_REPLY.
    """
    message = reply.get("message")
    if not isinstance(message, dict):
        message = {"content": reply.get("response"), "thinking": reply.get("thinking")}
    try:
        parts: list[Part] = []
        if thinking := fields.text(message, "thinking"):
            parts.append(Thought(thinking, origin=NAME))
        if words := fields.text(message, "content"):
            parts.append(Text(words))
        return parts + _calls(message, body, made)
    except FaultError:
        raise bad_reply("a `message` of an unknown shape") from None


def _calls(message: Object, body: bytes, made: str) -> list[Part]:
    calls = fields.objects(message, "tool_calls")
    if not calls:
        return []
    try:
        raw = _RAW_REPLY.decode(body).message.tool_calls or []
    except (*json_edit.BAD_JSON, RecursionError):
        raw = []
    texts = [bytes(call.function.arguments).decode() for call in raw]
    return [read_call(call, texts[at] if at < len(texts) else "", f"call_{made}{at}") for at, call in enumerate(calls)]


def read_finish(reason: object, *, called: bool) -> Finish:
    """Read why the model stopped: only `length` is told apart from its own end."""
    return (Finish.LENGTH if reason == "length" else Finish.STOP).settled(called=called)


def parse_usage(reply: Mapping[str, object]) -> Usage:
    """Read the counts of an answer or a last line; what is missing or no count stays unknown."""
    fresh, output = _count(reply.get("prompt_eval_count")), _count(reply.get("eval_count"))
    if fresh is None and output is None:
        return NO_USAGE
    return Usage(fresh_input=fresh, output=output, source=UsageSource.PROVIDER)


_IMPOSSIBLE = 2**53


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _IMPOSSIBLE else None


def read_time(value: object) -> int:
    """Read when it was made, in seconds since 1970; 0 when it does not say."""
    try:
        return read_created(datetime.fromisoformat(value).timestamp()) if isinstance(value, str) else 0
    except (ValueError, OverflowError):
        return 0


# -- writing


def write_reply(reply: ChatReply, request: ChatRequest) -> bytes:
    """Write it for the client of `/api/chat` that sent `request`; the dialect knows one answer only."""
    parts = reply.choices[0].parts
    calls = write_calls(part for part in parts if isinstance(part, ToolCall))
    message = {"role": "assistant", "content": _words(parts), **_thoughts(parts, request)}
    return _whole(reply, request, {"message": message | ({"tool_calls": calls} if calls else {})})


def write_generate_reply(reply: ChatReply, request: ChatRequest) -> bytes:
    """Write it for the client of `/api/generate` that sent `request`."""
    parts = reply.choices[0].parts
    return _whole(reply, request, {"response": _words(parts), **_thoughts(parts, request)})


def _words(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text | Refusal))


def _thoughts(parts: Iterable[Part], request: ChatRequest) -> Object:
    text = "".join(part.text for part in parts if isinstance(part, Thought)) if shows_thoughts(request) else ""
    return {"thinking": text} if text else {}


def shows_thoughts(request: ChatRequest) -> bool:
    """Whether the client wants to see thoughts: unless it said no."""
    return request.reasoning is None or request.reasoning.show is not False


def _whole(reply: ChatReply, request: ChatRequest, content: Object) -> bytes:
    head = {"model": request.model, "created_at": write_time(reply.created)}
    end = write_end(reply.choices[0].finish, reply.usage, (0, 0))
    return json_edit.dumps({**head, **content, **end})


def write_calls(calls: Iterable[ToolCall]) -> list[Object]:
    """Write whole calls; arguments are an object, in the bytes the model wrote."""
    return [
        {
            "id": call.id,
            "function": {"index": at, "name": call.name, "arguments": fields.arguments_object(call.arguments)},
        }
        for at, call in enumerate(calls)
    ]


def write_end(finish: Finish, usage: Usage, spans_ns: tuple[int, int]) -> Object:
    """Write what ends an answer; `spans_ns` are the times until its first words and from there to its end.

    What was not counted is left out, as Ollama itself does.
    """
    before_ns, answering_ns = spans_ns
    counts = {"prompt_eval_count": usage.input, "eval_count": usage.output}
    return {
        "done": True,
        "done_reason": "length" if finish is Finish.LENGTH else "stop",
        "total_duration": before_ns + answering_ns,
        "load_duration": 0,
        "prompt_eval_duration": before_ns,
        "eval_duration": answering_ns,
        **{name: count for name, count in counts.items() if count is not None},
    }


def write_time(created: int, clock: Callable[[], float] = time.time) -> str:
    """Write a time as Ollama does; what is not known is now, by `clock`."""
    return datetime.fromtimestamp(created or clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_reply(request: ApiRequest, body: bytes) -> Reply:  # the protocol hands every dialect the request
    """Read a plain answer; its bytes stay as they are.

    Raises:
        InBandError: the body is an error object in spite of its status.
        FaultError: BAD_REPLY, when it has neither message nor response.
    """
    return Reply(body, parse_usage(parse_reply_object(body)))
