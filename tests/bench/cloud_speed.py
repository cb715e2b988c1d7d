"""Print what a cloud costs per request and event: `python tests/bench/cloud_speed.py`."""

import asyncio
import json
import sys
import time
import timeit
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from app.dialects import openai_chat
from app.dialects.aws_events import EventStream
from app.domain.secret import Secret
from app.engine import wire
from app.engine.bus import Bus
from app.engine.provider import Provider
from app.net.authoriser import Unsigned
from app.net.aws_login import AwsLogin
from app.providers.catalog import CATALOG
from app.store.settings import Provider as Settings
from contract.clouds import ACCESS_KEY, SECRET_KEY, packed

REPEATS = 7
URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/a%3A0/invoke"


def best_us(run: Callable[[], object], number: int) -> float:
    """Microseconds per call, the best of several rounds."""
    return min(timeit.repeat(run, number=number, repeat=REPEATS)) / number * 1e6


def write_us(kind: str) -> float:
    """Microseconds to write a request of 1 kB for a provider."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi" * 450}]}).encode()
    spec = next(row for row in CATALOG if row.id == kind)
    provider = Provider(Settings(id="p", kind=kind, base_url="https://x.example/v1"), spec, None, Bus())
    request = openai_chat.parse_request(body)
    return best_us(lambda: wire.write(openai_chat, request, provider, "m", ""), 20_000)


async def sign_us(size: int) -> float:
    """Microseconds to sign a request of that size."""
    login = AwsLogin("Bedrock", Secret(f"{ACCESS_KEY}:{SECRET_KEY}"))
    asked = Unsigned("POST", URL, (("content-type", "application/json"),), b"x" * size)
    await login.headers(asked)
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(200):
            await login.headers(asked)
        best = min(best, (time.perf_counter() - began) / 200)
    return best * 1e6


def main() -> None:
    """Measure and print."""
    for kind in ("openai", "azure-deployments"):
        print(f"write a request for {kind:20} {write_us(kind):8.2f} µs")
    for size in (1_000, 200_000):
        print(f"sign {size:7} bytes for AWS          {asyncio.run(sign_us(size)):8.1f} µs")
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello there"}}
    message, stream = packed(json.dumps(delta).encode()), EventStream()
    print(f"unpack one event of Amazon's stream  {best_us(lambda: stream.feed(message), 20_000):8.1f} µs")


if __name__ == "__main__":
    main()
