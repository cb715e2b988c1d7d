"""Token counts of one request in one neutral record."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar


class UsageSource(StrEnum):
    """Who counted the tokens."""

    PROVIDER = "provider"
    TOKENIZER = "tokenizer"
    ESTIMATE = "estimate"
    UNKNOWN = "unknown"


class PriceSource(StrEnum):
    """Where a cost comes from; `FREE` is a server of the user's own, or a request that came to nothing."""

    PROVIDER = "provider"
    OWN = "own"
    PRICE_LIST = "genai-prices"
    FREE = "free"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request; None is unknown, never 0.

    `fresh_input` excludes what was read from or written to the prompt cache; `reasoning` is part of `output`,
    `audio` and `images` are tokens of input or output that stand for these. `searches` counts searches of the web,
    `charged_usd` is what the provider itself says that it charges. Of `cache_write` the `cache_write_hour` are kept for
    an hour, of `images` the `images_written` are in the answer: both have prices of their own.
    """

    fresh_input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio: int | None = None
    images: int | None = None
    searches: int | None = None
    source: UsageSource = UsageSource.UNKNOWN
    charged_usd: float | None = None
    cache_write_hour: int | None = None
    images_written: int | None = None

    @property
    def input(self) -> int | None:
        """All input tokens, cached ones included; None when nothing is known."""
        parts = [n for n in (self.fresh_input, self.cache_read, self.cache_write) if n is not None]
        return sum(parts) if parts else None

    def most(self, other: "Usage") -> "Usage":
        """The larger of each count: streams report cumulative usage, so it is never added up."""
        return Usage(
            _larger(self.fresh_input, other.fresh_input),
            _larger(self.cache_read, other.cache_read),
            _larger(self.cache_write, other.cache_write),
            _larger(self.output, other.output),
            _larger(self.reasoning, other.reasoning),
            _larger(self.audio, other.audio),
            _larger(self.images, other.images),
            _larger(self.searches, other.searches),
            self.source if other.source is UsageSource.UNKNOWN else other.source,
            _larger(self.charged_usd, other.charged_usd),
            _larger(self.cache_write_hour, other.cache_write_hour),
            _larger(self.images_written, other.images_written),
        )


Count = TypeVar("Count", int, float)


def _larger(one: Count | None, other: Count | None) -> Count | None:
    if one is None or other is None:
        return other if one is None else one
    return one if one > other else other


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request costs in US dollars, None while unknown, and where that comes from."""

    usd: float | None = None
    source: PriceSource = PriceSource.UNKNOWN


UNKNOWN_COST = Cost()
NO_COST = Cost(0.0, PriceSource.FREE)


class Grouping(StrEnum):
    """What the usage tables group by."""

    PROVIDER = "provider"
    MODEL = "model"
    CLIENT = "client"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Sums over the requests of one group.

    `cost_usd` covers the requests whose cost is known (None: none of them), `unknown_cost` counts the others.
    """

    key: str
    requests: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    unknown_usage: int = 0
    cost_usd: float | None = None
    unknown_cost: int = 0


def total(key: str, rows: Iterable[UsageRow]) -> UsageRow:
    """The sums of `rows`, called `key`; the cost is that of the requests whose cost is known."""
    all_rows = tuple(rows)
    known = [row.cost_usd for row in all_rows if row.cost_usd is not None]
    return UsageRow(
        key,
        requests=sum(row.requests for row in all_rows),
        failures=sum(row.failures for row in all_rows),
        input_tokens=sum(row.input_tokens for row in all_rows),
        output_tokens=sum(row.output_tokens for row in all_rows),
        unknown_usage=sum(row.unknown_usage for row in all_rows),
        cost_usd=sum(known) if known else None,
        unknown_cost=sum(row.unknown_cost for row in all_rows),
    )
