"""What passes through has the model's name that was asked for: Claude Code throws away thoughts of any other model.

A name that only says more (`claude-x-20260102` for `claude-x` or `claude-x-latest`) stays, as does every other byte.
"""

import re

import msgspec

from app.dialects import json_edit, sse

_MOVING = re.compile(r"-(?:latest|0)$")
"""Ends of names that Anthropic itself makes dates of."""

_START = b'"message_start"'


def named_reply(body: bytes, asked: str) -> bytes:
    """A plain answer, under the name that was asked for; what cannot be read stays as it is."""
    try:
        spans = json_edit.members(body).get("model", ())
        edits = [(start, end, _spelled(asked, body[start:end])) for start, end in spans]
    except json_edit.JsonError:
        return body
    return json_edit.splice(body, edits) if edits else body


def named_events(block: bytes, asked: str) -> tuple[bytes, bool]:
    """Whole events, the first of which names the model; and whether it was among them."""
    if _START not in block:
        return block, False
    for piece in sse.pieces(block):
        data = sse.parse_event(piece).data or b""
        if _START in data and data in piece:
            return block.replace(data, _named_start(data, asked), 1), True
    return block, False


def _named_start(data: bytes, asked: str) -> bytes:
    try:
        spans = json_edit.members(data).get("message", ())
    except json_edit.JsonError:
        return data
    return json_edit.splice(data, [(start, end, named_reply(data[start:end], asked)) for start, end in spans])


def _spelled(asked: str, answered: bytes) -> bytes:
    name = json_edit.loads(answered)
    says_more = isinstance(name, str) and name.startswith(_MOVING.sub("", asked))
    return answered if says_more else msgspec.json.encode(asked)
