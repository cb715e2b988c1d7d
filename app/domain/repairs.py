"""What may be taken out of a request, or said differently, when a provider refuses it for that alone."""

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

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
        "think",
        "verbosity",
    }
)
"""Parameters without which an answer is still the answer to the same question."""

RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""One parameter under two names: some models know only the one, some servers only the other."""

RANGED = ("temperature", "top_p")
"""Parameters that a provider may want nearer to the middle."""

THINKING = ("think", "reasoning_effort", "thinking")
"""Where it is said how much to think: in Ollama's dialect, in OpenAI's, in Anthropic's."""

STREAM_OPTIONS = "stream_options"

TOO_LONG = "string_above_max_length"
"""OpenAI's code for a text that is longer than its parameter takes."""

_REFUSALS = frozenset({FaultKind.UNSUPPORTED_PARAMETER, FaultKind.BAD_REQUEST})


class Mend(StrEnum):
    """How a request is repaired."""

    LEAVE_OUT = "leave out"
    RENAME = "rename"
    CLAMP = "clamp"
    BUDGET = "budget"
    EMPTY_TEXTS = "empty texts"
    THOUGHTS = "thoughts"
    BETAS = "betas"


@dataclass(frozen=True, slots=True)
class Repair:
    """What to do to `param`: another name is `renamed`, a range goes from `low` to `high`.

    `once`: it is the value that was refused, which the next request may have otherwise.
    """

    param: str
    renamed: str = ""
    mend: Mend = Mend.LEAVE_OUT
    low: float | None = None
    high: float | None = None
    once: bool = False

    @property
    def lasts(self) -> bool:
        """Whether the model will refuse it again; thoughts are those of one conversation."""
        return self.mend is not Mend.THOUGHTS and not self.once

    @property
    def told(self) -> str:
        """In a few words, for the request log."""
        if self.mend is Mend.CLAMP:
            return f"with {self.param} within the provider's range"
        if self.mend is Mend.BUDGET:
            return f"with {self.param} within its bounds"
        if self.mend is Mend.RENAME:
            return f"with {self.param} as {self.renamed}"
        return f"without {_SAID.get(self.mend, self.param)}"


Repairs = dict[str, dict[str, Repair]]
"""What each model is known to refuse, by what is to be repaired."""

BETAS = "anthropic_beta"
"""Where Anthropic's features stand that are not for everybody: a header of that name (with a dash), or a member."""

_SAID = {Mend.EMPTY_TEXTS: "empty texts", Mend.THOUGHTS: "earlier thoughts", Mend.BETAS: "beta features"}


def find_repair(fault: Fault, sent: Container[str]) -> Repair | None:
    """What could be changed so that the provider takes the request; `sent` are the top-level names of its body.

    A plain 400 is only understood when it says one of a few things, or names `stream_options`, which is often ours and
    never the client's point.
    """
    if fault.kind not in _REFUSALS:
        return None
    repair = _of_content(fault.message, sent) or _of_range(fault, sent) or _of_thinking(fault.message, sent)
    if repair is not None:
        return repair
    named = _named(fault)
    if fault.kind is FaultKind.BAD_REQUEST:
        named = [name for name in named if name == STREAM_OPTIONS]
    for name in named:
        if name in sent and name in OPTIONAL:
            return Repair(name, once=fault.provider_code == TOO_LONG)
        if name in sent and name in RENAMED and RENAMED[name] not in sent:
            return Repair(name, RENAMED[name], Mend.RENAME)
    return None


# Anthropic's words of 2024 to 2026, and what Bedrock and aggregators make of them; Gemini's `thought_signature`
_CONTENT = (
    (
        re.compile(r"text content blocks must|must have non-empty content|text.{0,80}(not be|is) (empty|blank)"),
        Repair("messages.text", mend=Mend.EMPTY_TEXTS),
    ),
    (
        re.compile(r"thinking.{0,80}signature|signature.{0,80}thinking|thought.?signature", re.DOTALL),
        Repair("messages.thinking", mend=Mend.THOUGHTS),
    ),
    (re.compile(r"budget_tokens"), Repair("thinking.budget_tokens", mend=Mend.BUDGET)),
)
_BETA_WORDS = re.compile(r"invalid beta|anthropic[-_]beta")  # Bedrock's words, Vertex AI's
_CONVERSATION = ("messages", "contents")


def _of_content(message: str, sent: Container[str]) -> Repair | None:
    """The repair of what a conversation holds, or of how long its model may think."""
    if not any(name in sent for name in _CONVERSATION):
        return None
    text = message.lower()
    if BETAS in sent and _BETA_WORDS.search(text):
        return Repair(BETAS, mend=Mend.BETAS)
    return next((repair for words, repair in _CONTENT if words.search(text)), None)


_NUMBER = r"(-?\d+(?:\.\d+)?)"
_BOTH = re.compile(rf"(?:between|range:?|from|in|within) *[\[(]?{_NUMBER} *(?:\.\.\.?|and|to|-|,) *{_NUMBER}")
_AT_MOST = re.compile(rf"(?:<=|less than or equal to|at most|maximum(?: value)?(?: of| is)?|not exceed) *{_NUMBER}")
_AT_LEAST = re.compile(rf"(?:>=|greater than or equal to|at least|minimum(?: value)?(?: of| is)?) *{_NUMBER}")
_ONLY_ONE = re.compile(r"only be (?:set to )?1\b")


def _of_range(fault: Fault, sent: Container[str]) -> Repair | None:
    """The repair of a number that is out of the range which the message tells."""
    text = fault.message.lower()
    name = next((n for n in RANGED if n in sent and (fault.param == n or re.search(rf"\b{n}\b", text))), "")
    if not name:
        return None
    if _ONLY_ONE.search(text):
        return Repair(name)
    if both := _BOTH.search(text):
        return Repair(name, mend=Mend.CLAMP, low=float(both[1]), high=float(both[2]))
    least, most = _AT_LEAST.search(text), _AT_MOST.search(text)
    if not least and not most:
        return None
    low, high = (None if found is None else float(found[1]) for found in (least, most))
    return Repair(name, mend=Mend.CLAMP, low=low, high=high)


_NO_THINKING = re.compile(r"does not support thinking")  # Ollama's words
_NOT_SO = re.compile(
    r"think value .{0,40} is not supported|thinking\.type\.disabled\W{1,3}is not supported"
)  # and Claude's


def _of_thinking(message: str, sent: Container[str]) -> Repair | None:
    """The repair of a wish to think that a model cannot fulfil: not at all, or not in the words of this request."""
    text = message.lower()
    never = _NO_THINKING.search(text) is not None
    if not never and not _NOT_SO.search(text):
        return None
    name = next((name for name in THINKING if name in sent), "")
    return Repair(name, once=not never) if name else None


def member_of(param: str) -> str:
    """The top-level name in the place that a provider names."""
    return re.split(r"[.\[]", param.removeprefix("body."), maxsplit=1)[0]


def _named(fault: Fault) -> list[str]:
    """The parameters that the fault is about: the one it names as such, else those its message speaks of."""
    if fault.param:
        top = member_of(fault.param)
        if top in OPTIONAL or top in RENAMED:
            return [top]
    words = re.findall(r"[a-z][a-z_]+", _HUMP.sub("_", fault.message).lower())
    return [word for word in dict.fromkeys(words) if "_" in word or word in _PLAIN_WORDS]


_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # xAI says reasoningEffort for reasoning_effort
_PLAIN_WORDS = frozenset({"temperature", "seed", "logprobs", "verbosity"})
