from pathlib import Path

import pytest

from app.dialects.openai_models import render_models
from app.domain.faults import FaultError
from app.domain.models import ModelInfo
from app.engine.bus import Bus
from app.engine.catalogue import ModelList
from app.engine.lists import ModelLists
from app.engine.provider import Provider
from app.store.key_names import key_host
from app.store.model_cache import ModelCache
from engine.rig import make_provider


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path) -> ModelCache:
    return ModelCache(tmp_path)


def provider(**settings: object) -> Provider:
    return make_provider(Bus(), "a", "http://127.0.0.1:9/v1", **settings)


def page(*names: str) -> bytes:
    return render_models(("x", ModelInfo(name)) for name in names)


async def test_a_list_is_taken_completed_and_kept_on_disk(cache: ModelCache, clock: Clock) -> None:
    facts = ModelInfo("", context_length=7)
    lists = ModelLists(cache, lambda: 60.0, lambda kind, model: facts, clock)
    one = provider()
    await lists.take(one, page("b", "a"))
    assert [(m.id, m.context_length) for m in one.catalogue.models] == [("b", 7), ("a", 7)]
    kept = cache.read("a", key_host(one.base_url))
    assert kept is not None
    assert (kept.models, kept.fetched_at_s) == (one.catalogue.models, 1000.0)


async def test_the_next_start_knows_the_models_before_anybody_is_reached(cache: ModelCache, clock: Clock) -> None:
    await ModelLists(cache, clock=clock).take(provider(), page("m"))
    clock.now_s += 10
    lists, again = ModelLists(cache, lambda: 60.0, clock=clock), provider()
    await lists.recall(again)
    assert again.catalogue.names == {"m"}
    assert not lists.is_stale(again)
    clock.now_s += 60
    assert lists.is_stale(again), "and it is stale when it is old, however it came here"


async def test_what_the_settings_fix_is_not_replaced_by_what_was_kept(cache: ModelCache) -> None:
    await ModelLists(cache).take(provider(), page("m"))
    fixed = provider(models=["mine"])
    await ModelLists(cache).recall(fixed)
    assert fixed.catalogue.names == {"mine"}


async def test_a_list_of_thousands_is_read_as_well(cache: ModelCache) -> None:
    one = provider()
    await ModelLists(cache).take(one, page(*(f"m-{n}" for n in range(5000))))
    assert len(one.catalogue) == 5000


async def test_the_same_list_again_changes_nothing_but_its_time(clock: Clock) -> None:
    lists, one = ModelLists(None, lambda: 60.0, clock=clock), provider()
    await lists.take(one, page("m"))
    before, models = ModelList.changes, one.catalogue.models
    clock.now_s += 30
    await lists.take(one, page("m"))
    assert (ModelList.changes, one.catalogue.fetched_at_s) == (before, 1030.0)
    assert one.catalogue.models is models


async def test_nonsense_replaces_nothing() -> None:
    lists, one = ModelLists(), provider()
    await lists.take(one, page("m"))
    with pytest.raises(FaultError):
        await lists.take(one, b"<html>")
    assert one.catalogue.names == {"m"}


def test_the_page_is_made_once_until_its_key_changes() -> None:
    lists, made = ModelLists(), []

    def entries() -> list[tuple[str, ModelInfo]]:
        made.append(1)
        return [("x", ModelInfo("m"))]

    pages = [lists.page(key, entries) for key in (1, 1, 2)]
    assert pages[0] is pages[1]
    assert pages[1] is not pages[2]
    assert len(made) == 2


async def test_lists_of_those_who_are_gone_leave_the_disk(cache: ModelCache) -> None:
    lists, one = ModelLists(cache), provider()
    other = make_provider(Bus(), "b", "http://127.0.0.1:9/v1")
    for listed in (one, other):
        await lists.take(listed, page("m"))
    await lists.forget([other])
    assert cache.read("a", key_host(one.base_url)) is None
    assert cache.read("b", key_host(other.base_url)) is not None
    await ModelLists().forget([])


async def test_lists_that_came_before_the_prices_learn_from_them_once(cache: ModelCache, clock: Clock) -> None:
    asked: list[str] = []

    def facts(kind: str, model: str) -> ModelInfo | None:
        asked.append(model)
        return ModelInfo(model, context_length=7)

    lists, early, fixed, unknown = (
        ModelLists(cache, facts=facts, clock=clock),
        provider(),
        provider(models=["m"]),
        provider(),
    )
    early.catalogue.replace((ModelInfo("a"), ModelInfo("b", context_length=5)), 900.0)
    everybody = (early, fixed, unknown)
    assert lists.ignorant(everybody) == [early, fixed]
    await lists.learn(everybody)
    assert [model.context_length for model in (*early.catalogue.models, *fixed.catalogue.models)] == [7, 5, 7]
    assert (early.catalogue.fetched_at_s, unknown.catalogue.names) == (900.0, None)
    await lists.learn(everybody)
    assert asked == ["a", "b", "m"]


async def test_a_newer_list_is_not_overwritten_by_what_was_learned_of_the_old_one(clock: Clock) -> None:
    one = provider()
    one.catalogue.replace((ModelInfo("old"),), 900.0)

    def facts(kind: str, model: str) -> ModelInfo | None:
        one.catalogue.replace((ModelInfo("new"),), 950.0)
        return ModelInfo(model, context_length=7)

    await ModelLists(facts=facts, clock=clock).learn((one,))
    assert [model.id for model in one.catalogue.models] == ["new"]
