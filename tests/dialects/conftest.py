"""What several test files of the dialects read: golden files and the recorded exchanges of real providers."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
RECORDED = HERE.parents[2] / "shared" / "fixtures"

SSE_PATHS = ("/chat/completions", "/v1/completions")


def _recorded(name: str) -> list[dict[str, Any]]:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"the recorded exchanges ({name}) are not beside the project")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def exchanges() -> list[dict[str, Any]]:
    """Exchanges with providers that speak an OpenAI dialect: chat, completions, embeddings and model lists."""
    ends = ("/chat/completions", "/completions", "/embeddings", "/models")
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if e["path"].endswith(ends)]


@pytest.fixture(scope="session")
def anthropic_exchanges() -> list[dict[str, Any]]:
    """Exchanges with Anthropic's `/v1/messages`."""
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if e["path"] == "/v1/messages"]


@pytest.fixture(scope="session")
def cohere_exchanges() -> list[dict[str, Any]]:
    """Exchanges with Cohere's `/v2/chat` and `/v2/embed`."""
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if e["path"] in ("/v2/chat", "/v2/embed")]


@pytest.fixture(scope="session")
def gemini_exchanges() -> list[dict[str, Any]]:
    """Exchanges with Gemini's `generateContent` and `streamGenerateContent`, of Google's two services."""
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if e["path"].endswith("enerateContent")]


@pytest.fixture(scope="session")
def gemini_embeddings() -> list[dict[str, Any]]:
    """Exchanges with Gemini's `batchEmbedContents` and `embedContent`."""
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if e["path"].endswith("mbedContents")]


@pytest.fixture(scope="session")
def responses_exchanges() -> list[dict[str, Any]]:
    """Exchanges with OpenAI's `/v1/responses`."""
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if e["path"].endswith("/responses")]


@pytest.fixture(scope="session")
def stored_exchanges() -> list[dict[str, Any]]:
    """Exchanges with OpenAI's `GET /v1/responses/{id}`."""
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if "/responses/resp_" in e["path"]]


@pytest.fixture(scope="session")
def compactions() -> list[dict[str, Any]]:
    """Exchanges with OpenAI's `/v1/responses/compact`."""
    return [e for e in _recorded("provider_exchanges.jsonl.gz") if e["path"].endswith("/responses/compact")]


@pytest.fixture(scope="session")
def client_requests() -> list[dict[str, Any]]:
    """Requests real clients sent, with the body parsed."""
    return _recorded("client_requests.jsonl.gz")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`golden_stream` runs a test once for every recorded quirk of a stream."""
    if "golden_stream" in metafunc.fixturenames:
        names = sorted(path.stem for path in (GOLDEN / "streams").glob("*.json"))
        metafunc.parametrize("golden_stream", names, indirect=True)
    for name in ("errors", "usage", "models"):
        if f"golden_{name}" in metafunc.fixturenames:
            cases = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
            metafunc.parametrize(f"golden_{name}", cases, ids=[case["name"] for case in cases])


@pytest.fixture
def golden_stream(request: pytest.FixtureRequest) -> dict[str, Any]:
    """One golden stream: `sent` and `forwarded` bytes and what must be known at its end."""
    folder = GOLDEN / "streams"
    case: dict[str, Any] = json.loads((folder / f"{request.param}.json").read_text("utf-8"))
    out = folder / f"{request.param}.out.sse"
    case["sent"] = (folder / f"{request.param}.sse").read_bytes()
    case["forwarded"] = out.read_bytes() if out.exists() else case["sent"]
    return case
