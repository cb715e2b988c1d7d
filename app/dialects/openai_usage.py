"""Token counts as the OpenAI dialects and their cousins report them, as one neutral record.

`prompt_tokens` counts cached tokens in (inclusive), `completion_tokens` reasoning; xAI leaves reasoning out of it,
which its `total_tokens` shows. Cached tokens are under `prompt_tokens_details` (OpenAI), `prompt_cache_hit_tokens`
(DeepSeek), `cached_tokens` (Together, Moonshot) or `num_cached_tokens` (Mistral). Voyage sends `total_tokens` only.
Searches of the web are `num_search_queries` (Perplexity) or under `server_tool_use` (OpenRouter). What is charged is
`cost` (OpenRouter; with a key of one's own the upstream's price comes on top), `cost.total_cost` (Perplexity) or
`cost_in_usd_ticks` (xAI, ten billion to the dollar).
"""

from collections.abc import Mapping
from typing import Any

from app.domain.usage import NO_USAGE, Usage, UsageSource


def find_usage(reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the usage object of a reply or chunk, which Groq puts under `x_groq`; None when it has none."""
    usage = reply.get("usage")
    if not isinstance(usage, dict) or not usage:
        groq = reply.get("x_groq")
        usage = groq.get("usage") if isinstance(groq, dict) else None
    return usage if isinstance(usage, dict) and usage else None


def parse_usage(usage: Mapping[str, Any]) -> Usage:
    """Read a usage object; what is missing or no count stays unknown."""
    into = _details(usage, "prompt_tokens_details", "input_tokens_details")
    out = _details(usage, "completion_tokens_details", "output_tokens_details")
    tools = _details(usage, "server_tool_use_details", "server_tool_use")
    total = _first(usage, "total_tokens")
    output = _first(usage, "completion_tokens", "output_tokens")
    prompt = _first(usage, "prompt_tokens", "input_tokens")
    if prompt is None and total is not None:
        prompt = max(0, total - (output or 0))
    read = _known(_first(into, "cached_tokens"), _first(usage, *_CACHED))
    write = _known(_first(into, "cache_write_tokens"), _first(usage, "cache_creation_input_tokens"))
    reasoning = _known(_first(out, "reasoning_tokens"), _first(usage, "reasoning_tokens"))
    if prompt is None and output is None:
        return NO_USAGE
    return Usage(
        fresh_input=None if prompt is None else max(0, prompt - (read or 0) - (write or 0)),
        cache_read=read,
        cache_write=write,
        output=_with_reasoning(prompt, output, reasoning, total),
        reasoning=reasoning,
        audio=_sum(_first(into, "audio_tokens"), _first(out, "audio_tokens")),
        images=_sum(_first(into, "image_tokens"), _first(out, "image_tokens")),
        searches=_known(_first(usage, "num_search_queries"), _first(tools, "web_search_requests")),
        charged_usd=_charged_usd(usage),
        source=UsageSource.PROVIDER,
        images_written=_first(out, "image_tokens"),
    )


_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")


_TICKS_PER_USD = 10**10


def _charged_usd(usage: Mapping[str, Any]) -> float | None:
    """US dollars that the provider says the request costs."""
    cost = usage.get("cost")
    charged = _number(cost.get("total_cost") if isinstance(cost, dict) else cost)
    if charged is None:
        ticks = _number(usage.get("cost_in_usd_ticks"))
        return None if ticks is None else ticks / _TICKS_PER_USD
    if usage.get("is_byok") is True:
        charged += _number(_details(usage, "cost_details").get("upstream_inference_cost")) or 0.0
    return charged


def _with_reasoning(prompt: int | None, output: int | None, reasoning: int | None, total: int | None) -> int | None:
    """Add the reasoning tokens to the output where the total says that they are not in it."""
    if prompt is None or output is None or not reasoning or total != prompt + output + reasoning:
        return output
    return output + reasoning


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        value = usage.get(name)
        if isinstance(value, dict):
            return value
    return {}


def _first(counts: Mapping[str, Any], *names: str) -> int | None:
    """Return the first of these that is a count."""
    for name in names:
        if name in counts and (value := _number(counts[name])) is not None:
            return int(value)
    return None


_IMPOSSIBLE = 2**53


def _number(value: object) -> float | None:
    """Return `value` when it is a number that can be a count or a price."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _IMPOSSIBLE:
        return value
    return None


def _known(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)
