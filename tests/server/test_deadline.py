"""Waits end in time, each for itself, and without leaving anything behind."""

import asyncio

import pytest

from app.server.deadline import SharedDeadline


async def value(seconds: float = 0) -> str:
    await asyncio.sleep(seconds)
    return "done"


async def test_what_comes_in_time_is_returned():
    deadline = SharedDeadline(30)
    assert await deadline.wait(value()) == "done"
    assert deadline._due_s == {}


async def test_what_does_not_come_is_a_timeout_and_the_task_goes_on():
    deadline = SharedDeadline(0.01)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.Event().wait())
    assert await value() == "done"
    assert asyncio.current_task().cancelling() == 0


async def test_each_of_many_waits_has_its_own_end():
    deadline = SharedDeadline(0.05)

    async def begin_after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.Event().wait())
        return asyncio.get_running_loop().time() - began

    waited = await asyncio.gather(*(begin_after(number * 0.01) for number in range(10)))
    assert min(waited) >= 0.045
    assert deadline._due_s == {}


async def test_a_cancellation_from_outside_stays_one():
    deadline = SharedDeadline(30)
    task = asyncio.get_running_loop().create_task(deadline.wait(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deadline._due_s == {}


async def test_errors_pass_through():
    async def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await SharedDeadline(30).wait(fail())
