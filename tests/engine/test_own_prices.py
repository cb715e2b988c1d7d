"""What a model costs when the settings say so."""

import pytest

from app.domain.usage import Usage
from app.engine.own_prices import OwnPrices, no_price
from app.engine.prices import Price
from app.store.settings import Settings


def settings(*prices: dict[str, object], ids: tuple[str, ...] = ("openai",)) -> Settings:
    rows = [{"input_usd_per_million": 2.0, "output_usd_per_million": 8.0} | price for price in prices]
    return Settings.model_validate({"prices": rows, "providers": [{"id": name, "kind": "x"} for name in ids]})


def test_one_for_the_provider_goes_before_one_for_all() -> None:
    now = settings({"model": "m"}, {"model": "openai/m", "input_usd_per_million": 1.0})
    own = OwnPrices(lambda: now)
    assert own.of("groq", "m") == Price(2e-6, 8e-6)
    assert own.of("openai", "m") == Price(1e-6, 8e-6)
    assert own.of("openai", "other") is None


def test_a_slash_is_part_of_the_model_s_name_unless_a_provider_is_called_so() -> None:
    now = settings({"model": "openai/m"}, {"model": "meta/llama"}, ids=("openai", "router"))
    own = OwnPrices(lambda: now)
    assert own.of("router", "openai/m") is None, "it is the price of the provider openai"
    assert own.of("router", "meta/llama") == own.of("openai", "meta/llama") == Price(2e-6, 8e-6)


def test_cached_tokens_have_their_own_price_or_that_of_input() -> None:
    cached = {"cache_read_usd_per_million": 0.0, "cache_write_usd_per_million": 4.0}
    now = settings({"model": "a"}, {"model": "b"} | cached)
    own = OwnPrices(lambda: now)
    usage = Usage(250_000, output=0, cache_read=500_000, cache_write=250_000)
    plain, told = own.of("x", "a"), own.of("x", "b")
    assert plain is not None
    assert told is not None
    assert plain.of(usage) == pytest.approx(2.0)
    assert told.of(usage) == pytest.approx(0.25 * 2.0 + 0.25 * 4.0)


def test_new_settings_are_read_at_once() -> None:
    box = [settings({"model": "m"})]
    own = OwnPrices(lambda: box[0])
    assert own.of("x", "m") is not None
    box[0] = Settings()
    assert own.of("x", "m") is None
    assert no_price("x", "m") is None
