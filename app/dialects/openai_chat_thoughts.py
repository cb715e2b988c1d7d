"""Read the reasoning of a message as OpenAI's cousins spell it: plain words, and OpenRouter's details."""

from dataclasses import replace

from app.dialects.fields import Object
from app.domain.hub import Part, Thought

_ORIGINS = {"anthropic-claude-v1": "anthropic", "openai-responses-v1": "responses", "google-gemini-v1": "gemini"}
"""OpenRouter's names for who sealed a piece of reasoning."""

FORMATS = {origin: name for name, origin in _ORIGINS.items()}

_SIGNS_WORDS = "gemini"
"""Whose signatures may stand alone: they belong to what was said."""


def read_thoughts(message: Object) -> list[Part]:
    """Read the reasoning of a message, whichever of the three fields it is in; OpenRouter's details know more."""
    details = message.get("reasoning_details")
    thoughts = (
        [read_detail(detail) for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    )
    plain = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(plain, str) and plain and not any(thought.text for thought in thoughts):
        return list(_worded(thoughts, plain))
    return list(thoughts)


def _worded(thoughts: list[Thought], plain: str) -> list[Thought]:
    """Join plain words with the one signature that came without any; of several nobody knows which words are whose."""
    bare = [at for at, one in enumerate(thoughts) if one.signature and one.origin != _SIGNS_WORDS]
    if len(bare) == 1:
        return [replace(one, text=plain) if at in bare else one for at, one in enumerate(thoughts)]
    return [Thought(plain), *(one for at, one in enumerate(thoughts) if at not in bare)]


def read_detail(detail: Object) -> Thought:
    """Read one of OpenRouter's `reasoning_details`: text, a summary or something encrypted."""

    def said(*keys: str) -> str:
        return next((value for key in keys if isinstance(value := detail.get(key), str)), "")

    return Thought(
        said("text", "summary"), said("signature"), said("data"), _ORIGINS.get(said("format"), ""), said("id")
    )
