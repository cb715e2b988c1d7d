import random

import pytest

from app.engine.retries import MINIMUM, Retries
from app.store.settings import Retry


class World:
    def __init__(self, percent: float = 20) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []
        self.retries = Retries(
            lambda: percent,
            clock=lambda: self.now_s,
            chance=random.Random(7).random,  # noqa: S311 - a test's chance
            sleep=self.sleep,
        )

    async def sleep(self, s: float) -> None:
        self.slept.append(s)


def test_a_few_retries_are_always_allowed() -> None:
    world = World()
    assert [world.retries.take() for _ in range(5)] == [True] * MINIMUM + [False] * 2


def test_no_more_than_a_fifth_of_the_last_minutes_requests_are_retries() -> None:
    world = World()
    for _ in range(100):
        world.retries.request()
    assert sum(world.retries.take() for _ in range(100)) == 20
    world.now_s += 59
    assert not world.retries.take()
    world.now_s += 2.5
    assert sum(world.retries.take() for _ in range(100)) == MINIMUM


def test_a_budget_of_nothing_still_has_its_minimum() -> None:
    world = World(percent=0)
    for _ in range(1000):
        world.retries.request()
    assert sum(world.retries.take() for _ in range(100)) == MINIMUM


async def test_back_off_is_full_jitter_up_to_the_cap() -> None:
    world = World()
    settings = Retry()
    for tries, most_s in ((1, 0.5), (2, 1.0), (3, 2.0), (9, 8.0)):
        world.slept.clear()
        for _ in range(500):
            await world.retries.back_off(settings, tries)
        assert 0 <= min(world.slept) < most_s * 0.05
        assert most_s * 0.95 < max(world.slept) <= most_s


async def test_those_who_wait_for_the_same_time_go_on_one_by_one() -> None:
    world = World()
    waited = [await world.retries.wait(3.0, Retry()) for _ in range(100)]
    assert waited == world.slept
    assert min(waited) >= 3.0
    bins = [int((s - 3.0) / 0.05) for s in waited]
    assert max(bins.count(number) for number in set(bins)) <= 15


@pytest.mark.parametrize("wait_s", [0.0, 0.01])
async def test_a_wait_is_never_negative(wait_s: float) -> None:
    world = World()
    assert await world.retries.wait(wait_s, Retry(base_s=0.01, cap_s=0.01)) >= wait_s


def test_a_program_whose_providers_never_fail_keeps_a_minute_of_requests() -> None:
    world = World()
    for _ in range(500):
        world.now_s += 1
        world.retries.request()
    assert len(world.retries._requests) <= 62
    assert sum(world.retries.take() for _ in range(100)) == 12
