"""The prices that the settings name: they go before those of the price list."""

from collections.abc import Callable

from app.engine.prices import Price
from app.store.settings import PriceRule, Settings

_MILLION = 1_000_000

OwnPrice = Callable[[str, str], Price | None]
"""The user's own price of a model (second) at a provider (first, its id); None when there is none."""


def no_price(provider_id: str, model: str) -> Price | None:
    """There are no prices of the user's own."""
    return None


class OwnPrices:
    """Looks prices up in the settings in force, which `settings` gives."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        """Read nothing yet."""
        self._settings = settings
        self._read: Settings | None = None
        self._of_all: dict[str, Price] = {}
        self._of_one: dict[str, Price] = {}

    def of(self, provider_id: str, model: str) -> Price | None:
        """The price of `model`, as the provider calls it; one for this provider goes before one for all.

        In `x/y` the `x` is a provider when the settings have one with that id, else part of the model's name.
        """
        settings = self._settings()
        if settings is not self._read:
            self._take(settings)
        if not self._of_all and not self._of_one:
            return None
        return self._of_one.get(f"{provider_id}/{model}") or self._of_all.get(model)

    def _take(self, settings: Settings) -> None:
        ids = {provider.id for provider in settings.providers}
        self._of_one, self._of_all = {}, {}
        for rule in settings.prices:
            of_one = "/" in rule.model and rule.model.split("/", 1)[0] in ids
            (self._of_one if of_one else self._of_all)[rule.model] = _price(rule)
        self._read = settings


def _price(rule: PriceRule) -> Price:
    cached, written = rule.cache_read_usd_per_million, rule.cache_write_usd_per_million
    return Price(
        input=rule.input_usd_per_million / _MILLION,
        output=rule.output_usd_per_million / _MILLION,
        cached=None if cached is None else cached / _MILLION,
        cache_write=None if written is None else written / _MILLION,
    )
