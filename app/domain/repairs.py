"""What may be taken out of a request, or called differently, when a provider refuses it for that alone."""

import re
from collections.abc import Container
from dataclasses import dataclass

from app.domain.faults import Fault, FaultKind

OPTIONAL = frozenset(
    {
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "logprobs",
        "top_logprobs",
        "seed",
        "parallel_tool_calls",
        "stream_options",
        "service_tier",
        "store",
        "metadata",
        "user",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "reasoning_effort",
        "verbosity",
    }
)
"""Parameters without which an answer is still the answer to the same question."""

RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""One parameter under two names: some models know only the one, some servers only the other."""

STREAM_OPTIONS = "stream_options"

_REFUSALS = frozenset({FaultKind.UNSUPPORTED_PARAMETER, FaultKind.BAD_REQUEST})


@dataclass(frozen=True, slots=True)
class Repair:
    """Leave the top-level parameter `param` out, or send it as `renamed` instead."""

    param: str
    renamed: str = ""


def find_repair(fault: Fault, sent: Container[str]) -> Repair | None:
    """What could be left out so that the provider takes the request; `sent` are the top-level names of its body.

    A plain 400 is only understood when it names `stream_options`, which is often ours and never the client's point.
    """
    if fault.kind not in _REFUSALS:
        return None
    named = _named(fault)
    if fault.kind is FaultKind.BAD_REQUEST:
        named = [name for name in named if name == STREAM_OPTIONS]
    for name in named:
        if name in sent and name in OPTIONAL:
            return Repair(name)
        if name in sent and name in RENAMED and RENAMED[name] not in sent:
            return Repair(name, RENAMED[name])
    return None


def _named(fault: Fault) -> list[str]:
    """The parameters that the fault is about: the one it names as such, else those its message speaks of."""
    if fault.param:
        top = re.split(r"[.\[]", fault.param.removeprefix("body."), maxsplit=1)[0]
        if top in OPTIONAL or top in RENAMED:
            return [top]
    words = re.findall(r"[a-z][a-z_]+", fault.message.lower())
    return [word for word in dict.fromkeys(words) if "_" in word or word in _PLAIN_WORDS]


_PLAIN_WORDS = frozenset({"temperature", "seed", "logprobs", "verbosity"})
