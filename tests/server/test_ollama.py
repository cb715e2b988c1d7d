"""What Ollama's clients ask beside answers, made of the model list."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.domain.faults import FaultError, FaultKind
from app.domain.models import ModelInfo
from app.engine.catalogue import ModelPage
from app.server import ollama
from app.server.gate import Visit
from app.server.local import Facade

GPT = ModelInfo("gpt", 1714557600, 128_000, capabilities=("chat", "tools", "vision", "reasoning", "structured_output"))
BARE = ModelInfo("vendor/bare")


class Page:
    """A program that only knows its models."""

    def models(self) -> ModelPage:
        return ModelPage((("acme", GPT), ("other", BARE), ("switchtower", ModelInfo("fast"))))


FACADE: Facade = Page()  # type: ignore[assignment]  # these answers are made of nothing else


def visit(body: Any = None) -> Visit:
    return Visit("POST", "/api/show", "me", "req_1", body=json.dumps(body).encode())


def show(**body: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(ollama.show(FACADE, visit(body)).body)
    return value


def test_the_version_is_one_that_editors_take() -> None:
    version = json.loads(ollama.version(FACADE, visit()).body)["version"]
    assert tuple(int(part) for part in version.split(".")) >= (0, 6, 4)


def test_the_root_says_what_clients_look_for() -> None:
    answer = ollama.running(FACADE, visit())
    assert answer.body == b"Ollama is running"
    assert answer.headers[0][1].startswith(b"text/plain")


def test_every_model_is_listed_behind_its_provider() -> None:
    models = json.loads(ollama.tags(FACADE, visit()).body)["models"]
    assert [model["name"] for model in models] == ["acme/gpt", "other/vendor/bare", "fast"]
    first = models[0]
    assert first["model"] == first["name"]
    assert first["modified_at"] == "2024-05-01T10:00:00Z"
    assert len(first["digest"]) == 64
    assert first["details"]["family"] == "acme"
    assert {"size", "details"} <= first.keys()


def test_nothing_is_loaded() -> None:
    assert json.loads(ollama.loaded(FACADE, visit()).body) == {"models": []}


@pytest.mark.parametrize("name", ["acme/gpt", "gpt"])
def test_a_model_is_described(name: str) -> None:
    shown = show(model=name)
    assert shown["capabilities"] == ["completion", "tools", "vision", "thinking"]
    arch = shown["model_info"]["general.architecture"]
    assert shown["model_info"][f"{arch}.context_length"] == 128_000
    assert shown["model_info"]["general.basename"] == "gpt"


def test_the_older_name_of_the_field_is_taken_and_what_is_unknown_is_not_invented() -> None:
    shown = show(name="vendor/bare")
    assert not any(key.endswith("context_length") for key in shown["model_info"])
    assert shown["capabilities"] == ["completion", "tools"]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ModelInfo("v", capabilities=("embeddings",)), ["embedding"]),
        (ModelInfo("v", capabilities=("vision", "json")), ["completion", "vision"]),
        (ModelInfo("text-embed-3"), ["embedding"]),
        (ModelInfo("v", capabilities=("chat", "completions", "fim")), ["completion", "insert"]),
    ],
)
def test_capabilities_in_ollamas_words(model: ModelInfo, words: list[str]) -> None:
    assert ollama.capabilities(model) == words


def test_an_unknown_or_missing_model_is_refused() -> None:
    with pytest.raises(FaultError) as unknown:
        show(model="acme/gtp")
    assert unknown.value.fault.kind is FaultKind.MODEL_NOT_FOUND
    assert "acme/gpt" in unknown.value.fault.remedy
    with pytest.raises(FaultError) as missing:
        show()
    assert missing.value.fault.kind is FaultKind.INVALID_REQUEST


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/api/generate", {"model": "acme/gpt"}, "load"),
        ("/api/generate", {"model": "acme/gpt", "prompt": "", "keep_alive": 0}, "unload"),
        ("/api/chat", {"model": "acme/gpt", "messages": []}, "load"),
    ],
)
def test_a_request_without_words_loads_a_model(path: str, body: dict[str, Any], reason: str) -> None:
    answer = ollama.load(FACADE, replace(visit(body), path=path))
    assert answer is not None
    value = json.loads(answer.body)
    assert (value["done"], value["done_reason"], value["model"]) == (True, reason, "acme/gpt")
    assert ("message" in value) == (path == "/api/chat")


@pytest.mark.parametrize(
    "body", [{"model": "m", "prompt": "x"}, {"model": "m", "prompt": "x" * 2000}, {"prompt": ""}, []]
)
def test_a_request_with_words_is_for_a_provider(body: dict[str, Any]) -> None:
    assert ollama.load(FACADE, replace(visit(body), path="/api/generate")) is None
