"""Bring the providers' model lists in and up to date: from the answer to a probe, and from the disk at the start."""

import asyncio
import time
from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary, WeakSet

from app.dialects.openai_models import parse_models
from app.domain.models import ModelInfo
from app.engine.catalogue import Facts, ModelList, ModelPage, complete
from app.engine.prices import load, loaded, model_facts
from app.engine.provider import Provider
from app.store.key_names import key_host
from app.store.model_cache import ModelCache

_LARGE_BYTES = 32 * 1024
"""A list larger than this is read in a thread: 10,000 models take a quarter of a second."""


class ModelLists:
    """Reads lists and keeps them; `cache` None keeps nothing on disk."""

    def __init__(
        self,
        cache: ModelCache | None = None,
        ttl_s: Callable[[], float] = lambda: 3600.0,
        facts: Facts = model_facts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`ttl_s` says how long a list counts as fresh, `clock` gives seconds since 1970."""
        self._cache = cache
        self._ttl_s = ttl_s
        self._facts = facts
        self._clock = clock
        self._seen: WeakKeyDictionary[Provider, int] = WeakKeyDictionary()
        self._learned: WeakSet[ModelList] = WeakSet()
        self._page: tuple[object, ModelPage] | None = None

    async def take(self, provider: Provider, body: bytes) -> None:
        """Read the list that `provider` sent; the same one again is not read again while it is fresh.

        Raises:
            FaultError: BAD_REPLY, when there is no list in it.
            InBandError: it is an error in spite of its status.
        """
        now_s, mark = self._clock(), hash((body, loaded()))
        if self._seen.get(provider) == mark and not self.is_stale(provider):
            provider.catalogue.fetched_at_s = now_s
            return
        if len(body) > _LARGE_BYTES:
            models = await asyncio.to_thread(self._read, provider.settings.kind, body)
        else:
            models = self._read(provider.settings.kind, body)
        self._seen[provider] = mark
        if provider.catalogue.replace(models, now_s) and self._cache is not None:
            await asyncio.to_thread(self._cache.write, provider.id, key_host(provider.base_url), models, now_s)

    def miss(self, provider: Provider) -> None:
        """It has no list to give: that is asked again when a list would be."""
        provider.catalogue.fetched_at_s = self._clock()

    def ignorant(self, providers: Iterable[Provider]) -> list[Provider]:
        """Those whose models have not been looked up in the price list since it is there, or since they are known."""
        return [p for p in providers if p.catalogue not in self._learned and p.catalogue.names is not None]

    async def learn(self, providers: Iterable[Provider]) -> None:
        """Load the price list, and look up in it what lists that came before it, or are fixed, do not say."""
        for provider in self.ignorant(providers):
            await asyncio.to_thread(load)
            catalogue, models = provider.catalogue, provider.catalogue.models
            known = await asyncio.to_thread(complete, models, provider.settings.kind, self._facts)
            self._learned.add(catalogue)
            if catalogue.models is models:
                catalogue.replace(known, catalogue.fetched_at_s)

    async def recall(self, provider: Provider) -> None:
        """Take the list that was kept on disk, when nothing is known yet."""
        if self._cache is None or provider.catalogue.names is not None or not provider.spec.lists_models:
            return
        kept = await asyncio.to_thread(self._cache.read, provider.id, key_host(provider.base_url))
        if kept is not None and provider.catalogue.names is None:
            provider.catalogue.replace(kept.models, kept.fetched_at_s)

    async def forget(self, kept: Iterable[Provider]) -> None:
        """Remove from the disk what belongs to nobody of `kept`: they are gone, or are at another host now."""
        known = {(provider.id, key_host(provider.base_url)) for provider in kept}
        if self._cache is not None:
            await asyncio.to_thread(self._cache.forget, lambda provider_id, host: (provider_id, host) in known)

    def is_stale(self, provider: Provider) -> bool:
        """Whether its list is older than the settings allow."""
        return provider.catalogue.is_stale(self._clock(), self._ttl_s())

    def page(self, key: object, entries: Callable[[], Iterable[tuple[str, ModelInfo]]]) -> ModelPage:
        """The page of all models, made anew when `key` says that something changed."""
        if self._page is None or self._page[0] != key:
            self._page = (key, ModelPage(entries()))
        return self._page[1]

    def _read(self, kind: str, body: bytes) -> tuple[ModelInfo, ...]:
        return complete(parse_models(body), kind, self._facts)
