"""Find, replace and insert top-level values of a JSON object in its bytes; every other byte stays as it was."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from json.decoder import JSONDecoder
from typing import Any, NoReturn

import msgspec

Span = tuple[int, int]
"""Where a value stands: offset of its first byte, offset behind its last."""

Members = Mapping[str, tuple[Span, ...]]
"""The values of an object by key, in order; a key that is there twice has two spans."""

Edit = tuple[int, int, bytes]
"""Put these bytes in place of the span."""

BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError)
"""What msgspec raises for bytes it cannot read."""

_RAW_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KEY = re.compile(rb'[ \t\r\n]*[{,][ \t\r\n]*("(?:[^"\\]++|\\.)*+")[ \t\r\n]*:[ \t\r\n]*')
_END = re.compile(rb"[ \t\r\n]*\}[ \t\r\n]*")
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonError(ValueError):
    """The bytes are not JSON, or not the object that was expected; the text says where."""


def loads(data: bytes) -> object:
    """Read any JSON value; lone surrogate escapes and bytes that are not UTF-8, which some send, are let through.

    Raises:
        JsonError: it is not JSON, or nested too deeply.
    """
    try:
        return msgspec.json.decode(data)
    except BAD_JSON:
        return _loads_slowly(data)
    except RecursionError:
        raise JsonError("nested too deeply") from None


def load_object(data: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None when it is none."""
    try:
        value = loads(data)
    except JsonError:
        return None
    return value if isinstance(value, dict) else None


def members(body: bytes) -> Members:
    """Find the top-level values of the object `body`.

    Raises:
        JsonError: it is not JSON, not an object, or nested too deeply.
    """
    try:
        found = _RAW_MEMBERS.decode(body)
    except BAD_JSON:
        return _scan(body)
    except RecursionError:
        raise JsonError("nested too deeply") from None
    return _walk(body, found) or _scan(body)


def values(body: bytes) -> Mapping[str, msgspec.Raw]:
    """Return the JSON of the top-level values of the object `body`, of a key that is there twice the last one.

    This is much faster than `members`, which says where they stand.

    Raises:
        JsonError: it is not JSON, not an object, or nested too deeply.
    """
    try:
        return _RAW_MEMBERS.decode(body)
    except BAD_JSON:
        return {key: msgspec.Raw(body[slice(*spans[-1])]) for key, spans in _scan(body).items()}
    except RecursionError:
        raise JsonError("nested too deeply") from None


def splice(body: bytes, edits: Iterable[Edit]) -> bytes:
    """Apply edits that do not overlap; the body is copied once."""
    parts: list[bytes] = []
    at = 0
    for start, end, value in sorted(edits):
        parts += (body[at:start], value)
        at = end
    parts.append(body[at:])
    return b"".join(parts)


def set_member(body: bytes, key: str, value: bytes) -> bytes:
    """Give `key` of the object `body` the JSON `value`: in every place where it stands, else as the last member.

    Raises:
        JsonError: `body` is not an object.
    """
    found = members(body)
    if key in found:
        return splice(body, ((start, end, value) for start, end in found[key]))
    return splice(body, (append_edit(body, key, value, empty=not found),))


def rename_members(body: bytes, names: Mapping[str, str]) -> bytes:
    """Take the members `names` out of the object `body`, or give them the names that they are mapped to.

    The values of all others stay as they were; of a key that is there twice the last one counts.

    Raises:
        JsonError: `body` is not an object.
    """
    kept = {key: body[spans[-1][0] : spans[-1][1]] for key, spans in members(body).items()}
    parts = [
        msgspec.json.encode(names.get(key, key)) + b":" + value for key, value in kept.items() if names.get(key, key)
    ]
    return b"{" + b",".join(parts) + b"}"


def append_edit(body: bytes, key: str, value: bytes, *, empty: bool = False) -> Edit:
    """Make the edit that adds a last member to the object `body`, which is `empty` or not."""
    end = body.rindex(b"}")
    return end, end, (b"" if empty else b",") + msgspec.json.encode(key) + b":" + value


def _walk(body: bytes, found: dict[str, msgspec.Raw]) -> Members | None:
    """Place every value by the length of the one before; None when a key is there twice and that cannot work."""
    places: dict[str, tuple[Span, ...]] = {}
    at = 0
    for key, raw in found.items():
        match = _KEY.match(body, at)
        value = bytes(raw)
        if match is None or not body.startswith(value, match.end()):
            return None
        at = match.end() + len(value)
        places[key] = ((match.end(), at),)
    if not found:
        at = body.index(b"{") + 1
    return places if _END.fullmatch(body, at) else None


def _scan(body: bytes) -> Members:
    """Place every value with the parser of the standard library: slower, but it tells where each one ends.

    Latin-1 makes one character of every byte, so its offsets are ours.
    """
    places: dict[str, tuple[Span, ...]] = {}
    text = body.decode("latin-1")
    try:
        for start, key_end, value_start, end in _scan_members(text):
            key = _key(body[start:key_end])
            places[key] = (*places.get(key, ()), (value_start, end))
    except RecursionError:
        raise JsonError("nested too deeply") from None
    return places


def _scan_members(text: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield where each key starts and ends and where its value starts and ends."""
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        _value(text, at)
        raise JsonError("not an object")
    at = _skip(text, at + 1)
    if text[at : at + 1] == "}":
        return _nothing_behind(text, at + 1)
    while True:
        key_end = _value(text, at) if text[at : at + 1] == '"' else _fail(text, at)
        value_start = _skip(text, _expect(text, _skip(text, key_end), ":"))
        value_end = _value(text, value_start)
        yield at, key_end, value_start, value_end
        behind = _skip(text, value_end)
        if text[behind : behind + 1] == "}":
            return _nothing_behind(text, behind + 1)
        at = _skip(text, _expect(text, behind, ","))


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not JSON")


_SCANNER = JSONDecoder(parse_int=len, parse_float=len, parse_constant=_refuse_constant)


def _value(text: str, at: int) -> int:
    """Return where the value that starts at `at` ends."""
    try:
        return _SCANNER.raw_decode(text, at)[1]
    except json.JSONDecodeError as error:
        raise JsonError(_position(text, error.pos, error.msg)) from None


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, mark: str) -> int:
    return at + 1 if text[at : at + 1] == mark else _fail(text, at)


def _nothing_behind(text: str, at: int) -> None:
    at = _skip(text, at)
    if at != len(text):
        _fail(text, at)


def _fail(text: str, at: int) -> NoReturn:
    raise JsonError(_position(text, at, "something else was expected" if at < len(text) else "it ends too early"))


def _position(text: str, at: int, what: str) -> str:
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}: {what}"


def _key(token: bytes) -> str:
    key: str = json.loads(token.decode("utf-8", "replace"))
    return key


def _loads_slowly(data: bytes) -> object:
    try:
        value: object = json.loads(
            data.decode("utf-8", "replace"), parse_constant=_refuse_constant, parse_int=_whole_number
        )
    except json.JSONDecodeError as error:
        raise JsonError(_position(error.doc, error.pos, error.msg)) from None
    except RecursionError:
        raise JsonError("nested too deeply") from None
    return value


def _whole_number(digits: str) -> int | float:
    """A whole number; one of thousands of digits, which Python refuses to read, is as good as infinite."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def dumps(value: object) -> bytes:
    """Write a JSON value."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a lone surrogate can only be written as the escape it came as
        return json.dumps(value, separators=(",", ":"), default=_unraw).encode()


def _unraw(value: object) -> object:
    """Make the value of bytes that are JSON already."""
    if isinstance(value, msgspec.Raw):
        return loads(bytes(value))
    raise TypeError(f"{type(value).__name__} is not JSON")
