"""Where a cousin's OpenAI chat differs from OpenAI's: data for the rows of the catalog."""

import hashlib
import re
from dataclasses import dataclass

from app.dialects.openai_lengths import short_id


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a cousin wants in requests that are translated, and how its answers are to be read.

    `limit` and `seed` are what it calls the output limit and the seed, `developer` is whether it knows that role,
    `warmest` the highest temperature it takes. `thoughts` is the message field for earlier reasoning (empty: not
    sent); with `needs_thoughts` every message with calls must have it, be it empty. `cache_marks` is whether parts may
    carry `cache_control`. `short_ids`: ids of calls are nine letters and digits. `answers_results`: an answer must
    stand between the result of a tool and words of the user. `pictures`: answers of the past may have `images`.
    `think_tags`: answers may hold their reasoning in `<think>` at the start of the text. `allowed_tools`: it knows
    that form of `tool_choice`, OpenAI's own. `efforts` are the words for how much to think that all of its models
    know who know any.
    """

    limit: str = "max_tokens"
    seed: str = "seed"
    thoughts: str = ""
    needs_thoughts: bool = False
    developer: bool = False
    top_k: bool = False
    cache_marks: bool = False
    think_tags: bool = False
    short_ids: bool = False
    answers_results: bool = False
    pictures: bool = False
    allowed_tools: bool = False
    warmest: float = 2.0
    efforts: tuple[str, ...] = ("none", "minimal", "low", "medium", "high", "xhigh")


PLAIN = Quirks()

_SHORT_ID = re.compile(r"[a-zA-Z0-9]{9}")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 9
_LONGEST_ID = 40
"""Characters that OpenAI takes; vLLM's ids have 46."""


def call_id_of(call_id: str, quirks: Quirks) -> str:
    """The id of a call as the cousin takes it: the same for call and result, every time; one of its own stays."""
    if not quirks.short_ids or _SHORT_ID.fullmatch(call_id):
        return short_id(call_id, _LONGEST_ID)
    number = int.from_bytes(hashlib.sha256(call_id.encode(errors="surrogatepass")).digest()[:8])
    out = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        out += _DIGITS[digit]
    return out
