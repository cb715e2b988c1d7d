"""A request ends in time, however many providers hang."""

import time

import pytest

from app.engine.deadline import RESERVE_S, Deadline
from app.store.settings import Timeouts
from engine.rig import Rig, read
from faults import plays
from faults.upstream import FaultyUpstream

TOTAL_S = 0.4


def hurry(rig: Rig) -> None:
    """Both providers have the same short time for everything."""
    times = Timeouts(total_s=TOTAL_S, first_byte_s=30, idle_s=30)
    for provider in rig.providers:
        provider.settings = provider.settings.model_copy(update={"timeouts": times})


def test_it_is_the_largest_of_all_and_a_part_is_kept_for_others() -> None:
    now_s = [10.0]
    deadline = Deadline([Timeouts(total_s=5), Timeouts(total_s=600)], lambda: now_s[0])
    assert deadline.left_s == pytest.approx(600.1)
    assert deadline.share_s(others=False) == pytest.approx(600.1)
    assert deadline.share_s(others=True) == pytest.approx(600.1 - RESERVE_S)
    now_s[0] += 580
    assert deadline.share_s(others=True) == pytest.approx(10.05), "half of what is left at least"
    now_s[0] += 21
    assert deadline.left_s == 0.0
    assert Deadline([Timeouts(total_s=600)], lambda: now_s[0], gone_s=100).left_s == pytest.approx(500.1)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_two_hanging_providers_are_504_at_the_deadline(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, stream: bool
) -> None:
    hurry(rig)
    first.script(plays.HANG)
    second.script(plays.HANG)
    began_s = time.monotonic()
    answer = await rig.ask(stream=stream)
    assert answer.status == 504
    assert time.monotonic() - began_s < TOTAL_S + 0.5
    assert (len(first.posts), len(second.posts)) == (1, 1)
    assert b"upstream_timeout" in answer.body
    assert [attempt.fault for attempt in rig.finished[-1].attempts] == ["upstream_timeout"] * 2


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_hanging_provider_leaves_time_for_the_next(
    rig: Rig, first: FaultyUpstream, second: FaultyUpstream, stream: bool
) -> None:
    hurry(rig)
    first.script(plays.HANG)
    answer = await rig.ask(stream=stream)
    assert answer.status == 200
    assert dict(answer.headers)[b"x-switchtower-provider"] == b"second"
    if stream:
        assert (await read(answer)).endswith(b"data: [DONE]\n\n")


async def test_no_repetition_begins_after_the_deadline(rig: Rig, first: FaultyUpstream) -> None:
    del rig.providers[1]
    hurry(rig)
    first.script(plays.HANG)
    assert (await rig.ask()).status == 504
    assert len(first.posts) == 1
    assert all(provider.in_flight == 0 for provider in rig.providers)
