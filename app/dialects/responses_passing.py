"""What a provider's own Responses API gets of a client's request: everything but thoughts that it could not know."""

import re
from dataclasses import replace
from typing import Any

import msgspec

from app.dialects import json_edit, openai
from app.dialects.fields import Object
from app.dialects.json_edit import Edit
from app.domain.chat import ApiRequest, Operation

_OURS = re.compile(rb'"(?:rs_[0-9A-Za-z]{1,40}_\d{1,5}"|switchtower\.)')
"""The ids of thoughts that Switchtower wrote for another dialect, and the beginning of their seals."""
_KEPT = ("previous_response_id", "conversation", "prompt", "background")
_REFERENCE = b'"item_reference"'


class _Kind(msgspec.Struct, gc=False):
    type: str = "function"


class _Item(msgspec.Struct, gc=False):
    type: str = "message"
    id: str | None = None
    encrypted_content: str | None = None


_KINDS = msgspec.json.Decoder(list[_Kind])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_ITEM = msgspec.json.Decoder(_Item)


def marked(request: ApiRequest) -> ApiRequest:
    """Mark what routing needs: the kinds of tools, and whether the request leans on what only one provider keeps."""
    body, members = request.body, request.members
    tools = frozenset[str]()
    if "tools" in members:
        start, end = members["tools"][-1]
        try:
            tools = frozenset(kind.type for kind in _KINDS.decode(body[start:end]))
        except (*json_edit.BAD_JSON, RecursionError):
            tools = frozenset({""})  # whoever answers says what is wrong with them
    refers = next((told for name in _KEPT if name in members and (told := openai.asked(request, name))), None)
    if refers is None and _REFERENCE not in body:
        return replace(request, wants_usage=True, tools=tools) if tools else replace(request, wants_usage=True)
    known = _id_of(refers)
    return replace(request, operation=Operation.RESPONSES, wants_usage=True, tools=tools, refers=known)


def _id_of(refers: Any) -> str:
    if isinstance(refers, dict):
        refers = refers.get("id")
    return refers if isinstance(refers, str) else ""


def foreign_thoughts(request: ApiRequest) -> list[Edit]:
    """Return the edit that takes out the thoughts of other providers' models, if there are any."""
    body, spans = request.body, request.members.get("input")
    if not spans or not _OURS.search(body, *spans[-1]):
        return []
    start, end = spans[-1]
    try:
        items = [bytes(item) for item in _ITEMS.decode(body[start:end])]
        kept = [item for item in items if not _is_ours(item)]
    except (*json_edit.BAD_JSON, RecursionError):
        return []
    return [(start, end, b"[" + b",".join(kept) + b"]")] if len(kept) < len(items) else []


KEPT_BY = ("id", "store", "background", "conversation")
"""The members of an answer that tell under which ids it is kept."""


def kept_ids(told: Object) -> tuple[str, ...]:
    """Return the ids under which the provider keeps an answer; none when it says that it does not store it.

    What is made in the background is kept for a while all the same.
    """
    if told.get("store") is False and not told.get("background"):
        return ()
    found = (_id_of(told.get("id")), _id_of(told.get("conversation")))
    return tuple(text for text in found if text)


def _is_ours(item: bytes) -> bool:
    if not _OURS.search(item):
        return False
    told = _ITEM.decode(item)
    return told.type == "reasoning" and any(
        text and _OURS.match(b'"%b"' % text.encode("utf-8", "replace")) for text in (told.id, told.encrypted_content)
    )
