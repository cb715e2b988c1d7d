"""Model lists of every provider's shape in, OpenAI's out."""

import contextlib
import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects import openai_models
from app.domain.faults import FaultError, FaultKind, InBandError
from app.domain.models import ModelInfo


def test_googles_cloud_names_its_models_by_their_publisher() -> None:
    body = b'{"publisherModels":[{"name":"publishers/google/models/gemini-2.5-pro","versionId":"default"}]}'
    assert [model.id for model in openai_models.parse_models(body)] == ["gemini-2.5-pro"]


def test_a_deployment_says_which_model_it_is() -> None:
    rows = [{"id": "mine", "model": "gpt-4o", "object": "deployment"}, {"id": "o3", "model": "o3"}]
    models = openai_models.parse_models(json.dumps({"data": rows}).encode())
    assert [(model.id, model.base) for model in models] == [("mine", "gpt-4o"), ("o3", "")]


def test_coheres_models_say_what_they_are_for() -> None:
    rows = (
        b'{"name":"command-a-03-2025","endpoints":["chat","summarize"],"context_length":256000,"features":["tools"]}',
        b'{"name":"embed-v4.0","endpoints":["embed"],"context_length":128000}',
        b'{"name":"rerank-v3.5","endpoints":["rerank"],"context_length":4096}',
    )
    found = openai_models.parse_models(b'{"models":[%b]}' % b",".join(rows))
    assert [(model.id, model.context_length, model.capabilities) for model in found] == [
        ("command-a-03-2025", 256000, ()),
        ("embed-v4.0", 128000, ("embeddings",)),
        ("rerank-v3.5", 4096, ("rerank",)),
    ]


def test_golden(golden_models: dict[str, Any]) -> None:
    models = openai_models.parse_models(json.dumps(golden_models["body"]).encode())
    assert [{k: v for k, v in asdict(m).items() if v not in (None, (), "")} for m in models] == [
        {k: tuple(v) if isinstance(v, list) else v for k, v in expect.items()} for expect in golden_models["expect"]
    ]


@pytest.mark.parametrize("body", [b"", b"<html>", b"3", b"{}", b'{"data":{}}', b'{"models":null}'])
def test_what_is_no_list_is_a_fault(body: bytes) -> None:
    with pytest.raises(FaultError) as caught:
        openai_models.parse_models(body)
    assert caught.value.fault.kind is FaultKind.BAD_REPLY


def test_an_error_with_a_good_status_is_seen() -> None:
    with pytest.raises(InBandError, match="bad key"):
        openai_models.parse_models(b'{"error":{"message":"bad key"}}')


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(FaultError, InBandError):
        openai_models.parse_models(body)


NAMES = ["id", "name", "created", "capabilities", "type", "architecture", "limits", "context_length", "endpoints"]
KEYS = st.sampled_from(
    [*NAMES, "input_modalities", "supported_parameters", "supportedGenerationMethods", "top_provider"]
)
SIMPLE = st.none() | st.integers() | st.text(max_size=4) | st.floats(allow_nan=False, allow_infinity=False)
FIELDS = (
    SIMPLE
    | st.lists(SIMPLE | st.just({}) | st.just([]), max_size=2)
    | st.dictionaries(st.text(max_size=4), st.booleans() | SIMPLE, max_size=2)
)


@given(st.lists(st.dictionaries(KEYS, FIELDS, max_size=4), max_size=4))
def test_any_shape_of_an_entry_is_read(items: list[dict[str, Any]]) -> None:
    models = openai_models.parse_models(json.dumps(items).encode())
    openai_models.render_models(("p", model) for model in models)


def test_render() -> None:
    info = ModelInfo("m", created=5, context_length=10, max_output_tokens=2, capabilities=("chat",))
    entry = {
        "id": "m",
        "object": "model",
        "created": 5,
        "owned_by": "acme",
        "context_length": 10,
        "max_output_tokens": 2,
        "capabilities": ["chat"],
    }
    assert json.loads(openai_models.render_model("acme", info)) == entry
    unknown = {**entry, "id": "n", "created": 0, "context_length": None, "max_output_tokens": None, "capabilities": []}
    listed = json.loads(openai_models.render_models([("acme", info), ("acme", ModelInfo("n"))]))
    assert listed == {"object": "list", "data": [entry, unknown]}


def test_what_is_rendered_is_read_again() -> None:
    info = ModelInfo("m", created=5, context_length=10, max_output_tokens=2, capabilities=("chat", "tools"))
    assert openai_models.parse_models(openai_models.render_models([("acme", info)])) == (info,)


def test_recorded_lists(exchanges: list[dict[str, Any]]) -> None:
    lists = [e for e in exchanges if e["path"].endswith("/models")]
    assert len(lists) >= 3
    for exchange in lists:
        models = openai_models.parse_models(exchange["resp"].encode())
        assert models
        assert not any(model.id.startswith("models/") for model in models)
