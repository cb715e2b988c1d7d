"""Texts that were apart, as one: the same for every provider that takes only one."""

import json
from types import ModuleType
from typing import Any

import pytest

from app.dialects import cohere, gemini, ollama, openai_chat, responses, words
from app.domain.hub import Role
from dialects.translating import anthropic_request

TWO = [{"type": "text", "text": "a.py"}, {"type": "text", "text": ""}, {"type": "text", "text": "b.py"}]
JOINED = "a.py\\n\\nb.py"


@pytest.mark.parametrize("role", list(Role))
def test_a_blank_line_stands_between_texts_of_every_role_but_the_models(role: Role) -> None:
    assert words.join(("a", "", "b"), role) == ("ab" if role is Role.ASSISTANT else "a\n\nb")
    assert words.join((), role) == ""


@pytest.mark.parametrize("provider", [cohere, gemini, ollama, openai_chat, responses])
@pytest.mark.parametrize("failed", [False, True])
def test_texts_of_a_result_stay_apart(provider: ModuleType, failed: bool) -> None:
    call = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": "c", "content": TWO, "is_error": failed}
    turns = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    assert JOINED in provider.write_request(anthropic_request(messages=turns), "m").body.decode()


@pytest.mark.parametrize("provider", [ollama, openai_chat, responses])
def test_texts_of_instructions_stay_apart(provider: ModuleType) -> None:
    assert JOINED in provider.write_request(anthropic_request(system=TWO), "m").body.decode()


def test_an_ollama_provider_gets_the_pieces_of_an_answer_as_they_were() -> None:
    turns = [{"role": "user", "content": TWO}, {"role": "assistant", "content": TWO}]
    written = json.loads(ollama.write_request(anthropic_request(messages=turns), "m").body)
    assert [turn["content"] for turn in written["messages"]] == ["a.py\n\nb.py", "a.pyb.py"]
