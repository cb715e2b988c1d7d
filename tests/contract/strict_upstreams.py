"""Upstreams that insist on their own thoughts, as the real ones do: each answer is signed, each request is checked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contract import anthropic_upstream, gemini_upstream, responses_upstream

Object = dict[str, Any]


@dataclass
class StrictAnthropic(anthropic_upstream.AnthropicUpstream):
    """Calls a tool until `steps` results have come; thinking must go on with the very thoughts it has signed."""

    steps: int = 2
    signed: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def _answer(self, asked: anthropic_upstream.Asked) -> None:
        """Look at a request, and choose what it gets."""
        request = json.loads(asked.body)
        fault = self._fault(request)
        if fault:
            self.refused.append(fault)
            self.status, self.body = 400, anthropic_upstream.error("invalid_request_error", fault)
            return
        made = sum(block["type"] == "tool_result" for block in _blocks(request["messages"]))
        n = len(self.signed) + 1
        text, signature = f"Thought {n}, é.", f"SIG{n}=="
        self.signed[signature] = text
        blocks: list[Object] = [{"type": "thinking", "thinking": text, "signature": signature}]
        blocks += [{"type": "redacted_thinking", "data": f"SEAL{n}=="}] if n == 1 else []
        if made < self.steps:
            call = {"type": "tool_use", "id": f"toolu_0123456789_{n}", "name": "look", "input": {"at": n}}
            blocks += [{"type": "text", "text": f"Step {n}."}, call]
        else:
            blocks.append({"type": "text", "text": "It is 42."})
        stop = "tool_use" if made < self.steps else "end_turn"
        self.status, self.body = 200, anthropic_upstream.answer(*blocks, stop=stop)
        self.events = list(_anthropic_events(blocks, stop))

    def _fault(self, request: Object) -> str:
        if request.get("thinking", {}).get("type") not in ("enabled", "adaptive"):
            return "this test wants thinking to be on in every step"
        for at, turn in enumerate(request["messages"]):
            if turn["role"] != "assistant" or isinstance(turn["content"], str):
                continue
            kinds = [block["type"] for block in turn["content"]]
            if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
                return (
                    f"messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kinds[0]}`"
                )
            for block in turn["content"]:
                if block["type"] == "thinking" and self.signed.get(block["signature"]) != block["thinking"]:
                    return f"messages.{at}.content.0: Invalid `signature` in `thinking` block"
        return ""


def _blocks(messages: list[Object]) -> Iterator[Object]:
    for turn in messages:
        yield from turn["content"] if isinstance(turn["content"], list) else ()


def _anthropic_events(blocks: list[Object], stop: str) -> Iterator[Object]:
    began = anthropic_upstream.events()[0]
    yield began
    for at, block in enumerate(blocks):
        kind = block["type"]
        empty: Object = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(kind, {})
        yield {"type": "content_block_start", "index": at, "content_block": block | empty | _no_input(block)}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        yield {"type": "content_block_stop", "index": at}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": stop, "stop_sequence": None},
        "usage": {"output_tokens": 7},
    }
    yield {"type": "message_stop"}


def _no_input(block: Object) -> Object:
    return {"input": {}} if block["type"] == "tool_use" else {}


def _deltas(block: Object) -> Iterator[Object]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": word} for word in block["text"].partition(" ") if word)
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": word} for word in block["thinking"].partition(" ") if word)
        yield from (
            {"type": "signature_delta", "signature": half} for half in (block["signature"][:3], block["signature"][3:])
        )
    elif block["type"] == "tool_use":
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in ("", json.dumps(block["input"])))


@dataclass
class StrictGemini(gemini_upstream.GeminiUpstream):
    """Calls two tools at once until `steps` results have come; the first call of every turn must have its signature."""

    steps: int = 4
    signed: dict[str, Object] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def _answer(self, asked: gemini_upstream.Asked) -> None:
        """Look at a request, and choose what it gets."""
        fault = self._fault(asked.json)
        if fault:
            self.refused.append(fault)
            problem = {"code": 400, "message": fault, "status": "INVALID_ARGUMENT"}
            self.status, self.body = 400, {"error": problem}
            return
        made = sum("functionResponse" in part for turn in asked.json["contents"] for part in turn["parts"])
        n = len(self.signed) + 1
        parts: list[Object] = [{"text": f"It is 42, {n}.", "thoughtSignature": f"R0VN{n}"}]
        if made < self.steps:
            call = {"name": "look", "args": {"at": n}}
            parts = [
                {"functionCall": call, "thoughtSignature": f"R0VN{n}"},
                {"functionCall": {"name": "wait", "args": {}}},
            ]
            self.signed[f"R0VN{n}"] = call
        body = gemini_upstream.answer(*parts) | {"responseId": f"Response-{n}-0123456789"}
        self.status, self.body, self.events = 200, body, [body]

    def _fault(self, request: Object) -> str:
        for at, turn in enumerate(request["contents"]):
            calls = [part for part in turn["parts"] if "functionCall" in part]
            if turn["role"] != "model" or not calls:
                continue
            call, signature = calls[0]["functionCall"], calls[0].get("thoughtSignature")
            said = {key: value for key, value in call.items() if key != "id"}
            if self.signed.get(str(signature)) != said:
                return f"Function call `{call['name']}` in the {at}. content block is missing its `thought_signature`."
        return ""


@dataclass
class StrictResponses(responses_upstream.ResponsesUpstream):
    """Calls a tool until `steps` results have come; every call must come back behind its own sealed thought."""

    steps: int = 2
    refused: list[str] = field(default_factory=list)

    def _make(self, wanted: Object) -> tuple[int, bytes, str]:
        items = wanted["input"]
        fault = next((told for at, item in enumerate(items) if (told := self._fault(items, at, item))), "")
        if fault or wanted.get("include") != ["reasoning.encrypted_content"]:
            self.refused.append(fault or "no seal was asked for")
            self.error = (400, {"message": self.refused[-1], "type": "invalid_request_error"})
            return self._answer(self.asked[-1])
        n = len(self.asked)
        summary = [{"type": "summary_text", "text": f"Thought {n}."}]
        thought = {"id": f"rs_{n}", "type": "reasoning", "summary": summary, "encrypted_content": f"SEAL{n}"}
        call = {"id": f"fc_{n}", "type": "function_call", "status": "completed", "call_id": f"call_0123456789_{n}"}
        call |= {"name": "look", "arguments": json.dumps({"at": n})}
        made = sum(item["type"] == "function_call_output" for item in items)
        self.output = [thought, call] if made < self.steps else [thought, responses_upstream.message("It is 42.")]
        return super()._make(wanted)

    def _fault(self, items: list[Object], at: int, item: Object) -> str:
        if item["type"] != "function_call":
            return ""
        before = items[at - 1]
        seal = item["call_id"].replace("call_0123456789_", "SEAL")
        if before["type"] != "reasoning" or before["encrypted_content"] != seal:
            return (
                f"Item '{item['call_id']}' of type 'function_call' was provided without its required 'reasoning' item."
            )
        return ""
