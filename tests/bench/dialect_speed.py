"""Print how fast the dialects read and translate requests and streams: `python tests/bench/dialect_speed.py`."""

import json
import sys
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.dialects import anthropic, openai_chat
from app.dialects.translation import Side, Translation
from app.domain.chat import ApiRequest

REPEATS = 7


def chunk(text: str, *, null_usage: bool = True) -> bytes:
    """One small content chunk as OpenAI sends it."""
    event = {
        "id": "chatcmpl-A1b2C3d4E5f6G7h8I9j0K1l2M3n4O",
        "object": "chat.completion.chunk",
        "created": 1754432618,
        "model": "gpt-5-mini",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}],
    }
    if null_usage:
        event["usage"] = None
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def body(size: int) -> bytes:
    """A request of about `size` bytes with messages, and tools that have a `model` of their own."""
    message = {"role": "user", "content": 'Words, "quoted" words and\nnew lines. ' * 20}
    tool = {
        "type": "function",
        "function": {"name": "task", "parameters": {"properties": {"model": {"type": "string"}}}},
    }
    messages = [message] * max(1, size // len(json.dumps(message)))
    return json.dumps({"model": "gpt-5-mini", "stream": True, "messages": messages, "tools": [tool]}).encode()


def best_us(run: Callable[[], object], number: int) -> float:
    """Microseconds per call, the best of several rounds."""
    return min(timeit.repeat(run, number=number, repeat=REPEATS)) / number * 1e6


def stream_us(event: bytes, read_bytes: int, total: int = 4000) -> float:
    """Microseconds per event when a stream of `total` events comes in reads of `read_bytes`."""
    stream = event * total
    reads = [stream[at : at + read_bytes] for at in range(0, len(stream), read_bytes)]
    request = ApiRequest(openai_chat.parse_request(body(200)).operation, "m", stream=True, body=body(200))

    def run() -> None:
        reader = openai_chat.open_stream(request)
        for read in reads:
            reader.feed(read)

    return best_us(run, 3) / total


def anthropic_delta() -> bytes:
    """One small content event as Anthropic sends it."""
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " Hello"}}
    return b"event: content_block_delta\ndata: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def translated_us(client: Side, provider: Side, event: bytes, read_bytes: int, total: int = 4000) -> float:
    """Microseconds per event of a translated stream."""
    request = ApiRequest(openai_chat.parse_request(body(200)).operation, "m", stream=True, body=body(200))
    stream = event * total
    reads = [stream[at : at + read_bytes] for at in range(0, len(stream), read_bytes)]

    def run() -> None:
        reader = Translation(client, provider).open_stream(request)
        for read in reads:
            reader.feed(read)

    return best_us(run, 3) / total


def conversation(turns: int = 24) -> bytes:
    """A request of about 10 kB with turns and tools, readable in both dialects but for its tools."""
    words = 'Words, "quoted" words and\nnew lines. ' * 9
    messages = [{"role": "user" if at % 2 == 0 else "assistant", "content": words} for at in range(turns)]
    return json.dumps({"model": "m", "max_tokens": 1000, "stream": True, "messages": messages}).encode()


def print_translations() -> None:
    """Print what a translation costs."""
    print("translated                                 us/event, 64 kB reads   one per read")
    openai_event = chunk(" Hello")
    for name, client, provider, event in (
        ("OpenAI client, Anthropic provider", openai_chat, anthropic, anthropic_delta()),
        ("Anthropic client, OpenAI provider", anthropic, openai_chat, openai_event),
    ):
        many, single = (translated_us(client, provider, event, size) for size in (65536, len(event)))
        print(f"  {name:42} {many:18.2f} {single:14.2f}")
    data = conversation()
    up = best_us(lambda: anthropic.write_request(openai_chat.read_request(data), "claude"), 300)
    down = best_us(lambda: openai_chat.write_request(anthropic.read_request(data), "gpt"), 300)
    print(f"  request of {len(data):,} bytes: OpenAI to Anthropic {up:.0f} us, Anthropic to OpenAI {down:.0f} us")


def main() -> None:
    """Print the table."""
    event = chunk(" Hello")
    crlf = event.replace(b"\n\n", b"\r\n\r\n")
    usage = event.replace(b'"usage":null', b'"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}')
    print(f"stream, chunks of {len(event)} bytes             us/chunk   chunks/s")
    rows = [
        ("64 kB reads", event, 65536),
        ("one chunk per read", event, len(event)),
        ("1 kB reads", event, 1000),
        ("64 kB reads, CRLF", crlf, 65536),
        ("one chunk per read, CRLF", crlf, len(crlf)),
        ("64 kB reads, usage in every chunk", usage, 65536),
        ("one chunk per read, usage in every chunk", usage, len(usage)),
    ]
    for name, sent, read_bytes in rows:
        us = stream_us(sent, read_bytes)
        print(f"  {name:42} {us:8.2f} {1e6 / us:10,.0f}")
    print("request                                    us parse  us build")
    for size in (500, 1500, 20_000, 200_000, 5_000_000):
        data = body(size)
        request = openai_chat.parse_request(data)
        number = max(3, 2_000_000 // len(data))
        parse = best_us(lambda data=data: openai_chat.parse_request(data), number)
        build = best_us(lambda request=request: openai_chat.build_request(request, "another-model"), number)
        print(f"  {len(data):>9,} bytes {'':27} {parse:8.1f}  {build:8.1f}")
    print_translations()


if __name__ == "__main__":
    main()
