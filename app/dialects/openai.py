"""What the OpenAI dialects share: reading and building requests, and reading plain answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from app.dialects import fields, json_edit
from app.dialects.json_edit import Edit, JsonError, Members
from app.dialects.openai_errors import clean, in_band_error, read_error
from app.dialects.openai_usage import find_usage, parse_usage
from app.domain.chat import ApiRequest, Operation, Reply
from app.domain.faults import Fault, FaultError, FaultKind, InBandError
from app.domain.usage import NO_USAGE, Usage

KEEPALIVE = b": keepalive\n\n"

_AFFINITY_KEYS = ("prompt_cache_key", "session_id")
_NULL = b"null"


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operation cannot do without: the member `key`, whose JSON starts with one of `starts`."""

    operation: Operation
    key: str
    starts: bytes
    remedy: str
    streams: bool = True


def read_request(body: bytes, needs: Needs) -> ApiRequest:
    """Read what routing needs; every other field is left alone.

    Raises:
        FaultError: INVALID_REQUEST, with the member at fault in `param`.
    """
    members = _members(body)
    model = _model(body, members)
    _check_input(body, members, needs)
    stream = _stream(body, members) and needs.streams
    return ApiRequest(
        operation=needs.operation,
        model=model,
        stream=stream,
        body=body,
        wants_usage=not stream or _wants_usage(body, members),
        affinity=_affinity(body, members),
        members=members,
    )


def build_body(request: ApiRequest, model: str, edits: Iterable[Edit] = ()) -> bytes:
    """Make the provider's body: the client's bytes but for the model, for a stream the wish for usage, and `edits`."""
    body = request.body
    members = request.members or json_edit.members(body)
    edits = list(edits)
    if model != request.model:
        name = msgspec.json.encode(model)
        edits += [(start, end, name) for start, end in members["model"]]
    if request.stream and not request.wants_usage:
        edits += _usage_edits(body, members)
    return json_edit.splice(body, edits) if edits else body


def read_reply(body: bytes, content: str) -> tuple[Mapping[str, msgspec.Raw], Usage]:
    """Find the values of a plain answer, which must hold a list `content`, and its usage.

    Raises:
        InBandError: it is an error in spite of its status.
        FaultError: BAD_REPLY, when it is not what the dialect allows.
    """
    try:
        found = json_edit.values(body)
    except JsonError:
        _refuse_reply(body)
    if content not in found or "error" in found or b'"error"' in body:
        _raise_error_in(body)
    if content not in found or bytes(memoryview(found[content])[:1]) != b"[":
        raise bad_reply(f"a JSON object without a list `{content}`")
    return found, _usage(found)


def plain_reply(body: bytes) -> Reply:
    """Read a plain answer of chat or completions; its bytes stay as they are.

    Raises:
        InBandError: it is an error in spite of its status.
        FaultError: BAD_REPLY, when it is not what the dialect allows.
    """
    found, usage = read_reply(body, "choices")
    if not bytes(memoryview(found["choices"])[1:-1]).strip():
        raise bad_reply("an answer without any choice")
    return Reply(body, usage)


def asked(request: ApiRequest, key: str) -> Any:
    """Read one top-level value of a request, None when it is missing."""
    return value_of(request.body, request.members or json_edit.members(request.body), key)


def choices_asked(request: ApiRequest) -> int:
    """How many choices the request asks for with `n`, at least one."""
    n = asked(request, "n")
    return max(1, n) if isinstance(n, int) else 1


def bad_reply(what: str) -> FaultError:
    """Make the error for an answer that is not what the dialect allows."""
    return FaultError(
        Fault(
            FaultKind.BAD_REPLY,
            f"The provider answered with {what}.",
            "Check its base URL; if that is right, the provider has a problem.",
        )
    )


def invalid_request(message: str, remedy: str, param: str | None = None) -> FaultError:
    """Make the error for a request that cannot be routed."""
    return FaultError(Fault(FaultKind.INVALID_REQUEST, message, remedy, param=param))


def value_of(body: bytes, members: Members, key: str) -> Any:
    """Read one top-level value, the last one when the key is there twice; None when it is missing."""
    spans = members.get(key)
    return json_edit.loads(body[spans[-1][0] : spans[-1][1]]) if spans else None


def _members(body: bytes) -> Members:
    if not body.strip():
        raise invalid_request("The request has no body.", "Send a JSON object.")
    try:
        if not body.isascii():
            body.decode()
        return json_edit.members(body)
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} is not UTF-8"
    except JsonError as error:
        what = str(error)
    raise invalid_request(f"The request body is not a valid JSON object: {what}.", "Send a JSON object, UTF-8 encoded.")


def _model(body: bytes, members: Members) -> str:
    model = value_of(body, members, "model")
    if model is None:
        raise invalid_request("The request names no `model`.", "Add one, such as those GET /v1/models lists.", "model")
    if not isinstance(model, str):
        raise invalid_request("`model` is not a string.", "Send the model's name as a string.", "model")
    if not fields.is_model(model):
        raise invalid_request(
            f"`model` is empty, longer than {fields.LONGEST_MODEL} characters, or not plain text.",
            "Name a model, such as those GET /v1/models lists.",
            "model",
        )
    return model


def _check_input(body: bytes, members: Members, needs: Needs) -> None:
    spans = members.get(needs.key)
    if not spans or body.startswith(_NULL, spans[-1][0]):
        raise invalid_request(f"The request has no `{needs.key}`.", needs.remedy, needs.key)
    if body[spans[-1][0]] not in needs.starts:
        raise invalid_request(f"`{needs.key}` has the wrong type.", needs.remedy, needs.key)


def _stream(body: bytes, members: Members) -> bool:
    stream = value_of(body, members, "stream")
    if stream is None or isinstance(stream, bool):
        return bool(stream)
    raise invalid_request("`stream` is not a boolean.", "Send true or false, or leave it out.", "stream")


def _wants_usage(body: bytes, members: Members) -> bool:
    """Whether the usage chunk was asked for; options that are no object are the provider's to refuse."""
    options = value_of(body, members, "stream_options")
    if isinstance(options, dict):
        return options.get("include_usage") is True
    return options is not None


def _usage_edits(body: bytes, members: Members) -> list[Edit]:
    wish = b'{"include_usage":true}'
    if "stream_options" not in members:
        return [json_edit.append_edit(body, "stream_options", wish)]
    return [
        (
            start,
            end,
            json_edit.set_member(body[start:end], "include_usage", b"true") if body[start] == b"{"[0] else wish,
        )
        for start, end in members["stream_options"]
    ]


def _affinity(body: bytes, members: Members) -> str:
    for key in _AFFINITY_KEYS:
        value = value_of(body, members, key)
        if value and isinstance(value, str):
            return clean(value)
    return ""


def _usage(found: Mapping[str, msgspec.Raw]) -> Usage:
    usage = find_usage({key: json_edit.loads(bytes(found[key])) for key in ("usage", "x_groq") if key in found})
    return NO_USAGE if usage is None else parse_usage(usage)


def _raise_error_in(body: bytes) -> None:
    try:
        reply = json_edit.loads(body)
    except JsonError:
        raise bad_reply("something that is not valid JSON") from None
    error = in_band_error(reply) if isinstance(reply, dict) else None
    if error is not None:
        raise InBandError(error)


def _refuse_reply(body: bytes) -> NoReturn:
    """Say what came instead of a JSON object.

    Raises:
        InBandError: it is a list with an error object in it.
        FaultError: BAD_REPLY, for anything else.
    """
    try:
        value = json_edit.loads(body)
    except JsonError:
        start = body.lstrip()[:1]
        what = "nothing" if not start else "an HTML page" if start == b"<" else "something that is not valid JSON"
        raise bad_reply(what) from None
    if isinstance(value, list) and any(isinstance(item, dict) and item.get("error") for item in value):
        raise InBandError(read_error(value))
    raise bad_reply("JSON that is not an object")
