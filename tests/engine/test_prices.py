"""The price list: what it knows, what it does not, and that our short arithmetic agrees with the library's own."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as ListedUsage
from genai_prices.data_snapshot import get_snapshot

from app.domain.usage import Usage
from app.engine import prices
from app.engine.prices import FREE, Price

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def loaded() -> None:
    prices.load()


def test_a_model_has_its_price_per_token() -> None:
    price = prices.price_of("openai", "gpt-5-mini")
    assert price == Price(0.25e-6, 2e-6, 0.025e-6, per_search=0.01)
    assert prices.price_of("openai", "gpt-5-mini-2025-08-07") == price


def test_kinds_go_by_the_lists_names() -> None:
    assert prices.price_of("zhipu", "glm-4.6")
    assert prices.price_of("xai", "grok-4")
    assert prices.price_of("openrouter", "openai/gpt-5-mini")


@pytest.mark.parametrize(
    ("kind", "model"), [("openai", "nobody-has-this"), ("openai-compatible", "gpt-5-mini"), ("unheard-of", "x")]
)
def test_what_the_list_does_not_know_is_unknown(kind: str, model: str) -> None:
    assert prices.price_of(kind, model) is None
    assert prices.cost(Usage(10, output=5), kind, model, NOON).usd is None
    assert prices.model_facts(kind, model) is None


def test_servers_of_ones_own_cost_nothing() -> None:
    assert prices.price_of("ollama", "llama3.2") is FREE
    assert prices.cost(Usage(10, output=5), "llamacpp", "anything", NOON).usd == 0.0
    assert prices.price_of("ollama", "gpt-oss:120b-cloud") is None


def test_cached_tokens_cost_less() -> None:
    usage = Usage(fresh_input=1000, cache_read=3000, output=100)
    assert prices.cost(usage, "openai", "gpt-5-mini", NOON).usd == pytest.approx(0.00025 + 0.000075 + 0.0002)


@pytest.mark.parametrize("usage", [Usage(), Usage(output=3), Usage(10), Usage(10, output=5, audio=2)])
def test_too_little_known_is_unknown_cost(usage: Usage) -> None:
    assert prices.cost(usage, "openai", "gpt-5-mini", NOON).usd is None


def test_embeddings_have_no_output() -> None:
    assert prices.cost(Usage(1000), "openai", "text-embedding-3-small", NOON).usd == pytest.approx(0.00002)


def test_a_price_may_depend_on_the_hour() -> None:
    night = NOON.replace(hour=20)
    day_price, night_price = (
        prices.cost(Usage(1000, output=0), "deepseek", "deepseek-chat", t).usd for t in (NOON, night)
    )
    assert day_price is not None
    assert night_price is not None
    assert day_price > night_price


def test_the_context_window_is_known() -> None:
    facts = prices.model_facts("openai", "gpt-5-mini")
    assert facts is not None
    assert (facts.id, facts.context_length) == ("gpt-5-mini", 400_000)


@pytest.mark.parametrize("tokens", [1000, 150_000, 300_000, 2_000_000])
def test_every_price_of_the_list_agrees_with_the_librarys_own_arithmetic(tokens: int) -> None:
    known = {prices._LISTED_AS.get(kind, kind): kind for kind in ("openai", "openrouter", "xai", "groq", "gemini")}
    known |= {kind: kind for kind in ("anthropic", "perplexity", "mistral", "deepseek", "together", "fireworks")}
    usage = Usage(
        tokens, tokens // 2, tokens // 4, 500, 200, images=300, searches=2, cache_write_hour=100, images_written=200
    )
    listed = {"input_tokens": usage.input, "output_tokens": 500, "output_reasoning_tokens": 200, "web_searches": 2}
    listed |= {"cache_read_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    listed |= {"cache_write_1h_tokens": 100, "input_image_tokens": 100, "output_image_tokens": 200}
    listed |= {"cache_image_read_tokens": 0}
    compared = 0
    for provider in get_snapshot().providers:
        for model in provider.models if provider.id in known else ():
            ours = prices._read(vars(model.get_prices(NOON)))
            if ours is None:
                continue
            theirs = model.calc_price(ListedUsage(**listed), provider, genai_request_timestamp=NOON).total_price
            assert ours.of(usage) == pytest.approx(float(theirs), rel=1e-9), (provider.id, model.id)
            compared += 1
    assert compared > 800


def test_loading_waits_for_whoever_asks_for_it() -> None:
    """Importing the program's parts must not load the list: it costs 0.3 s."""
    code = "import sys, app.runtime; from app.engine import prices; assert 'genai_prices' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_before_it_is_loaded_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_list", None)
    assert prices.price_of("openai", "gpt-5-mini") is None
    assert prices.model_facts("openai", "gpt-5-mini") is None
    assert prices.price_of("ollama", "llama3.2") is FREE


def test_what_was_looked_up_is_forgotten_before_it_grows_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_MOST_REMEMBERED", 3)
    some = prices.PriceList({})
    for number in range(10):
        some.find("openai", f"model-{number}")
    assert len(some._found) <= 3


def test_pictures_cost_more_than_words_where_the_list_says_so() -> None:
    price = prices.price_of("gemini", "gemini-2.5-flash-image", NOON)
    assert price is not None
    picture = Usage(10, output=1290, images=1290, images_written=1290)
    assert price.of(picture) == pytest.approx(10 * 0.3e-6 + 1290 * 30e-6)
    assert price.of(Usage(10, output=1290, images=1290)) is None, "nobody said on which side they are"
    assert price.of(Usage(10, output=5, images=0)) is not None
