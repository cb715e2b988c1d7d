"""Token counts and finish reasons as Gemini writes them.

`promptTokenCount` includes cached tokens, but not what its own tools read (`toolUsePromptTokenCount`);
`candidatesTokenCount` does not include thoughts (`thoughtsTokenCount`). Seen in recordings: the total is the sum of
the four that are not cached.
"""

from typing import Any

from app.domain.hub_reply import Finish
from app.domain.usage import NO_USAGE, Usage, UsageSource

_FINISHES = {
    "STOP": Finish.STOP,
    "MAX_TOKENS": Finish.LENGTH,
    "SAFETY": Finish.FILTER,
    "RECITATION": Finish.FILTER,
    "BLOCKLIST": Finish.FILTER,
    "PROHIBITED_CONTENT": Finish.FILTER,
    "SPII": Finish.FILTER,
    "LANGUAGE": Finish.FILTER,
    "IMAGE_SAFETY": Finish.FILTER,
    "IMAGE_PROHIBITED_CONTENT": Finish.FILTER,
    "IMAGE_RECITATION": Finish.FILTER,
    "MODEL_ARMOR": Finish.FILTER,
}
_REASONS = {Finish.LENGTH: "MAX_TOKENS", Finish.REFUSAL: "SAFETY", Finish.FILTER: "SAFETY"}


def read_finish(reason: object, *, called: bool) -> Finish:
    """Read a finish reason; `STOP` with calls means the calls, what nobody knows counts as the model's own end."""
    finish = _FINISHES.get(reason, Finish.STOP) if isinstance(reason, str) else Finish.STOP
    return finish.settled(called=called)


def write_finish(finish: Finish) -> str:
    """Write a finish reason."""
    return _REASONS.get(finish, "STOP")


def parse_usage(usage: object) -> Usage:
    """Read `usageMetadata`; what is missing or no count stays unknown."""
    if not isinstance(usage, dict):
        return NO_USAGE
    prompt, cached = _count(usage, "promptTokenCount"), _count(usage, "cachedContentTokenCount")
    answer, thoughts = _count(usage, "candidatesTokenCount"), _count(usage, "thoughtsTokenCount")
    if prompt is None and answer is None and thoughts is None:
        return NO_USAGE
    fresh = None
    if prompt is not None:
        fresh = max(0, prompt - (cached or 0)) + (_count(usage, "toolUsePromptTokenCount") or 0)
    images = _modality(usage, "IMAGE")
    return Usage(
        fresh_input=fresh,
        cache_read=cached,
        output=None if answer is None and thoughts is None else (answer or 0) + (thoughts or 0),
        reasoning=thoughts,
        audio=_modality(usage, "AUDIO"),
        images=images,
        source=UsageSource.PROVIDER,
        images_written=None if images is None else _modality(usage, "IMAGE", _ANSWER) or 0,
    )


def merge_counts(known: dict[str, Any], usage: object) -> dict[str, Any]:
    """The `usageMetadata` of a stream so far: the largest of each count, for they are cumulative and may come late."""
    if not isinstance(usage, dict):
        return known
    return known | {
        key: value for key, value in usage.items() if _count(usage, key) is None or value >= (_count(known, key) or 0)
    }


def write_usage(usage: Usage) -> dict[str, Any]:
    """Write `usageMetadata`; what is unknown is left out."""
    thoughts = usage.reasoning or 0
    answer = None if usage.output is None else max(0, usage.output - thoughts)
    known = {
        "promptTokenCount": usage.input,
        "cachedContentTokenCount": usage.cache_read or None,
        "candidatesTokenCount": answer,
        "thoughtsTokenCount": thoughts or None,
    }
    out = {name: count for name, count in known.items() if count is not None}
    if usage.input is not None and usage.output is not None:
        out["totalTokenCount"] = usage.input + usage.output
    return out


_ANSWER = ("candidatesTokensDetails",)
_BOTH = ("promptTokensDetails", *_ANSWER)


def _modality(usage: dict[str, Any], name: str, places: tuple[str, ...] = _BOTH) -> int | None:
    """Tokens of one modality, of prompt and answer or just one of them; None when nobody counted them."""
    found = [
        count
        for key in places
        for item in _items(usage.get(key))
        if isinstance(item, dict) and item.get("modality") == name and (count := _count(item, "tokenCount")) is not None
    ]
    return sum(found) if found else None


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


_IMPOSSIBLE = 2**53


def _count(counts: object, name: str) -> int | None:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _IMPOSSIBLE else None
