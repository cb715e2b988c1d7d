"""Gemini's list of models, as its clients get it and as Google sends it."""

import json
from typing import Any

from app.dialects.gemini_models import render_model, render_models
from app.dialects.openai_models import parse_models
from app.domain.models import ModelInfo


def test_every_name_comes_once_with_its_limits() -> None:
    big = ModelInfo("a/b", context_length=100, max_output_tokens=10)
    entries = [("one", big), ("two", ModelInfo("a/b")), ("one", ModelInfo("e", capabilities=("embeddings",)))]
    first, second = json.loads(render_models(entries))["models"]
    assert (first["name"], first["inputTokenLimit"], first["outputTokenLimit"]) == ("models/a/b", 100, 10)
    assert "generateContent" in first["supportedGenerationMethods"]
    assert (second["name"], second["supportedGenerationMethods"]) == (
        "models/e",
        ["embedContent", "batchEmbedContents"],
    )
    assert json.loads(render_model("one", big)) == first


def test_what_is_written_can_be_read() -> None:
    info = ModelInfo("m", context_length=100, max_output_tokens=10)
    read = parse_models(render_models([("one", info)]))[0]
    assert (read.id, read.context_length, read.max_output_tokens) == ("m", 100, 10)


def test_a_model_without_limits_says_nothing_of_them() -> None:
    out: dict[str, Any] = json.loads(render_model("one", ModelInfo("m")))
    assert "inputTokenLimit" not in out
