"""Waits end in time, each for itself, and without leaving anything behind."""

import asyncio

import pytest

from app.engine.shared_deadline import SharedDeadline


async def value(seconds: float = 0) -> str:
    await asyncio.sleep(seconds)
    return "done"


async def test_what_comes_in_time_is_returned():
    deadline = SharedDeadline()
    assert await deadline.wait(value(), 30) == "done"
    assert deadline._due_s == {}


async def test_what_does_not_come_is_a_timeout_and_the_task_goes_on():
    deadline = SharedDeadline()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.Event().wait(), 0.01)
    assert await value() == "done"
    assert asyncio.current_task().cancelling() == 0


async def test_each_of_many_waits_has_its_own_end():
    deadline = SharedDeadline()

    async def begin_after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.Event().wait(), 0.05)
        return asyncio.get_running_loop().time() - began

    waited = await asyncio.gather(*(begin_after(number * 0.01) for number in range(10)))
    assert min(waited) >= 0.045
    assert deadline._due_s == {}


async def test_a_cancellation_from_outside_stays_one():
    deadline = SharedDeadline()
    task = asyncio.get_running_loop().create_task(deadline.wait(asyncio.Event().wait(), 30))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deadline._due_s == {}


async def test_errors_pass_through():
    async def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await SharedDeadline().wait(fail(), 30)


async def test_the_shorter_of_two_waits_ends_first_whichever_began_first():
    deadline, ended = SharedDeadline(), []

    async def until(seconds: float) -> None:
        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.Event().wait(), seconds)
        ended.append(seconds)

    await asyncio.gather(*(until(seconds) for seconds in (0.09, 0.01, 0.06, 0.03)))
    assert ended == [0.01, 0.03, 0.06, 0.09]
    assert (deadline._due_s, deadline._timer) == ({}, None)


async def test_whoever_overstays_its_cancellation_is_cancelled_once():
    deadline, cancelled = SharedDeadline(), 0

    async def stubborn() -> str:
        nonlocal cancelled
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
        with pytest.raises(TimeoutError):
            await asyncio.get_running_loop().create_task(deadline.wait(asyncio.Event().wait(), 0.02))
        return "done"

    assert await deadline.wait(stubborn(), 0.01) == "done"
    assert cancelled == 1
