"""What models cost and how much they can read, from the price list that is shipped with the program.

The list (genai-prices, offline) takes 0.15 s and 6 MB, 1 s and 15 MB where its compiled form cannot be kept, so `load`
runs in a thread when the first request is over; until then, and for whatever the list does not know, everything is
None: unknown, never 0.
"""

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app.domain.models import ModelInfo
from app.domain.usage import NO_COST, UNKNOWN_COST, Cost, PriceSource, Usage
from app.providers.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genai_prices.types import ModelInfo as ListedModel
    from genai_prices.types import Provider as ListedProvider

_MILLION, _THOUSAND = 1_000_000, 1000
_MOST_REMEMBERED = 20_000
_SWITCH_S = 0.0005
_LISTED_AS = {"xai": "x-ai", "moonshot": "moonshotai", "zhipu": "zai", "gemini": "google"}
_LISTED_AS |= {"azure-deployments": "azure", "azure-claude": "azure", "vertex": "google", "vertex-claude": "google"}
_LISTED_AS |= dict.fromkeys(("bedrock", "bedrock-mantle", "bedrock-claude", "bedrock-mantle-claude"), "aws")
"""Kinds that the list calls by another name."""

_FREE_KINDS = frozenset(spec.id for spec in CATALOG if spec.local)
_CLOUD = "cloud"  # Ollama's models of that suffix run on its own servers, for money


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per token, call (`per_request`) and search of the web; None is a token without a price of its own.

    Cached tokens and pictures without a price of their own cost what fresh input costs, reasoning and written pictures
    what other output costs.
    `tiers` are prices that hold for the whole request once its input exceeds so many tokens, the highest first.
    """

    input: float
    output: float | None = None
    cached: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None
    per_request: float = 0.0
    per_search: float = 0.0
    cache_write_hour: float | None = None
    image_input: float | None = None
    image_output: float | None = None
    tiers: tuple[tuple[int, "Price"], ...] = ()

    def of(self, usage: Usage) -> float | None:
        """US dollars for `usage`; None while too little of it is known, or it holds audio, which has other prices."""
        read_tokens = usage.input
        if read_tokens is None or usage.audio or (usage.output is None and self.output) or self._lacks_images(usage):
            return None
        for start, price in self.tiers:
            if read_tokens > start:
                return price.of(usage)
        total = self.per_request + self.per_search * (usage.searches or 0) + (usage.fresh_input or 0) * self.input
        if usage.cache_read:
            total += usage.cache_read * (self.input if self.cached is None else self.cached)
        if usage.cache_write:
            total += self._of_writing(usage.cache_write, usage.cache_write_hour or 0)
        if usage.images:
            total += self._of_images(usage.images, usage.images_written or 0)
        return total + self._of_output(usage.output or 0, usage.reasoning or 0)

    def _lacks_images(self, usage: Usage) -> bool:
        """Whether pictures cost more than words, and nobody has said on which side they were."""
        if not usage.images or usage.images_written is not None:
            return False
        return self.image_input is not None or self.image_output is not None

    def _of_writing(self, tokens: int, for_an_hour: int) -> float:
        """US dollars for what went into the prompt cache."""
        usual = self.input if self.cache_write is None else self.cache_write
        extra = 0.0 if self.cache_write_hour is None else for_an_hour * (self.cache_write_hour - usual)
        return tokens * usual + extra

    def _of_images(self, tokens: int, written: int) -> float:
        """US dollars by which pictures cost more than as many words."""
        read = 0.0 if self.image_input is None else (tokens - written) * (self.image_input - self.input)
        return read + (0.0 if self.image_output is None else written * (self.image_output - (self.output or 0.0)))

    def _of_output(self, tokens: int, reasoning: int) -> float:
        """US dollars for what was written."""
        usual = self.output or 0.0
        extra = 0.0 if self.reasoning is None else reasoning * (self.reasoning - usual)
        return tokens * usual + extra


FREE = Price(0.0, 0.0)


class PriceList:
    """The loaded list, with what was looked up in it; a name nobody asked for before takes up to 1.5 ms."""

    def __init__(self, providers: "Mapping[str, ListedProvider]") -> None:
        """Look things up in `providers`, by the names the list gives them."""
        self._providers = providers
        self._found: dict[tuple[str, str], ListedModel | None] = {}
        self._prices: dict[int, Price | None] = {}

    def find(self, kind: str, model: str) -> "ListedModel | None":
        """The list's entry for a model of a kind of provider."""
        key = (kind, model)
        try:
            return self._found[key]
        except KeyError:
            pass
        provider = self._providers.get(_LISTED_AS.get(kind, kind))
        entry = None
        if provider is not None:
            entry = provider.find_model(model, all_providers=list(self._providers.values()))
        if len(self._found) >= _MOST_REMEMBERED:
            self._found.clear()
        self._found[key] = entry
        return entry

    def price(self, kind: str, model: str, when: datetime) -> Price | None:
        """The price in force at `when`, which some providers make depend on date or hour."""
        entry = self.find(kind, model)
        if entry is None:
            return None
        listed = entry.get_prices(when)  # one of the list's own objects, which live as long as it does
        key = id(listed)
        if key not in self._prices:
            self._prices[key] = _read(vars(listed))
        return self._prices[key]


_list: PriceList | None = None


def load() -> None:
    """Load the list; to be called in a thread. A second call does nothing."""
    global _list  # noqa: PLW0603 - one list per process, as it is with imported modules
    if _list is not None:
        return
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)  # requests meanwhile wait for this thread in shorter turns
    try:
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - 0.3 s that no start shall wait for

        _list = PriceList({provider.id: provider for provider in get_snapshot().providers})
    finally:
        sys.setswitchinterval(interval_s)


def loaded() -> bool:
    """Whether the list can be asked."""
    return _list is not None


def price_of(kind: str, model: str, when: datetime | None = None) -> Price | None:
    """The price of `model` at providers of `kind`, now unless `when` is given; None when it is not known (yet).

    Servers of the user's own cost nothing per token.
    """
    if kind in _FREE_KINDS and not model.endswith(_CLOUD):
        return FREE
    return None if _list is None else _list.price(kind, model, when or datetime.now(UTC))


def cost(usage: Usage, kind: str, model: str, when: datetime) -> Cost:
    """What one request costs by the list."""
    price = price_of(kind, model, when)
    if price is FREE:
        return NO_COST
    usd = None if price is None else price.of(usage)
    return UNKNOWN_COST if usd is None else Cost(usd, PriceSource.PRICE_LIST)


def model_facts(kind: str, model: str) -> ModelInfo | None:
    """What the list knows of a model besides its price, which is the context window; None when it knows nothing."""
    entry = None if _list is None else _list.find(kind, model)
    if entry is None or entry.context_window is None:
        return None
    return ModelInfo(model, context_length=entry.context_window)


def _read(listed: "Mapping[str, Any]") -> Price | None:
    """Our form of one entry's prices; None when it has none for text that is read."""
    if listed.get("input_mtok") is None:
        return None
    starts = {tier.start for price in listed.values() for tier in getattr(price, "tiers", ())}
    tiers = tuple((start, _level(listed, start)) for start in sorted(starts, reverse=True))
    return replace(_level(listed, -1), tiers=tiers)


def _level(listed: "Mapping[str, Any]", start: int) -> Price:
    """The prices that hold above `start` tokens of input, without tiers."""

    def usd(unit: str, per: int = _MILLION) -> float | None:
        price = listed.get(unit)
        if price is None:
            return None
        base = getattr(price, "base", price)
        reached = [tier.price for tier in getattr(price, "tiers", ()) if tier.start <= start]
        return float((reached[-1] if reached else base) / per)

    return Price(
        input=usd("input_mtok") or 0.0,
        output=usd("output_mtok"),
        cached=usd("cache_read_mtok"),
        cache_write=usd("cache_write_mtok"),
        reasoning=usd("output_reasoning_mtok"),
        per_request=usd("requests_kcount", _THOUSAND) or 0.0,
        per_search=usd("web_searches_kcount", _THOUSAND) or 0.0,
        cache_write_hour=usd("cache_write_1h_mtok"),
        image_input=usd("input_image_mtok"),
        image_output=usd("output_image_mtok"),
    )
