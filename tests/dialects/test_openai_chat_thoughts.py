"""Reasoning as clients send it back: words in one field, signatures in another."""

import json
from typing import Any

from app.dialects import anthropic
from app.dialects.openai_chat_thoughts import read_thoughts
from app.domain.hub import Thought
from dialects.translating import openai_request

SIGNED = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1", "signature": "S"}
SEALED = {"type": "reasoning.encrypted", "index": 1, "format": "anthropic-claude-v1", "data": "E"}
WORDLESS = {"type": "reasoning.text", "index": 0, "format": "google-gemini-v1", "signature": "G"}


def read(*details: dict[str, Any], plain: str = "Hm.") -> list[object]:
    return list(read_thoughts({"reasoning_content": plain, "reasoning_details": list(details)}))


def test_reasoning_details_tell_who_sealed_them() -> None:
    assert read(SIGNED | {"text": "Hm."}) == [Thought("Hm.", "S", origin="anthropic")]


def test_a_streamed_signature_gets_the_words_that_came_beside_it() -> None:
    assert read(SIGNED) == [Thought("Hm.", "S", origin="anthropic")]
    sealed = Thought(sealed="E", origin="anthropic")
    assert read(SEALED, SIGNED) == [sealed, Thought("Hm.", "S", origin="anthropic")]
    message = {"role": "assistant", "content": "a", "reasoning_content": "Hm.", "reasoning_details": [SIGNED]}
    request = openai_request(messages=[{"role": "user", "content": "Hi"}, message])
    blocks = json.loads(anthropic.write_request(request, "claude-sonnet-4-5").body)["messages"][1]["content"]
    assert blocks[0] == {"type": "thinking", "thinking": "Hm.", "signature": "S"}


def test_several_signatures_go_since_nobody_knows_which_words_are_whose() -> None:
    sealed = Thought(sealed="E", origin="anthropic")
    assert read(SIGNED, SEALED, SIGNED | {"index": 2}) == [Thought("Hm."), sealed]


def test_a_signature_of_what_was_said_and_a_seal_stay_beside_the_words() -> None:
    assert read(WORDLESS) == [Thought("Hm."), Thought(signature="G", origin="gemini")]
    assert read(SEALED) == [Thought("Hm."), Thought(sealed="E", origin="anthropic")]
    assert read(plain="") == []
