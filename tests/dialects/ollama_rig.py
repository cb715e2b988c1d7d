"""What the tests of the Ollama dialect share: its golden files, requests, and a reader of its lines."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.dialects import ollama
from app.domain.hub import ChatRequest

HERE = Path(__file__).parent / "golden" / "ollama"


def golden(name: str) -> list[Any]:
    """The cases of a golden file, each with its name as its id."""
    cases = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    return [pytest.param(case, id=case["name"]) for case in cases]


def ollama_request(**more: Any) -> ChatRequest:
    """An Ollama client's request."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **more}
    return ollama.read_request(json.dumps(body).encode())


def lines_of(stream: bytes) -> list[dict[str, Any]]:
    """Every line of a stream; all must end, and none be blank."""
    assert not stream or stream.endswith(b"\n")
    return [json.loads(line) for line in stream.split(b"\n")[:-1]]


def stream_of(lines: list[dict[str, Any]]) -> bytes:
    """A provider's stream."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
