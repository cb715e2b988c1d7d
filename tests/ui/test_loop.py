"""The loop inside Qt: what stock qasync does wrong and both of ours do right."""

import asyncio
import gc
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import qasync
from PySide6.QtCore import QEventLoop, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from app.ui.loop import BUDGET_S, PortableLoop, PumpLoop, make_loop

Run = Callable[..., Any]
OURS = [PortableLoop, *([PumpLoop] if sys.platform == "linux" else [])]


@pytest.fixture(params=OURS, ids=lambda kind: kind.__name__)
def loop(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Any]:
    made = request.param(qapp)
    yield made
    made.close()


@pytest.fixture
def stock(qapp: QApplication) -> Iterator[Any]:
    made = qasync.QEventLoop(qapp)
    yield made
    made.close()


def timers_of(loop: Any) -> int:
    """The number of Qt timers that a loop keeps alive."""
    if isinstance(loop, PortableLoop | PumpLoop):
        return sum(timer.isActive() for timer in loop._alarm.findChildren(QTimer))
    return len(loop._timer._SimpleTimer__callbacks)


async def _with_timeouts(count: int) -> None:
    for _ in range(count):
        async with asyncio.timeout(60):
            await asyncio.sleep(0)


async def _timers_after_timeouts(loop: Any) -> int:
    await _with_timeouts(200)
    return timers_of(loop)


def test_stock_qasync_keeps_a_qt_timer_for_every_cancelled_timeout(stock: Any) -> None:
    assert stock.run_until_complete(_timers_after_timeouts(stock)) >= 200


def test_no_qt_timer_is_left_after_cancelled_timeouts(loop: Any) -> None:
    assert loop.run_until_complete(_timers_after_timeouts(loop)) <= 2  # there are no more than these two
    assert timers_of(loop) == 0


def test_a_cancelled_call_later_frees_its_timer_at_once(loop: Any) -> None:
    handle = loop.call_later(60, print)
    assert timers_of(loop) == 1
    handle.cancel()
    assert timers_of(loop) == 0


async def _ticks_after_modal(loop: Any) -> tuple[int, int, list[str]]:
    """Open a modal loop inside this task; return another task's ticks in it and after it, and what went wrong."""
    ticks = 0
    problems: list[str] = []
    loop.set_exception_handler(lambda _, context: problems.append(str(context.get("exception"))))

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.002)

    ticker = loop.create_task(tick())
    await asyncio.sleep(0.01)
    before, modal = ticks, QEventLoop()
    QTimer.singleShot(60, modal.quit)
    modal.exec()
    during, after = ticks - before, ticks
    await asyncio.sleep(0.03)
    ticker.cancel()
    return during, ticks - after, problems


def test_stock_qasync_hangs_other_tasks_for_good_after_a_modal_exec_in_a_coroutine(stock: Any) -> None:
    during, after, problems = stock.run_until_complete(_ticks_after_modal(stock))
    assert (during, after) == (0, 0)
    assert any("Cannot enter into task" in problem for problem in problems)


def test_other_tasks_go_on_during_and_after_a_modal_exec_in_a_coroutine(loop: Any) -> None:
    during, after, problems = loop.run_until_complete(_ticks_after_modal(loop))
    assert during > 3
    assert after > 3
    assert problems == []


class Echo(asyncio.Protocol):
    """Sends back what it gets and counts the connections that ended."""

    ended = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        Echo.ended += 1


async def _echoes(clients: list[bytes], around: Callable[[Any], Any] | None = None) -> list[bytes]:
    """Let each client send its payload to one server and return what came back, with everything closed."""
    loop = asyncio.get_running_loop()
    Echo.ended = 0
    server = await loop.create_server(Echo, "127.0.0.1", 0)

    async def client(payload: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(payload)
        echoed = await reader.readexactly(len(payload))
        writer.close()
        await writer.wait_closed()
        return echoed

    tasks = [loop.create_task(client(payload)) for payload in clients]
    if around is not None:
        around(tasks)
    echoed = await asyncio.gather(*tasks)
    while Echo.ended < len(clients):
        await asyncio.sleep(0.001)
    server.close()
    await server.wait_closed()
    return echoed


def test_sockets_are_served_during_a_modal_exec(loop: Any) -> None:
    def wait_in_qt(tasks: list[asyncio.Task[bytes]]) -> None:
        modal = QEventLoop()
        tasks[0].add_done_callback(lambda _: modal.quit())
        modal.exec()
        assert tasks[0].result() == b"hello"

    assert loop.run_until_complete(_echoes([b"hello"], wait_in_qt)) == [b"hello"]


def test_callbacks_run_in_order_and_in_their_turn(loop: Any) -> None:
    seen: list[str] = []

    async def scene() -> None:
        loop.call_soon(seen.append, "soon 1")
        loop.call_later(0, seen.append, "due")
        loop.call_soon(seen.append, "soon 2")
        loop.call_later(0.02, seen.append, "late")
        loop.call_later(0.01, seen.append, "early")
        await asyncio.sleep(0.04)

    loop.run_until_complete(scene())
    assert seen == ["soon 1", "soon 2", "due", "early", "late"]


def test_a_server_and_many_clients_talk(loop: Any) -> None:
    payloads = [bytes([65 + n]) * 600_000 for n in range(20)]
    assert loop.run_until_complete(_echoes(payloads)) == payloads


def test_threads_wake_the_loop(loop: Any) -> None:
    async def scene() -> tuple[int, str]:
        done, count = loop.create_future(), 0

        def one() -> None:
            nonlocal count
            count += 1
            if count == 400:
                done.set_result(count)

        threads = [
            threading.Thread(target=lambda: [loop.call_soon_threadsafe(one) for _ in range(100)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        total = await done
        name = await asyncio.to_thread(lambda: threading.current_thread().name)
        for thread in threads:
            thread.join()
        await loop.shutdown_default_executor()
        return total, name

    total, name = loop.run_until_complete(scene())
    assert total == 400
    assert name != threading.main_thread().name


def test_cancellation_reaches_a_waiting_task_and_a_time_limit_its_body(loop: Any) -> None:
    async def scene() -> list[str]:
        seen = []

        async def waits() -> None:
            try:
                await loop.create_future()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        task = loop.create_task(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await loop.create_future()
        return seen

    assert loop.run_until_complete(scene()) == ["cancelled"]


def test_a_flood_of_callbacks_leaves_time_for_qt_within_the_budget(loop: Any) -> None:
    """Each slot of the loop ends soon after its budget, and Qt's own timers get their turn in between."""
    qt_turns = 0
    slots: list[float] = []
    drain = loop._run_rounds

    def timed(until: float) -> None:
        start = time.thread_time()
        drain(until)
        slots.append(time.thread_time() - start)

    loop._run_rounds = timed

    def count() -> None:
        nonlocal qt_turns
        qt_turns += 1

    async def spin() -> None:
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            await asyncio.sleep(0)

    async def scene() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(spin())

    timer = QTimer()
    timer.timeout.connect(count)
    timer.start(0)
    loop.run_until_complete(scene())
    timer.stop()
    assert qt_turns > 5
    assert sorted(slots)[len(slots) // 2] < BUDGET_S * 1.25


def test_async_generators_are_closed_when_they_are_forgotten(loop: Any) -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def scene() -> None:
        async for _ in numbers():
            break
        gc.collect()
        await asyncio.sleep(0.01)

    loop.run_until_complete(scene())
    assert closed == [True]


def test_what_is_ready_when_the_loop_stops_waits_for_its_next_run(loop: Any) -> None:
    running: list[asyncio.AbstractEventLoop] = []

    async def later() -> None:
        await asyncio.sleep(0)
        running.append(asyncio.get_running_loop())

    async def scene() -> asyncio.Task[None]:
        return loop.create_task(later())

    task = loop.run_until_complete(scene())
    QApplication.processEvents()
    loop.run_until_complete(task)
    assert running == [loop]


def test_it_works_with_asyncios_runner(qapp: QApplication) -> None:
    async def scene() -> str:
        async with asyncio.timeout(5):
            return await asyncio.to_thread(lambda: "done")

    with asyncio.Runner(loop_factory=lambda: make_loop(qapp)) as runner:
        assert runner.run(scene()) == "done"


def test_an_exception_in_a_callback_goes_to_the_handler(loop: Any) -> None:
    contexts: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: contexts.append(context))

    async def scene() -> None:
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    loop.run_until_complete(scene())
    assert isinstance(contexts[0]["exception"], ZeroDivisionError)
    assert loop.get_exception_handler() is not None


def test_an_interrupt_in_a_callback_ends_the_run(loop: Any) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    loop.call_soon(interrupt)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_signals_are_handled_while_qt_sleeps(loop: Any) -> None:
    async def scene() -> bool:
        got = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, got.set)
        threading.Timer(0.02, lambda: signal.raise_signal(signal.SIGUSR1)).start()
        async with asyncio.timeout(5):
            await got.wait()
        return loop.remove_signal_handler(signal.SIGUSR1)

    assert loop.run_until_complete(scene())


def test_a_closed_loop_refuses_work_and_a_second_close_is_harmless(loop: Any) -> None:
    loop.close()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1, print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon_threadsafe(print)


async def test_the_tests_of_this_folder_run_on_the_programs_own_loop() -> None:
    assert isinstance(asyncio.get_running_loop(), qasync.QEventLoop)
    assert isinstance(asyncio.get_running_loop(), PortableLoop | PumpLoop)


class _Source(QObject):
    flag = Signal(bool)
    pair = Signal(object, tuple)


def test_this_pyside_keeps_the_reference_counts_of_true_and_false(qapp: QApplication) -> None:
    """PySide6 6.12.0 loses references on Python 3.11 until the process dies in `bool_dealloc`."""
    source = _Source()
    source.flag.connect(lambda _: None)
    source.pair.connect(lambda *_: None)
    before = sys.getrefcount(True), sys.getrefcount(False)
    for _ in range(500):
        source.flag.emit(True)
        source.flag.emit(False)
        source.pair.emit(True, (True, False))
        qapp.processEvents()
    after = sys.getrefcount(True), sys.getrefcount(False)
    assert all(abs(a - b) < 50 for a, b in zip(before, after, strict=True))
