"""Cohere's chat as one module: what a translation needs of a provider."""

from app.dialects import anthropic, cohere, openai_chat
from app.dialects.translation import Answerer, Translation


def test_it_has_what_a_translation_needs() -> None:
    side: Answerer = cohere
    assert side.NAME == "cohere"
    for client in (openai_chat, anthropic):
        assert Translation(client, side).spoken == "cohere"


def test_error_bodies() -> None:
    told = cohere.parse_fault(b'{"id":"x","message":"model \'nope\' not found"}')
    assert told.message == "model 'nope' not found"
    assert cohere.parse_fault(b"<html>502</html>").message
