"""Read the fields of a request by type and refuse by name what cannot be used, as every dialect's hub side does it."""

from collections.abc import Collection
from typing import Any, NoReturn

import msgspec

from app.dialects import json_edit
from app.domain.faults import Fault, FaultError, FaultKind
from app.domain.hub import ChatRequest, ToolResult

Object = dict[str, Any]

LONGEST_MODEL = 512
"""Characters that a model's name may have; it is sent back in a header."""

_MEANINGFUL = frozenset(
    {
        "audio",
        "cachedContent",
        "container",
        "function_call",
        "functions",
        "imageConfig",
        "mcp_servers",
        "modalities",
        "responseModalities",
        "speechConfig",
        "web_search_options",
    }
)
"""Fields that only one dialect has and without which the answer would be another one: never left out."""


def refuse(message: str, remedy: str, param: str | None = None) -> NoReturn:
    """Refuse a request.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    raise FaultError(Fault(FaultKind.INVALID_REQUEST, message, remedy, param=param))


def refuse_field(name: str, provider_dialect: str) -> NoReturn:
    """Refuse what a provider's dialect cannot express and what may not be left out.

    Raises:
        FaultError: INVALID_REQUEST, always.
    """
    refuse(
        f"`{name}` cannot be said in the {provider_dialect} dialect, which this model's provider speaks.",
        "Leave it out, or choose a model of another provider.",
        name,
    )


def parse_object(body: bytes) -> Object:
    """Read a body that must be an object.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    try:
        value = json_edit.loads(body)
    except json_edit.JsonError as error:
        refuse(f"The request body is not valid JSON: {error}.", "Send a JSON object, UTF-8 encoded.")
    if not isinstance(value, dict):
        refuse("The request body is not a JSON object.", "Send a JSON object.")
    return value


def text(fields: Object, key: str, at: str = "") -> str:
    """Return a string, empty when it is missing or null.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        _wrong(at + key, "a string")
    return value


def is_model(name: str) -> bool:
    """Whether a string can be the name of a model: plain text that is neither empty nor too long."""
    return bool(name.strip()) and name.isprintable() and len(name) <= LONGEST_MODEL


def check_model(name: str, remedy: str) -> None:
    """See that a request names its model.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    if not name.strip():
        refuse("The request names no `model`.", remedy, "model")
    if not is_model(name):
        refuse(f"`model` is longer than {LONGEST_MODEL} characters, or not plain text.", remedy, "model")


def number(fields: Object, key: str) -> float | None:
    """Return a number as it was sent, None when it is missing or null.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        _wrong(key, "a number")
    return value


def integer(fields: Object, key: str) -> int | None:
    """Return a whole number, None when it is missing or null.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    value = number(fields, key)
    if value is None or isinstance(value, int):
        return value
    if not value.is_integer():
        _wrong(key, "a whole number")
    return int(value)


def flag(fields: Object, key: str) -> bool | None:
    """Return a boolean, None when it is missing or null.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    value = fields.get(key)
    if not isinstance(value, bool | None):
        _wrong(key, "true or false")
    return value


def child(fields: Object, key: str, at: str = "") -> Object:
    """Return an object, an empty one when it is missing or null.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    value = fields.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        _wrong(at + key, "an object")
    return value


def objects(fields: Object, key: str, at: str = "") -> list[Object]:
    """Return a list of objects, an empty one when it is missing or null.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    value = fields.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        _wrong(at + key, "a list of objects")
    return value


def strings(fields: Object, key: str) -> tuple[str, ...]:
    """Return a list of strings, or one string as a list of one; empty when it is missing or null.

    Raises:
        FaultError: INVALID_REQUEST.
    """
    value = fields.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        _wrong(key, "a string or a list of strings")
    return tuple(value)


def rest(fields: Object, known: Collection[str]) -> Object:
    """Return the fields that nobody has a name for."""
    return {key: value for key, value in fields.items() if key not in known}


def foreign(request: ChatRequest, dialect: str, *, pictures: bool = False) -> list[str]:
    """Return the names of the fields of another dialect's own that `dialect` leaves out of the request.

    `pictures`: it takes back those of past answers.

    Raises:
        FaultError: INVALID_REQUEST, naming a field without which the answer would be another one.
    """
    names = list(request.extras)
    for name in names:
        if name in _MEANINGFUL and _asks(name, request.extras[name]):
            refuse_field(name, dialect)
    for message in request.messages:
        names += message.extras
        if message.pictures and not pictures:
            names.append("images")
    return names


def cache_marks(request: ChatRequest) -> list[str]:
    """Return what the cache marks are called that a dialect leaves out which has none; nothing without any."""
    parts = [part for message in request.messages for part in message.parts]
    inner = [one for part in parts if isinstance(part, ToolResult) for one in part.parts]
    marked = any(getattr(one, "cache", None) is not None for one in (*request.tools, *parts, *inner))
    return ["cache_control"] if marked else []


def _asks(name: str, value: object) -> bool:
    """Whether a field asks for anything: an empty `web_search_options` does, `modalities` of text alone do not."""
    if name == "web_search_options":
        return value is not None
    return bool(value) and not (name == "modalities" and value == ["text"])


_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")


def arguments_object(arguments: str) -> msgspec.Raw | Object:
    """Return the arguments of a call as an object in its own bytes; nothing is `{}`, what is no object is in `_raw`.

    Line breaks between its tokens become blanks: events and lines of a stream are one line each.
    """
    if not arguments.strip():
        return {}
    try:
        data = arguments.encode()
        if data.lstrip()[:1] == b"{" and isinstance(msgspec.json.decode(data), dict):
            return msgspec.Raw(data.translate(_ONE_LINE) if b"\n" in data or b"\r" in data else data)
    except (ValueError, RecursionError):  # no JSON, or a lone surrogate
        pass
    return {"_raw": arguments}


def _wrong(name: str, wanted: str) -> NoReturn:
    refuse(f"`{name}` has the wrong type.", f"Send {wanted}, or leave it out.", name)
