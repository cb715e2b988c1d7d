"""What a trial message is for and what is made of its answer; tests/test_runtime.py has the whole way."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.domain.chat import Answer
from app.domain.models import ModelInfo
from app.engine import trial
from app.engine.attempt import Call


def provider(*models: ModelInfo) -> Any:
    return SimpleNamespace(catalogue=SimpleNamespace(models=models))


@pytest.mark.parametrize(
    ("models", "chosen"),
    [
        ((), ""),
        (
            (ModelInfo("text-embedding-3"), ModelInfo("whisper-1"), ModelInfo("gpt-5-mini"), ModelInfo("gpt-5")),
            "gpt-5-mini",
        ),
        ((ModelInfo("bge", capabilities=("embeddings",)), ModelInfo("qwen", capabilities=("tools",))), "qwen"),
        ((ModelInfo("both", capabilities=("embeddings", "chat")),), "both"),
        ((ModelInfo("dall-e-3"),), ""),
    ],
)
def test_the_first_model_that_can_chat(models: tuple[ModelInfo, ...], chosen: str) -> None:
    assert trial.model_for(provider(*models)) == chosen


async def test_the_first_words_and_the_tokens_are_told() -> None:
    calls: list[Call] = []

    async def handle(call: Call) -> Answer:
        calls.append(call)
        body = (
            b'{"choices":[{"message":{"content":"Hello,\\n  %b"}}],"usage":{"prompt_tokens":9,"completion_tokens":16}}'
        )
        return Answer(200, (), body % (b"x" * 500))

    done = await trial.send(handle, "one", "m/x")
    assert (done.text[:8], len(done.text), done.problem) == ("Hello, x", 200, "")
    assert (done.input_tokens, done.output_tokens) == (9, 16)
    assert (calls[0].client, calls[0].request.model, calls[0].request.stream) == ("switchtower", "one/m/x", False)


@pytest.mark.parametrize("content", [b"null", b'["parts"]'])
async def test_an_answer_without_words_is_an_answer(content: bytes) -> None:
    async def handle(call: Call) -> Answer:
        return Answer(200, (), b'{"choices":[{"message":{"content":%b}}],"usage":null}' % content)

    done = await trial.send(handle, "one", "m")
    assert (done.text, done.problem, done.output_tokens) == ("", "", None)


async def test_a_refusal_is_a_problem_with_its_remedy() -> None:
    async def handle(call: Call) -> Answer:
        return Answer(502, (), b'{"error":{"message":"OpenAI refused the key. Replace it."}}')

    done = await trial.send(handle, "one", "m")
    assert (done.text, done.problem) == ("", "OpenAI refused the key. Replace it.")
