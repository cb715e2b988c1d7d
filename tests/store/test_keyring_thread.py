"""Calls that may block for ever: limited, in order, off the loop, and no reason to stay when the program ends."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from app.store.keyring_thread import KeyringProblem, KeyringThread, locked


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Lets a hanging call go on; opened at the end, so that no thread of a test outlives it."""
    event = threading.Event()
    yield event
    event.set()


def poll(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.001)


async def until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(poll, condition)


async def test_a_call_runs_in_one_daemon_thread_of_its_own() -> None:
    calls = KeyringThread(5)
    first = await calls.call(threading.current_thread)
    assert await calls.call(threading.current_thread) is first
    assert first is not threading.current_thread()
    assert first.daemon


async def test_calls_run_one_after_another_in_their_order() -> None:
    calls = KeyringThread(5)
    seen: list[int] = []
    running = 0

    def job(number: int) -> int:
        nonlocal running
        running += 1
        assert running == 1
        seen.append(number)
        running -= 1
        return number

    results = await asyncio.gather(*(calls.call(lambda n=n: job(n)) for n in range(20)))
    assert results == seen == list(range(20))


async def test_a_hanging_call_is_given_up_and_the_next_is_told_at_once(gate: threading.Event) -> None:
    calls = KeyringThread(0.05)
    with pytest.raises(KeyringProblem, match=r"does not answer.*SWITCHTOWER_TOKEN"):
        await calls.call(gate.wait)
    assert calls.hanging
    unlimited = KeyringThread(1000)
    unlimited._hanging = calls._hanging
    with pytest.raises(KeyringProblem, match="does not answer"):
        await unlimited.call(lambda: 1)
    gate.set()
    await until(lambda: not calls.hanging)
    assert await calls.call(lambda: 1) == 1


async def test_a_call_given_up_while_it_waited_for_its_turn_never_runs(gate: threading.Event) -> None:
    calls = KeyringThread(0.2)
    ran = threading.Event()
    started = threading.Event()
    first = asyncio.gather(calls.call(lambda: (started.set(), gate.wait())), return_exceptions=True)
    await until(started.is_set)
    with pytest.raises(KeyringProblem):
        await calls.call(ran.set, timeout_s=0.01)
    assert calls.hanging, "the one before it hangs"
    assert isinstance((await first)[0], KeyringProblem)
    gate.set()
    await until(lambda: not calls.hanging)
    await calls.call(lambda: None)
    assert not ran.is_set()


async def test_the_loop_goes_on_meanwhile(gate: threading.Event) -> None:
    calls = KeyringThread(1000)
    waiting = asyncio.gather(calls.call(gate.wait))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    assert await waiting == [True]


async def test_a_cancelled_caller_takes_its_waiting_call_along(gate: threading.Event) -> None:
    calls = KeyringThread(1000)
    started, ran = threading.Event(), threading.Event()
    first = asyncio.gather(calls.call(lambda: (started.set(), gate.wait())))
    await until(started.is_set)
    second = asyncio.gather(calls.call(ran.set))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.set()
    await first
    assert await calls.call(lambda: 1) == 1
    assert not ran.is_set()


class KeyringLocked(Exception):  # noqa: N818 - the name of keyring's own
    """Known by its name alone."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("CANARY"), "The system keyring failed (OSError)."),
        (ValueError("CANARY"), "The system keyring failed (ValueError)."),
        (SystemExit("CANARY"), "The system keyring failed (SystemExit)."),
        (KeyringLocked("CANARY"), "The system keyring is locked."),
        (KeyringProblem("Told.", "Do this."), "Told. Do this."),
        (locked(), "The system keyring is locked."),
    ],
)
async def test_whatever_a_backend_raises_is_one_line_with_a_remedy(error: BaseException, expected: str) -> None:
    calls = KeyringThread(5)

    def fail() -> None:
        raise error

    with pytest.raises(KeyringProblem) as caught:
        await calls.call(fail)
    assert str(caught.value).startswith(expected)
    assert caught.value.remedy
    assert "CANARY" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert await calls.call(lambda: 1) == 1


_HANGS = """
import asyncio, sys, threading
from app.store.keyring_thread import KeyringProblem, KeyringThread
async def main():
    try:
        await KeyringThread(0.05).call(threading.Event().wait)
    except KeyringProblem as problem:
        print(problem)
asyncio.run(main())
"""


def test_a_hanging_call_does_not_keep_the_process_from_ending() -> None:
    done = subprocess.run([sys.executable, "-c", _HANGS], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.startswith("The system keyring does not answer.")
    assert done.stderr == ""
