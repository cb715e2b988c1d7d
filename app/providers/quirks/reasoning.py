"""DeepSeek and Moonshot refuse an answer of the past that called tools and comes back without its reasoning.

Source: "Thinking Mode" of DeepSeek's guides; an empty text is taken where the client has lost it.
"""

from dataclasses import replace

import msgspec

from app.dialects import json_edit
from app.domain.chat import Operation
from app.providers.outgoing import Outgoing

_EMPTY = b',"reasoning_content":""}'


class _Message(msgspec.Struct, gc=False):
    role: str = ""
    tool_calls: msgspec.Raw = msgspec.Raw(b"")
    reasoning_content: msgspec.Raw = msgspec.Raw(b"")


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ONE = msgspec.json.Decoder(_Message)


def adjust_request(sent: Outgoing) -> Outgoing:
    """Give answers with calls the reasoning that the client has not sent: none; all else keeps its bytes."""
    if sent.operation is not Operation.CHAT or b'"tool_calls"' not in sent.body:
        return sent
    try:
        start, end = json_edit.members(sent.body)["messages"][-1]
        messages = [bytes(message) for message in _LIST.decode(sent.body[start:end])]
        lacking = [at for at, message in enumerate(messages) if _lacks(message)]
    except (*json_edit.BAD_JSON, json_edit.JsonError, KeyError, RecursionError):
        return sent
    for at in lacking:
        messages[at] = messages[at].rstrip()[:-1].rstrip() + _EMPTY
    if not lacking:
        return sent
    return replace(sent, body=json_edit.splice(sent.body, [(start, end, b"[" + b",".join(messages) + b"]")]))


def _lacks(message: bytes) -> bool:
    read = _ONE.decode(message)
    called = bytes(read.tool_calls) not in (b"", b"null", b"[]")
    return called and read.role == "assistant" and not bytes(read.reasoning_content)
