"""The owner of tasks."""

import asyncio

import pytest

from app.engine.tasks import TaskOwner


async def fail() -> None:
    raise LookupError("lost")


async def test_a_failure_is_logged_with_the_name(caplog: pytest.LogCaptureFixture) -> None:
    owner = TaskOwner()
    task = owner.spawn("seeker", fail())
    await asyncio.wait({task})
    await asyncio.sleep(0)
    assert "task failed name=seeker" in caplog.text
    assert "LookupError: lost" in caplog.text


async def test_the_end_cancels_what_still_runs(caplog: pytest.LogCaptureFixture) -> None:
    owner = TaskOwner()
    task = owner.spawn("sleeper", asyncio.Event().wait())
    await owner.end_tasks()
    assert task.cancelled()
    assert caplog.records == []
