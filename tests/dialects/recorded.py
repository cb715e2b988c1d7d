"""The recorded exchanges and requests as test cases, each with the dialect it is in; empty where they are not there."""

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.dialects import (
    anthropic,
    cohere,
    gemini,
    ollama,
    ollama_generate,
    openai_chat,
    openai_completions,
    openai_embeddings,
    responses,
)
from app.domain.chat import ApiRequest

FOLDER = Path(__file__).parents[3] / "shared" / "fixtures"
MISSING = "the recorded exchanges are not beside the project"

_BY_END: tuple[tuple[str, ModuleType], ...] = (
    ("/chat/completions", openai_chat),
    ("/completions", openai_completions),
    ("/embeddings", openai_embeddings),
    ("/responses", responses),
    ("/v1/messages", anthropic),
    ("/v2/chat", cohere),
    ("enerateContent", gemini),
    ("/api/chat", ollama),
    ("/api/generate", ollama_generate),
)


@dataclass(frozen=True)
class Exchange:
    """What was sent and what came back; `resp` as bytes, `streamed` when it came as events."""

    id: int
    provider: str
    dialect: ModuleType
    path: str
    model: str
    sent: dict[str, Any]
    status: int
    resp: bytes
    streamed: bool

    @property
    def name(self) -> str:
        """For the test's id."""
        kind = "stream" if self.streamed else "plain" if self.status == 200 else str(self.status)
        return f"{short(self.dialect)}-{self.provider}-{self.id}-{kind}"


def short(dialect: ModuleType) -> str:
    """The dialect's name for a test's id."""
    return dialect.__name__.rpartition(".")[2]


def dialect_of(path: str) -> ModuleType | None:
    """The dialect of a path, None when the program has none for it."""
    path = path.partition("?")[0]
    return next((dialect for end, dialect in _BY_END if path.endswith(end)), None)


def _lines(name: str) -> list[dict[str, Any]]:
    path = FOLDER / name
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Every recorded exchange in a dialect that the program has."""
    found = []
    for row in _lines("provider_exchanges.jsonl.gz"):
        dialect = dialect_of(row["path"])
        if dialect is None or row["method"].upper() != "POST" or not isinstance(row["req"], dict):
            continue
        streamed = "event-stream" in str(row["ct"]) or "streamGenerateContent" in row["path"]
        sent = row["req"] if dialect is gemini else {"model": row["model"] or "m"} | row["req"]
        model = gemini_model(row["path"]) if dialect is gemini else sent["model"]
        resp = _as_events(row["resp"]) if streamed else row["resp"].encode()
        found.append(
            Exchange(row["id"], row["provider"], dialect, row["path"], model, sent, row["status"], resp, streamed)
        )
    return tuple(found)


def _as_events(resp: str) -> bytes:
    """A stream; an array of Gemini's, which comes without `alt=sse`, as the events it would be with it."""
    if not resp.startswith("["):
        return resp.encode()
    return b"".join(b"data: " + json.dumps(item).encode() + b"\r\n\r\n" for item in json.loads(resp))


@cache
def client_requests() -> tuple[tuple[str, ModuleType, str, dict[str, Any]], ...]:
    """Name, dialect, path and body of every request of a real client in a dialect that the program has."""
    return tuple(
        (f"{row['client']}-{row['seq']}", dialect, row["path"], row["body"])
        for row in _lines("client_requests.jsonl.gz")
        if isinstance(row["body"], dict) and (dialect := dialect_of(row["path"])) is not None
    )


def gemini_model(path: str) -> str:
    """The model that a path of Gemini's names."""
    return path.rpartition("/")[2].partition(":")[0]


def parser(dialect: ModuleType, path: str) -> Callable[[bytes], ApiRequest]:
    """`parse_request` with what a path of Gemini's says."""
    if dialect is gemini:
        return partial(gemini.parse_request, model=gemini_model(path), stream="streamGenerateContent" in path)
    parse: Callable[[bytes], ApiRequest] = dialect.parse_request
    return parse


def cases(found: Iterable[Exchange]) -> list[Any]:
    """Parameters named after the exchange; one that is skipped when there are no recordings."""
    params = [pytest.param(exchange, id=exchange.name) for exchange in found]
    return params or [pytest.param(None, marks=pytest.mark.skip(reason=MISSING))]
