"""Repair the body of a request that a provider has refused, in any dialect; what it does not touch keeps its bytes."""

import base64
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any

import msgspec

from app.dialects import json_edit
from app.domain.repairs import Mend, Repair

LEAST_BUDGET = 1024
"""Anthropic's smallest `budget_tokens`."""

_UNSIGNED = base64.b64encode(b"skip_thought_signature_validator").decode()  # Gemini's word for "not from me"
_THOUGHTS = ("thinking", "redacted_thinking")
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])

Changes = dict[str, bytes | None]
"""The new values of top-level members; None takes one out."""


def mend(body: bytes, repairs: Iterable[Repair]) -> tuple[bytes, tuple[str, ...]]:
    """The repaired body, and what has been changed in it.

    Raises:
        JsonError: `body` is not an object.
    """
    members = json_edit.members(body)
    values = {name: body[spans[-1][0] : spans[-1][1]] for name, spans in members.items()}
    names: dict[str, str] = {}
    changes: Changes = {}
    changed: list[str] = []
    for repair in repairs:
        if repair.mend in (Mend.LEAVE_OUT, Mend.RENAME):
            if repair.param in values and repair.renamed not in values:
                names[repair.param] = repair.renamed
                changed.append(repair.param)
        elif found := _HOW[repair.mend](values, repair):
            changes |= found
            changed += found if repair.mend is Mend.BETAS else (repair.param,)
    return _applied(body, members, names, changes), tuple(changed)


def _applied(body: bytes, members: json_edit.Members, names: dict[str, str], changes: Changes) -> bytes:
    edits = [(*span, value) for name, value in changes.items() if value is not None for span in members[name]]
    if edits:
        body = json_edit.splice(body, edits)
    names |= {name: "" for name, value in changes.items() if value is None}
    return json_edit.rename_members(body, names) if names else body


def _clamp(values: Mapping[str, bytes], repair: Repair) -> Changes:
    """Bring a number into its range."""
    number = json_edit.loads(values.get(repair.param, b"null"))
    if not isinstance(number, int | float) or isinstance(number, bool):
        return {}
    within = max(number, repair.low) if repair.low is not None else number
    within = min(within, repair.high) if repair.high is not None else within
    if within == number or abs(within) == inf:  # a range that some message seems to tell may be none
        return {}
    return {repair.param: json_edit.dumps(int(within) if within == int(within) else within)}


def _budget(values: Mapping[str, bytes], repair: Repair) -> Changes:
    """Bring Anthropic's budget for thoughts above its minimum and below `max_tokens`; no room for both: no thoughts."""
    del repair
    thinking: Any = json_edit.loads(values.get("thinking", b"null"))
    most: Any = json_edit.loads(values.get("max_tokens", b"null"))
    given = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if not isinstance(given, int):
        return {}
    if not isinstance(most, int) or most > LEAST_BUDGET:
        within = max(LEAST_BUDGET, given if not isinstance(most, int) else min(given, most - 1))
        return {"thinking": json_edit.dumps(thinking | {"budget_tokens": within})} if within != given else {}
    return {"thinking": None}


def _empty_texts(values: Mapping[str, bytes], repair: Repair) -> Changes:
    """Take out texts of nothing but blanks, and the messages that consist of them alone."""
    del repair
    changes: Changes = {}
    for name in ("messages", "system"):
        if values.get(name, b"").startswith(b"["):
            kept = _sift(values[name], _is_blank)
            if kept is not None:
                changes[name] = kept if kept != b"[]" or name == "messages" else None
    return {} if changes.get("messages") == b"[]" else changes


def _thoughts(values: Mapping[str, bytes], repair: Repair) -> Changes:
    """Take out earlier thoughts, whose signatures are another one's or missing.

    A call of a tool that is still open must begin with one, if the model is to think: then it is not to.
    """
    del repair
    if values.get("contents", b"").startswith(b"["):
        return _unsigned(values["contents"])
    messages = values.get("messages", b"")
    kept = _sift(messages, _is_thought) if messages.startswith(b"[") else None
    if kept is None or kept == b"[]":
        return {}
    open_call = b'"tool_result"' in bytes(_LIST.decode(kept)[-1])
    return {"messages": kept, **({"thinking": None} if open_call and "thinking" in values else {})}


def _unsigned(contents: bytes) -> Changes:
    """Replace the signatures of Gemini's calls by the word that they are not its own, and take out all others."""
    value: Any = json_edit.loads(contents)
    for part in (part for content in value for part in content.get("parts", ())):
        part.pop("thought_signature", None)
        part.pop("thoughtSignature", None)
        if "functionCall" in part or "function_call" in part:
            part["thoughtSignature"] = _UNSIGNED
    return {"contents": json_edit.dumps(value)}


def _betas(values: Mapping[str, bytes], repair: Repair) -> Changes:
    """Leave out beta features, and the member that only one of them allows."""
    return {name: None for name in (repair.param, "context_management") if name in values}


_HOW: Mapping[Mend, Callable[[Mapping[str, bytes], Repair], Changes]] = {
    Mend.CLAMP: _clamp,
    Mend.BUDGET: _budget,
    Mend.EMPTY_TEXTS: _empty_texts,
    Mend.THOUGHTS: _thoughts,
    Mend.BETAS: _betas,
}


def _sift(array: bytes, unwanted: Callable[[Mapping[str, msgspec.Raw]], bool]) -> bytes | None:
    """Take the `unwanted` blocks out of a list of blocks or messages at every depth; None: there are none.

    Messages that nothing is left of go as well; everything that stays keeps its bytes.
    """
    kept: list[msgspec.Raw] = []
    touched = False
    for item in _LIST.decode(array):
        raw = bytes(item)
        if not raw.startswith(b"{"):
            kept.append(item)
            continue
        block = _OBJECT.decode(raw)
        if unwanted(block):
            touched = True
            continue
        content = bytes(block.get("content", b""))
        inner = _sift(content, unwanted) if content.startswith(b"[") else None
        if inner is not None:
            touched = True
            if inner == b"[]" and "role" in block:
                continue
            item = msgspec.Raw(json_edit.set_member(raw, "content", inner))  # noqa: PLW2901 - the same one, sifted
        kept.append(item)
    return msgspec.json.encode(kept) if touched else None


def _is_blank(block: Mapping[str, msgspec.Raw]) -> bool:
    text = block.get("content" if "role" in block else "text")
    blank = text is not None and bytes(text).startswith(b'"') and not str(json_edit.loads(bytes(text))).strip()
    return blank and ("role" in block or _kind(block) == "text")


def _is_thought(block: Mapping[str, msgspec.Raw]) -> bool:
    return _kind(block) in _THOUGHTS


def _kind(block: Mapping[str, msgspec.Raw]) -> object:
    return json_edit.loads(bytes(block.get("type", b"null")))
