"""Read the input of a Responses request, a text or a list of items, as messages of the hub."""

import base64
import binascii
from dataclasses import replace
from typing import Any, NoReturn

from app.dialects import fields, json_edit
from app.dialects.fields import Object
from app.dialects.responses_tools import function_name, wrapped
from app.domain.hub import (
    Audio,
    Document,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)

NAME = "responses"
_SEAL = "switchtower."
"""How the seal of another dialect's thought begins, so that the dialect that made it gets it back."""
_ROLES = {role.value: role for role in (Role.USER, Role.ASSISTANT, Role.SYSTEM, Role.DEVELOPER)}


def read_input(sent: Object) -> tuple[tuple[Message, ...], list[str]]:
    """Return the messages, instructions first, and the kinds of items that are left out.

    Raises:
        FaultError: INVALID_REQUEST, naming the item that cannot be used.
    """
    messages: list[Message] = []
    dropped: list[str] = []
    instructions = fields.text(sent, "instructions")
    if instructions:
        messages.append(Message(Role.SYSTEM, (Text(instructions),)))
    given = sent.get("input")
    if isinstance(given, str):
        return (*messages, Message(Role.USER, (Text(given),))), dropped
    for at, item in enumerate(fields.objects(sent, "input")):
        message = _item(item, f"input[{at}]", dropped)
        if message is None:
            continue
        last = messages[-1] if messages else None
        if last is not None and last.role is message.role is Role.ASSISTANT:
            messages[-1] = Message(Role.ASSISTANT, last.parts + message.parts)
        else:
            messages.append(message)
    return _signed(messages, fields.objects(sent, "input")), dropped


def _item(item: Object, at: str, dropped: list[str]) -> Message | None:
    kind = item.get("type") or "message"
    if kind == "message":
        return _message(item, at)
    if kind in ("function_call", "custom_tool_call"):
        return Message(Role.ASSISTANT, (_call(item, at, custom=kind == "custom_tool_call"),))
    if kind in ("function_call_output", "custom_tool_call_output"):
        return Message(Role.TOOL, (ToolResult(fields.text(item, "call_id", f"{at}."), _output(item, at)),))
    if kind == "reasoning":
        signs = "call" in _opened(fields.text(item, "encrypted_content", f"{at}."))  # left to `_signed`
        return None if signs else Message(Role.ASSISTANT, (_thought(item, at),))
    if kind in ("web_search_call", "image_generation_call"):
        dropped.append(f"input.{kind}")
        return None
    return _refuse_item(kind, at)


def _refuse_item(kind: object, at: str) -> NoReturn:
    """Refuse an item that only OpenAI can make sense of."""
    if kind == "item_reference":
        fields.refuse(
            f"`{at}` refers to an item that is stored nowhere: Switchtower keeps no conversations.",
            "Send the item itself; with `store: false` clients do so.",
            at,
        )
    fields.refuse_field(f"{at}: {kind}", "provider's own")


def _message(item: Object, at: str) -> Message:
    role = _ROLES.get(str(item.get("role")))
    if role is None:
        fields.refuse(f"`{at}.role` is none that is known.", "Send user, assistant, system or developer.", f"{at}.role")
    return Message(role, _content(item, "content", at))


def _call(item: Object, at: str, *, custom: bool) -> ToolCall:
    name = function_name(fields.text(item, "name", f"{at}."), fields.text(item, "namespace", f"{at}."))
    said = fields.text(item, "input" if custom else "arguments", f"{at}.")
    return ToolCall(fields.text(item, "call_id", f"{at}."), name, wrapped(said) if custom else said)


def _output(item: Object, at: str) -> tuple[Part, ...]:
    output = item.get("output")
    if isinstance(output, dict):
        return (Text(json_edit.dumps(output).decode()),)
    return _content(item, "output", at)


def _content(item: Object, key: str, at: str) -> tuple[Part, ...]:
    content = item.get(key)
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Text(content),)
    parts = fields.objects(item, key, f"{at}.")
    return tuple(_part(part, f"{at}.{key}[{n}]") for n, part in enumerate(parts))


def _part(part: Object, at: str) -> Part:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text", "summary_text"):
        return Text(fields.text(part, "text", f"{at}."))
    if kind == "refusal":
        return Refusal(fields.text(part, "refusal", f"{at}."))
    if kind == "input_image":
        return _image(part, at)
    if kind == "input_file":
        return _file(part, at)
    if kind != "input_audio":
        fields.refuse_field(f"{at}: {kind}", "provider's own")
    inner = fields.child(part, "input_audio", f"{at}.")
    return Audio(fields.text(inner, "data"), fields.text(inner, "format"))


def _image(part: Object, at: str) -> Image:
    url, file_id = fields.text(part, "image_url", f"{at}."), fields.text(part, "file_id", f"{at}.")
    detail = fields.text(part, "detail", f"{at}.")
    media_type, data = _data_url(url)
    if data:
        return Image(data=data, media_type=media_type, detail=detail)
    if not url and not file_id:
        fields.refuse(f"`{at}` has no image.", "Send an `image_url`.", f"{at}.image_url")
    return Image(url=url, file_id="" if url else file_id, detail=detail)


def _file(part: Object, at: str) -> Document:
    name, url = fields.text(part, "filename", f"{at}."), fields.text(part, "file_url", f"{at}.")
    sent, file_id = fields.text(part, "file_data", f"{at}."), fields.text(part, "file_id", f"{at}.")
    media_type, data = _data_url(sent)
    if sent:
        return Document(data=data or sent, media_type=media_type or "application/pdf", name=name)
    if not url and not file_id:
        fields.refuse(f"`{at}` has no file.", "Send `file_data` or `file_url`.", f"{at}.file_data")
    return Document(url=url, file_id="" if url else file_id, name=name)


def _data_url(url: str) -> tuple[str, str]:
    """Return media type and base64 data of a data URL, both empty for any other."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return "", ""
    return head.removeprefix("data:").partition(";")[0], data


# -- thoughts


def _thought(item: Object, at: str) -> Thought:
    said = fields.objects(item, "summary", f"{at}.") or fields.objects(item, "content", f"{at}.")
    text = "".join(fields.text(part, "text") for part in said)
    sealed = fields.text(item, "encrypted_content", f"{at}.")
    own = _opened(sealed)
    item_id = fields.text(item, "id", f"{at}.")
    if own:
        return Thought(text, own.get("signature", ""), own.get("sealed", ""), own.get("origin", ""), item_id)
    return Thought(text, sealed=sealed, origin=NAME, id=item_id)


def sealed(thought: Thought) -> str:
    """Return `encrypted_content` for a thought: OpenAI's own, or one that names its maker."""
    if not thought.signature and not thought.sealed:
        return ""
    if thought.origin == NAME:
        return thought.sealed
    kept = {"origin": thought.origin, "signature": thought.signature, "sealed": thought.sealed}
    return _SEAL + base64.b64encode(json_edit.dumps(kept)).decode()


def sealed_call(call: ToolCall) -> str:
    """Return `encrypted_content` that holds the signature of a call, which has no place of its own for it."""
    return _SEAL + base64.b64encode(json_edit.dumps({"call": call.id, "signature": call.signature})).decode()


def _signed(messages: list[Message], items: list[Object]) -> tuple[Message, ...]:
    """Give calls back the signatures that came as thoughts of their own."""
    kept = [_opened(str(item.get("encrypted_content") or "")) for item in items if item.get("type") == "reasoning"]
    signatures = {seal["call"]: seal.get("signature", "") for seal in kept if "call" in seal}
    if not signatures:
        return tuple(messages)
    return tuple(replace(m, parts=tuple(_with_signature(part, signatures) for part in m.parts)) for m in messages)


def _with_signature(part: Part, signatures: dict[str, str]) -> Part:
    if isinstance(part, ToolCall) and part.id in signatures:
        return replace(part, signature=signatures[part.id])
    return part


def _opened(text: str) -> dict[str, str]:
    """Undo `sealed`; empty when it is not ours."""
    if not text.startswith(_SEAL):
        return {}
    try:
        kept: Any = json_edit.loads(base64.b64decode(text.removeprefix(_SEAL), validate=True))
    except (binascii.Error, ValueError):
        return {}
    return {key: value for key, value in kept.items() if isinstance(value, str)} if isinstance(kept, dict) else {}
