"""Templates of paths."""

import pytest

from app.dialects import anthropic, gemini, ollama, openai_chat, openai_completions, openai_embeddings, passthrough
from app.dialects.dialect import Dialect
from app.dialects.paths import fill
from app.domain.faults import FaultError, FaultKind


@pytest.mark.parametrize(
    ("template", "model", "path"),
    [
        ("/chat/completions", "gpt-5", "/chat/completions"),
        ("/models/{model}:go", "models/gemini-3", "/models/gemini-3:go"),
        ("/model/{model}/invoke", "anthropic.claude-v2:0", "/model/anthropic.claude-v2%3A0/invoke"),
        ("/model/{model}/invoke", "arn:aws:bedrock:r:1:p/x", "/model/arn%3Aaws%3Abedrock%3Ar%3A1%3Ap%2Fx/invoke"),
        ("/models/{model}:rawPredict", "claude-sonnet-4@20250514", "/models/claude-sonnet-4@20250514:rawPredict"),
        ("/deployments/{model}{path}?api-version=1", "my one", "/deployments/my%20one/own/path?api-version=1"),
        ("/models/{model}:go", "..a/b..?x#y", "/models/..a%2Fb..%3Fx%23y:go"),
        ("/models/{model}:go", "{path}", "/models/%7Bpath%7D:go"),
    ],
)
def test_filling(template: str, model: str, path: str) -> None:
    assert fill(template, model, "/own/path") == path


@pytest.mark.parametrize(
    "model", ["", ".", "..", "...", "models/..", "a/../b", "../../../secret?x#y", "a/.", "a\\..\\b"]
)
def test_a_name_that_would_lead_elsewhere_is_refused(model: str) -> None:
    with pytest.raises(FaultError) as caught:
        fill("/model/{model}/invoke", model)
    assert (caught.value.fault.kind, caught.value.fault.param) == (FaultKind.INVALID_REQUEST, "model")
    assert fill("/chat", model) == "/chat"


@pytest.mark.parametrize(
    "dialect",
    [anthropic, gemini, ollama, openai_chat, openai_completions, openai_embeddings, *passthrough.DIALECTS],
)
def test_every_dialect_says_its_paths(dialect: Dialect) -> None:
    assert dialect.PATH.startswith("/")
    assert dialect.STREAM_PATH.startswith("/")
