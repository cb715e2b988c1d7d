"""Gemini as a provider: no field that it does not know, every call answered, signatures where they are needed."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from clients import checks
from clients.scripted import INPUT_TOKENS, OUTPUT_TOKENS, Say, Turn, pieces, vector
from clients.upstream import KEY, Asked, Sent, plain, shorn

MODEL = "gemini-3-flash-preview"
EMBEDS = "gemini-embedding-001"
SIGNATURE = base64.b64encode(b"signed by gemini").decode()
_WORDS = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
SKIPS = (*_WORDS, *(base64.b64encode(word.encode()).decode() for word in _WORDS))
"""What Google takes for the signature of a call that its model did not make; clients send it as it is or in base64."""
USAGE = {
    "promptTokenCount": INPUT_TOKENS,
    "cachedContentTokenCount": 3,
    "candidatesTokenCount": OUTPUT_TOKENS - 2,
    "thoughtsTokenCount": 2,
    "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
}
_FIELDS = checks.words(
    "contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent labels model"
)
_CONFIG = checks.words(
    "temperature topP topK candidateCount maxOutputTokens stopSequences responseMimeType responseSchema",
    "responseJsonSchema presencePenalty frequencyPenalty seed responseLogprobs logprobs thinkingConfig",
    "responseModalities speechConfig mediaResolution",
)
_DATA = checks.words("text inlineData fileData functionCall functionResponse executableCode codeExecutionResult")
_PART = _DATA | {"thought", "thoughtSignature", "videoMetadata", "mediaResolution"}
_FUNCTION = checks.words("name description parameters parametersJsonSchema response behavior responseJsonSchema")
_SCHEMA = checks.words(
    "type format title description nullable enum maxItems minItems properties required minProperties maxProperties",
    "minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum",
)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_LEVELS = frozenset({"minimal", "low", "medium", "high"})


class Gemini:
    """`generateContent`, `streamGenerateContent`, `countTokens` and `batchEmbedContents`."""

    name = "gemini"

    def listing(self, asked: Asked) -> Sent:
        rows = [(MODEL, ["generateContent", "countTokens"]), (EMBEDS, ["embedContent"])]
        models = [
            {"name": f"models/{name}", "inputTokenLimit": 1048576, "supportedGenerationMethods": methods}
            for name, methods in rows
        ]
        return plain({"models": models})

    def special(self, asked: Asked) -> Sent | None:
        if not asked.path.startswith((f"/v1beta/models/{MODEL}:", f"/v1beta/models/{EMBEDS}:")):
            return self.error(404, f"{asked.path} is not found for API version v1beta.")
        if asked.path.endswith(":countTokens"):
            return plain({"totalTokens": 4711})
        if not asked.path.endswith("mbedContents") and not asked.path.endswith(":embedContent"):
            return None
        one = asked.path.endswith(":embedContent")
        requests = [asked.json] if one else asked.json["requests"]
        vectors = []
        for request in requests:
            problems = list(
                checks.unknown(request, ("model", "content", "taskType", "title", "outputDimensionality"), "requests.")
            )
            if problems or (not one and request["model"] != f"models/{EMBEDS}"):
                return self.error(400, "; ".join(problems) or f"model {request['model']}")
            (part,) = request["content"]["parts"]
            vectors.append({"values": vector(part["text"], request.get("outputDimensionality") or 4)})
        return plain({"embedding": vectors[0]} if one else {"embeddings": vectors})

    def problems(self, asked: Asked) -> Iterator[str]:
        given, stream = _camel(asked.json), "alt=sse" in asked.query
        verb = "streamGenerateContent" if stream else "generateContent"
        if asked.headers.get("x-goog-api-key") != KEY or asked.path != f"/v1beta/models/{MODEL}:{verb}":
            yield f"key or path {asked.path}"
        yield from checks.unknown(given, _FIELDS, "")
        config = given.get("generationConfig") or {}
        yield from checks.unknown(config, _CONFIG, "generationConfig.")
        if len(config.get("stopSequences", ())) > 5 or not 0 <= config.get("temperature", 1) <= 2:
            yield "stopSequences or temperature"
        if config.get("responseSchema") is not None:
            yield from _reduced(config["responseSchema"], "responseSchema")
        thinking = config.get("thinkingConfig") or {}
        yield from checks.unknown(thinking, ("includeThoughts", "thinkingBudget", "thinkingLevel"), "thinkingConfig.")
        if "thinkingLevel" in thinking and thinking["thinkingLevel"].lower() not in _LEVELS:
            yield f"thinkingLevel {thinking['thinkingLevel']!r}"
        for tool in given.get("tools", ()):
            for declared in tool.get("functionDeclarations", ()):
                yield from _declared(declared)
        system = given.get("systemInstruction")
        if system is not None and not all(part.get("text") for part in system["parts"]):
            yield "systemInstruction: text only"
        yield from _contents(given["contents"])

    def read(self, asked: Asked) -> Turn:
        given = _camel(asked.json)
        declared = [one for tool in given.get("tools", ()) for one in tool.get("functionDeclarations", ())]
        turn = Turn(stream="alt=sse" in asked.query, tools=[one["name"] for one in declared])
        turn.system = checks.texts((given.get("systemInstruction") or {}).get("parts"))
        calling = (given.get("toolConfig") or {}).get("functionCallingConfig") or {}
        if calling.get("mode") == "ANY":
            turn.forced = (calling.get("allowedFunctionNames") or turn.tools)[0]
        config = given.get("generationConfig") or {}
        turn.thinks = bool((config.get("thinkingConfig") or {}).get("includeThoughts"))
        turn.shape = config.get("responseMimeType") if config.get("responseMimeType") == "application/json" else None
        for part in given["contents"][-1]["parts"]:
            if "functionResponse" in part:
                turn.results.append(json.dumps(part["functionResponse"]["response"], ensure_ascii=False))
            turn.words += part.get("text", "")
            turn.pictures += "inlineData" in part
        return turn

    def write(self, say: Say, asked: Asked, turn: Turn) -> Sent:
        thoughts = [{"text": say.thought, "thought": True}] if say.thought else []
        calls = [
            {"functionCall": {"name": name, "args": json.loads(arguments)}}
            | ({"thoughtSignature": SIGNATURE} if not at else {})
            for at, (name, arguments) in enumerate(say.calls)
        ]
        if not turn.stream:
            texts = [{"text": say.text}] if say.text else []
            return plain(_event([*thoughts, *texts, *calls], "STOP") | {"usageMetadata": USAGE})
        parts: list[dict[str, Any]] = [*thoughts, *({"text": piece} for piece in pieces(say.text)), *calls]
        early = {"promptTokenCount": INPUT_TOKENS, "totalTokenCount": INPUT_TOKENS}
        events = [_event([part]) | {"usageMetadata": early} for part in parts]
        events.append(_event([{"text": ""}], "STOP") | {"usageMetadata": USAGE})
        sent = [b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events]
        return shorn(say, Sent(sent, content_type="text/event-stream"))

    def error(self, status: int, message: str) -> Sent:
        names = {
            400: "INVALID_ARGUMENT",
            401: "UNAUTHENTICATED",
            404: "NOT_FOUND",
            429: "RESOURCE_EXHAUSTED",
            500: "INTERNAL",
        }
        body = {"error": {"code": status, "message": message, "status": names.get(status, "UNKNOWN")}}
        return Sent([json.dumps(body, indent=2).encode()], status)


_AS_SENT = frozenset({"args", "response", "parametersJsonSchema", "responseJsonSchema", "properties", "labels"})


def _camel(value: Any) -> Any:
    """The names of fields in camel case: Google takes both spellings, but what is the user's own keeps its names."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in _AS_SENT else _camel(inner) for name, inner in named.items()}


def _event(parts: list[dict[str, Any]], finish: str = "") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": MODEL, "responseId": "R1"}


def _declared(declared: dict[str, Any]) -> Iterator[str]:
    yield from checks.unknown(declared, _FUNCTION, "functionDeclarations.")
    if not _NAME.fullmatch(declared["name"]):
        yield f"functionDeclarations: name {declared['name']!r}"
    if "parameters" in declared and "parametersJsonSchema" in declared:
        yield "parameters and parametersJsonSchema"
    if "parameters" in declared:
        yield from _reduced(declared["parameters"], f"functionDeclarations.{declared['name']}.parameters")


def _reduced(value: Any, at: str) -> Iterator[str]:
    """A schema in Google's own subset."""
    yield from checks.unknown(value, _SCHEMA, f"{at}.")
    for name, inner in (value.get("properties") or {}).items():
        yield from _reduced(inner, f"{at}.{name}")
    if "items" in value:
        yield from _reduced(value["items"], f"{at}.items")


def _contents(contents: list[dict[str, Any]]) -> Iterator[str]:
    """Roles and parts, and that the turn behind calls answers each of them."""
    if contents[0].get("role", "user") != "user":
        yield "contents: the first is not the user's"
    words = [at for at, turn in enumerate(contents) if turn.get("role") == "user" and _is_words(turn)]
    owed: list[str] = []
    for at, turn in enumerate(contents):
        where = f"contents.{at}."
        yield from checks.unknown(turn, ("role", "parts"), where)
        for part in turn["parts"]:
            yield from _part(part, where)
        yield from _results(turn, owed, where)
        calls = [part for part in turn["parts"] if "functionCall" in part]
        if calls:
            yield from _calls(calls, turn["role"], where, signed=at > max(words, default=0))
        owed = [call["functionCall"]["name"] for call in calls]
    if owed:
        yield f"calls {owed} have no answer"


def _part(part: dict[str, Any], where: str) -> Iterator[str]:
    yield from checks.unknown(part, _PART, where)
    if len(_DATA & set(part)) != 1:
        yield f"{where}a part with {sorted(part)}"
    if "inlineData" in part:
        yield from checks.picture(part["inlineData"]["data"], part["inlineData"]["mimeType"], where, forgiving=True)


def _results(turn: dict[str, Any], owed: list[str], where: str) -> Iterator[str]:
    results = [part["functionResponse"] for part in turn["parts"] if "functionResponse" in part]
    if not turn["parts"]:
        yield f"{where}parts: empty"
    if [result["name"] for result in results] != owed:
        yield f"{where}calls {owed} are answered by {[result['name'] for result in results]}"
    if not all(isinstance(result["response"], dict) for result in results):
        yield f"{where}functionResponse.response: no object"


def _calls(calls: list[dict[str, Any]], role: str, where: str, *, signed: bool) -> Iterator[str]:
    """Calls are the model's; the first of a turn in progress is signed."""
    if role != "model" or not all(isinstance(call["functionCall"]["args"], dict) for call in calls):
        yield f"{where}calls of {role}, or without args"
    if signed and calls[0].get("thoughtSignature") not in (SIGNATURE, *SKIPS):
        yield f"{where}the first call has no thoughtSignature of mine: {calls[0].get('thoughtSignature')!r}"


def _is_words(turn: dict[str, Any]) -> bool:
    return not any("functionResponse" in part for part in turn["parts"])
