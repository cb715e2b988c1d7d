"""Write an answer as a Responses object: items of output, status and usage."""

from app.dialects import json_edit
from app.dialects.fields import Object
from app.dialects.responses_items import sealed, sealed_call
from app.dialects.responses_tools import Called, names_of, unwrapped
from app.domain.hub import ChatRequest, Image, Part, Refusal, Text, Thought, ToolCall
from app.domain.hub_reply import ChatReply, Citation, Finish
from app.domain.usage import Usage

_INCOMPLETE = {Finish.LENGTH: "max_output_tokens", Finish.FILTER: "content_filter"}


def write_reply(reply: ChatReply, request: ChatRequest) -> bytes:
    """Write it for the client that sent `request`; the dialect knows one answer only."""
    choice = reply.choices[0]
    stem = stem_of(reply.id)
    output = _items(choice.parts, choice.citations, stem, request)
    head = write_head(request, f"resp_{stem}", reply.model, reply.created)
    return json_edit.dumps(head | write_end(choice.finish, output, reply.usage))


def stem_of(reply_id: str) -> str:
    """Return the part that the ids of a response and of its items share."""
    return "".join(c for c in reply_id if c.isascii() and c.isalnum())[-40:] or "0"


def write_head(request: ChatRequest, response_id: str, model: str, created: int) -> Object:
    """Write what is known of a response when it begins; the client's wishes are given back as they were sent."""
    echo: Object = request.spelling.get("echo", {})
    reasoning = echo.get("reasoning", {})
    return {
        "id": response_id,
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": echo.get("instructions"),
        "max_output_tokens": echo.get("max_output_tokens"),
        "model": model or request.model,
        "output": [],
        "parallel_tool_calls": echo.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": False,
        "temperature": echo.get("temperature", 1),
        "text": {"format": {"type": "text"}} | echo.get("text", {}),
        "tool_choice": echo.get("tool_choice", "auto"),
        "tools": [_echoed(tool) for tool in echo.get("tools", [])],
        "top_p": echo.get("top_p", 1),
        "truncation": "disabled",
        "metadata": echo.get("metadata", {}),
        "prompt_cache_key": echo.get("prompt_cache_key"),
        **_FIXED,
        **({"user": echo["user"]} if "user" in echo else {}),
    }


_FIXED: Object = {
    "completed_at": None,
    "usage": None,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_logprobs": 0,
    "max_tool_calls": None,
    "service_tier": "default",
    "safety_identifier": None,
}
"""What Open Responses demands of a response and nobody can ask for here; when it was over is not known."""


def _echoed(tool: Object) -> Object:
    """Write a tool as it was sent; a function says of everything that it was not sent, too."""
    if tool.get("type", "function") != "function":
        return tool
    return {"type": "function", "description": None, "parameters": None, "strict": None} | tool


def write_end(finish: Finish, output: list[Object], usage: Usage) -> Object:
    """Write what a response has when it is over; a refusal without words of refusal counts as filtered."""
    reason = _INCOMPLETE.get(finish)
    if finish is Finish.REFUSAL and not any(map(_refuses, output)):
        reason = _INCOMPLETE[Finish.FILTER]
    return {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": write_usage(usage),
    }


def _refuses(item: Object) -> bool:
    return any(part.get("type") == "refusal" for part in item.get("content") or ())


def write_usage(usage: Usage) -> Object:
    """Write usage: the input counts cached tokens in; what is unknown is 0 where OpenAI's schema needs a number."""
    into, out = usage.input or 0, usage.output or 0
    return {
        "input_tokens": into,
        "input_tokens_details": {"cached_tokens": usage.cache_read or 0, "cache_write_tokens": usage.cache_write or 0},
        "output_tokens": out,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": into + out,
    }


# -- items


def write_text(text: str, annotations: list[Object]) -> Object:
    """Write a part of a message."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def write_message(item_id: str, content: list[Object], status: str = "completed") -> Object:
    """Write a message of the model."""
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def write_thought(item_id: str, thought: Thought) -> Object:
    """Write a thought: its words as a summary, which clients show, and what its maker needs to take it back."""
    out: Object = {"id": item_id, "type": "reasoning", "summary": []}
    if thought.text:
        out["summary"] = [{"type": "summary_text", "text": thought.text}]
    if seal := sealed(thought):
        out["encrypted_content"] = seal
    return out


def write_signature(item_id: str, call: ToolCall) -> Object:
    """Write the signature of a call as a thought without words in front of it, which clients send back whole."""
    return {"id": item_id, "type": "reasoning", "summary": [], "encrypted_content": sealed_call(call)}


def write_call(item_id: str, call: ToolCall, called: Called, status: str = "completed") -> Object:
    """Write a call as the client knows the tool."""
    out: Object = {"id": item_id, "call_id": call.id, "name": called.name, "status": status}
    if called.custom:
        out |= {"type": "custom_tool_call", "input": unwrapped(call.arguments)}
    else:
        out |= {"type": "function_call", "arguments": call.arguments}
    return out | ({"namespace": called.namespace} if called.namespace else {})


def write_picture(item_id: str, image: Image, status: str = "completed") -> Object:
    """Write a picture as the call of the tool that makes pictures at OpenAI; one that is not whole has no `result`."""
    out: Object = {"id": item_id, "type": "image_generation_call", "status": status, "result": None}
    if status == "completed":
        form = image.media_type.removeprefix("image/") or "png"
        out |= {"result": image.data, "output_format": form}
    return out


def write_citation(citation: Citation, end: int) -> Object | None:
    """Write a source behind the words it belongs to, None when it has no address."""
    if not citation.url:
        return None
    return {"type": "url_citation", "url": citation.url, "title": citation.title, "start_index": 0, "end_index": end}


def _items(parts: tuple[Part, ...], citations: tuple[Citation, ...], stem: str, request: ChatRequest) -> list[Object]:
    names, items = names_of(request), list[Object]()
    for part in map(_held, parts):
        at = len(items)
        if isinstance(part, Image):
            items.append(write_picture(f"ig_{stem}_{at}", part))
        elif isinstance(part, Thought):
            items.append(write_thought(f"rs_{stem}_{at}", part))
        elif isinstance(part, ToolCall):
            if part.signature:
                items.append(write_signature(f"rs_{stem}_{at}", part))
            called = names.get(part.name) or Called(part.name, custom=part.custom)
            call = part if part.custom or part.arguments.strip() else ToolCall(part.id, part.name, "{}")
            items.append(write_call(f"fc_{stem}_{len(items)}", call, called))
        elif isinstance(part, Text | Refusal):
            if not items or items[-1]["type"] != "message":
                items.append(write_message(f"msg_{stem}_{at}", []))
            _say(items[-1]["content"], part)
    _cite(items, citations)
    return items


def _held(part: Part) -> Part:
    """Return a picture that is only an address as words: the dialect knows data."""
    return Text(part.url) if isinstance(part, Image) and not part.data else part


def _say(content: list[Object], part: Text | Refusal) -> None:
    kind = "refusal" if isinstance(part, Refusal) else "text"
    if content and kind in content[-1]:
        content[-1][kind] += part.text
    else:
        content.append({"type": "refusal", "refusal": part.text} if kind == "refusal" else write_text(part.text, []))


def _cite(items: list[Object], citations: tuple[Citation, ...]) -> None:
    texts = [part for item in items if item["type"] == "message" for part in item["content"] if "text" in part]
    if texts:
        end = len(texts[-1]["text"])
        texts[-1]["annotations"] += [note for one in citations if (note := write_citation(one, end)) is not None]
