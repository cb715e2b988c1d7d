"""Token counts and stop reasons as Anthropic writes them: `input_tokens` leaves out what a cache read or took in."""

from collections.abc import Mapping
from typing import Any

from app.domain.hub_reply import Finish
from app.domain.usage import NO_USAGE, Usage, UsageSource

_FINISHES = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOL_CALLS,
    "refusal": Finish.REFUSAL,
    "pause_turn": Finish.PAUSE,
}
_REASONS = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
    Finish.REFUSAL: "refusal",
    Finish.FILTER: "refusal",
    Finish.PAUSE: "pause_turn",
}


def read_finish(reason: object, *, called: bool) -> Finish:
    """Read a stop reason; what nobody knows counts as the model's own end."""
    finish = _FINISHES.get(reason, Finish.STOP) if isinstance(reason, str) else Finish.STOP
    return finish.settled(called=called)


def write_finish(finish: Finish, *, called: bool) -> str:
    """Write a stop reason."""
    return _REASONS[finish.settled(called=called)]


def parse_usage(usage: object) -> Usage:
    """Read a usage object; what is missing or no count stays unknown."""
    if not isinstance(usage, dict):
        return NO_USAGE
    details, tools = usage.get("output_tokens_details"), usage.get("server_tool_use")
    fresh, output = _count(usage, "input_tokens"), _count(usage, "output_tokens")
    if fresh is None and output is None:
        return NO_USAGE
    return Usage(
        fresh_input=fresh,
        cache_read=_count(usage, "cache_read_input_tokens"),
        cache_write=_count(usage, "cache_creation_input_tokens"),
        output=output,
        reasoning=_count(details, "thinking_tokens"),
        searches=_count(tools, "web_search_requests"),
        source=UsageSource.PROVIDER,
        cache_write_hour=_count(usage.get("cache_creation"), "ephemeral_1h_input_tokens"),
    )


def write_usage(usage: Usage) -> Mapping[str, Any]:
    """Write usage; what is unknown is 0, because Anthropic's clients need numbers."""
    return {
        "input_tokens": usage.fresh_input or 0,
        "cache_creation_input_tokens": usage.cache_write or 0,
        "cache_read_input_tokens": usage.cache_read or 0,
        "output_tokens": usage.output or 0,
    }


_IMPOSSIBLE = 2**53


def _count(counts: object, name: str) -> int | None:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _IMPOSSIBLE else None
