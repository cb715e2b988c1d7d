"""Print what a translation costs for every client and provider: `python tests/bench/translation_speed.py`.

A request is a conversation of 24 turns with four tools and two calls, about 12 kB. A stream has 2,000 events of a word
each, in reads of 16 kB and with one event per read. `--profile chat-anthropic` shows where the time of one pair goes.
"""

import argparse
import cProfile
import json
import pstats
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from app.dialects import gemini
from app.dialects.translation import Translation
from app.domain.chat import ApiRequest
from dialects import invented, matrix
from dialects.invented import Invented

EVENTS = 2000
REPEATS = 5
WORDS = 'Words, "quoted" words and\nnew lines. ' * 9
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "depth": {"type": "integer"}}}
TOOLS = [(f"tool_{at}", "Does something useful with a path.") for at in range(4)]
ARGUMENTS = {"path": "src/main.py", "depth": 3}


def best_us(run: Callable[[], object], number: int) -> float:
    """Microseconds of processor time per call, the best of several rounds: other programs do not count."""
    return min(timeit.repeat(run, timer=time.process_time, number=number, repeat=REPEATS)) / number * 1e6


def chat(*, ollama: bool = False) -> dict[str, Any]:
    """The conversation in OpenAI's dialect, or in Ollama's."""
    inner: dict[str, Any] = {"name": "tool_1", "arguments": ARGUMENTS if ollama else json.dumps(ARGUMENTS)}
    call = {"function": inner} if ollama else {"id": "call_1", "type": "function", "function": inner}
    turns = [{"role": role, "content": WORDS} for _ in range(11) for role in ("user", "assistant")]
    result = {"role": "tool", "content": WORDS} | ({"tool_name": "tool_1"} if ollama else {"tool_call_id": "call_1"})
    used = [{"role": "assistant", "content": "", "tool_calls": [call]}, result]
    tools = [{"type": "function", "function": {"name": n, "description": d, "parameters": SCHEMA}} for n, d in TOOLS]
    head = {"role": "system", "content": WORDS}
    return {"model": "m", "stream": True, "messages": [head, *turns, turns[0], *used], "tools": tools}


def claude() -> dict[str, Any]:
    """The conversation in Anthropic's dialect."""
    turns = [{"role": role, "content": WORDS} for _ in range(11) for role in ("user", "assistant")]
    used = [{"type": "tool_use", "id": "call_1", "name": "tool_1", "input": ARGUMENTS}]
    result = [{"type": "tool_result", "tool_use_id": "call_1", "content": WORDS}]
    end = [turns[0], {"role": "assistant", "content": used}, {"role": "user", "content": result}]
    tools = [{"name": name, "description": about, "input_schema": SCHEMA} for name, about in TOOLS]
    head = {"model": "m", "stream": True, "max_tokens": 1000, "system": WORDS}
    return {**head, "messages": [*turns, *end], "tools": tools}


def google() -> dict[str, Any]:
    """The conversation in Gemini's dialect."""
    turns = [{"role": role, "parts": [{"text": WORDS}]} for _ in range(11) for role in ("user", "model")]
    call = {"role": "model", "parts": [{"functionCall": {"name": "tool_1", "args": ARGUMENTS}}]}
    result = {"functionResponse": {"name": "tool_1", "response": {"output": WORDS}}}
    tools = [{"name": name, "description": about, "parametersJsonSchema": SCHEMA} for name, about in TOOLS]
    return {
        "systemInstruction": {"parts": [{"text": WORDS}]},
        "contents": [*turns, turns[0], call, {"role": "user", "parts": [result]}],
        "tools": [{"functionDeclarations": tools}],
    }


def codex() -> dict[str, Any]:
    """The conversation in the Responses dialect."""
    kinds = {"user": "input_text", "assistant": "output_text"}
    turns = [
        {"type": "message", "role": role, "content": [{"type": kinds[role], "text": WORDS}]}
        for _ in range(11)
        for role in ("user", "assistant")
    ]
    call = {"type": "function_call", "call_id": "call_1", "name": "tool_1", "arguments": json.dumps(ARGUMENTS)}
    result = {"type": "function_call_output", "call_id": "call_1", "output": WORDS}
    tools = [{"type": "function", "name": name, "description": about, "parameters": SCHEMA} for name, about in TOOLS]
    items = [*turns, turns[0], call, result]
    return {"model": "m", "stream": True, "instructions": WORDS, "input": items, "tools": tools}


ASKED: dict[str, dict[str, Any]] = {
    "chat": chat(),
    "responses": codex(),
    "anthropic": claude(),
    "gemini": google(),
    "ollama": chat(ollama=True),
}


def request_of(client: str) -> ApiRequest:
    """The client's request."""
    body = json.dumps(ASKED[client]).encode()
    if client == "gemini":
        return gemini.parse_request(body, "m", stream=True)
    request: ApiRequest = matrix.DIALECTS[client].parse_request(body)
    return request


def joined(client: str, provider: str) -> Translation:
    """The two dialects."""
    return Translation(matrix.DIALECTS[client], matrix.DIALECTS[provider])


def ask(client: str, provider: str) -> Callable[[], object]:
    """Translate a request."""
    request, model = request_of(client), matrix.MODELS.get(provider, "model-1")
    return lambda: joined(client, provider).write(request, model)


def answer(client: str, provider: str, read_bytes: int) -> Callable[[], object]:
    """Translate a stream in reads of `read_bytes`, 0: one event each."""
    events = _STREAMS.get(provider, lambda: _words(provider))()
    whole = b"".join(events)
    reads = [whole[at : at + read_bytes] for at in range(0, len(whole), read_bytes)] if read_bytes else events
    request = request_of(client)
    translation = joined(client, provider)
    translation.write(request, "m")

    def run() -> None:
        stream = translation.open_stream(request)
        for read in reads:
            stream.feed(read)
        stream.finish()
        if not stream.complete:
            raise RuntimeError(f"{client}-{provider}: the stream is not whole")

    return run


def _words(provider: str) -> list[bytes]:
    return invented.STREAMS[provider](Invented([("text", 0, " word")] * EVENTS, tokens=(9, 0, 9)))


def _one_item() -> list[bytes]:
    """A Responses stream with one message."""
    begin, added, _, *rest = invented.responses(Invented([("text", 0, " word" * EVENTS)], tokens=(9, 0, 9)))
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    delta = {"type": "response.output_text.delta", **place, "delta": " word"}
    return [begin, added, *invented.sse([delta] * EVENTS), *rest]


def _one_block() -> list[bytes]:
    """An Anthropic stream with one block."""
    usage = {"input_tokens": 9, "output_tokens": 1}
    items: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    delta = {"type": "text_delta", "text": " word"}
    items += [{"type": "content_block_delta", "index": 0, "delta": delta}] * EVENTS
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}
    return invented.sse([*items, {"type": "content_block_stop", "index": 0}, stop, {"type": "message_stop"}])


def _one_text() -> list[bytes]:
    """A Cohere stream with one text."""
    begin, start, delta, *_, stop, end = _words("cohere")
    return [begin, start, *[delta] * EVENTS, stop, end]


_STREAMS: dict[str, Callable[[], list[bytes]]] = {
    "responses": _one_item,
    "anthropic": _one_block,
    "cohere": _one_text,
}
"""Where the invented streams have an item or a block for every word."""


def rows(measure: Callable[[str, str], str]) -> Iterator[str]:
    """A table of clients and providers."""
    names = list(invented.STREAMS)
    yield f"| client | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for client in ASKED:
        cells = ("passed through" if client == provider else measure(client, provider) for provider in names)
        yield f"| {client} | {' | '.join(cells)} |"


def per_event(client: str, provider: str) -> str:
    """Microseconds per event, in large reads and one per read."""
    return " / ".join(f"{best_us(answer(client, provider, size), 1) / EVENTS:.1f}" for size in (16384, 0))


def main() -> None:
    """Print both tables, or where the time of one pair goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="")
    pair = parser.parse_args().profile
    if pair:
        client, provider = pair.split("-")
        for run in (ask(client, provider), answer(client, provider, 0)):
            profile = cProfile.Profile()
            profile.runcall(lambda run=run: [run() for _ in range(20)])
            pstats.Stats(profile).sort_stats("tottime").print_stats(18)
        return
    print(f"us per request of {len(json.dumps(chat())):,} bytes; providers to the right")
    print(*rows(lambda client, provider: f"{best_us(ask(client, provider), 100):.0f}"), sep="\n")
    print("\nus per event of a stream: reads of 16 kB / one event per read")
    print(*rows(per_event), sep="\n")


if __name__ == "__main__":
    main()
