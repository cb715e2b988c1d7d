"""Reuse, limits, stale connections, expiry and closing of the connections to one origin."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from app.net.connection import Waits
from app.net.dialer import Dialer, Origin
from app.net.pool import Pool, PoolLimits

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
WAITS = Waits(pool_s=5)

MakePool = Callable[..., Pool]


@pytest.fixture
async def make_pool() -> AsyncIterator[MakePool]:
    pools: list[Pool] = []

    def make(server: Any, **limits: Any) -> Pool:
        pool = Pool(Dialer(Origin("http", "127.0.0.1", server.port), {}), PoolLimits(**limits))
        pools.append(pool)
        return pool

    yield make
    for pool in pools:
        await pool.aclose()
        assert pool.size == 0


async def ask(pool: Pool, waits: Waits = WAITS) -> bytes:
    connection = await pool.send(GET, b"", waits)
    try:
        pieces = []
        while piece := await connection.chunk(5):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        pool.release(connection)


async def test_one_after_the_other_is_one_connection(serve: Any, always: Any, make_pool: MakePool) -> None:
    server = await serve(always(OK))
    pool = make_pool(server)
    assert pool.size == 0
    assert [await ask(pool) for _ in range(20)] == [b"ok"] * 20
    assert server.connections == 1
    assert pool.size == 1


async def test_the_limit_of_connections_holds(serve: Any, make_pool: MakePool) -> None:
    busiest = 0

    async def script(peer: Any) -> None:
        nonlocal busiest
        while True:
            await peer.request()
            busiest = max(busiest, peer.server.open)
            await asyncio.sleep(0)
            await peer.send(OK)

    pool = make_pool(await serve(script), max_connections=3)
    assert await asyncio.gather(*(ask(pool) for _ in range(200))) == [b"ok"] * 200
    assert busiest <= 3
    assert pool.size <= 3


async def test_the_limit_holds_when_no_connection_can_be_reused(serve: Any, make_pool: MakePool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    pool = make_pool(await serve(script), max_connections=2)
    assert await asyncio.gather(*(ask(pool) for _ in range(50))) == [b"ok"] * 50


async def test_waiting_too_long_for_a_connection(serve: Any, make_pool: MakePool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.gone()

    server = await serve(script)
    pool = make_pool(server, max_connections=1)
    first = asyncio.get_running_loop().create_task(ask(pool))
    while not server.requests:
        await asyncio.sleep(0)
    with pytest.raises(httpx.PoolTimeout):
        await ask(pool, Waits(pool_s=0.05))
    cancelled = asyncio.get_running_loop().create_task(ask(pool))
    await asyncio.sleep(0)
    cancelled.cancel()
    first.cancel()
    await asyncio.wait({first, cancelled})
    await server.until(lambda: server.open == 0)
    while pool.size:
        await asyncio.sleep(0)


async def test_cancelled_waiters_give_their_turn_on(serve: Any, make_pool: MakePool) -> None:
    go = asyncio.Event()

    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            await go.wait()
            await peer.send(OK)

    server = await serve(script)
    pool = make_pool(server, max_connections=1)
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(ask(pool)) for _ in range(10)]
    while not server.requests:
        await asyncio.sleep(0)
    go.set()
    while len(server.requests) < 3:
        await asyncio.sleep(0)
    for task in tasks[5:9]:
        task.cancel()
    done, _ = await asyncio.wait({*tasks[:5], tasks[9]}, timeout=5)
    assert len(done) == 6
    assert [task.result() for task in done] == [b"ok"] * 6
    await asyncio.wait(tasks)


async def test_idle_connections_expire(serve: Any, always: Any, make_pool: MakePool) -> None:
    server = await serve(always(OK))
    pool = make_pool(server, keepalive_expiry_s=0.05)
    await asyncio.gather(ask(pool), ask(pool))
    await asyncio.wait_for(server.until(lambda: server.open == 0), 5)
    while pool.size:
        await asyncio.sleep(0)
    assert await ask(pool) == b"ok"


async def test_callers_at_work_share_connections_beyond_those_kept_idle(
    serve: Any, always: Any, make_pool: MakePool
) -> None:
    server = await serve(always(OK))
    pool = make_pool(server, max_keepalive=2)
    for _ in range(5):
        await asyncio.gather(*(ask(pool) for _ in range(10)))
    assert server.connections <= 10


async def test_none_are_kept_where_none_are_wanted(serve: Any, always: Any, make_pool: MakePool) -> None:
    server = await serve(always(OK))
    pool = make_pool(server, max_keepalive=0)
    await ask(pool)
    await asyncio.wait_for(server.until(lambda: server.open == 0), 5)


async def test_no_more_than_a_few_are_kept_idle(serve: Any, always: Any, make_pool: MakePool) -> None:
    server = await serve(always(OK))
    pool = make_pool(server, max_keepalive=2)
    await asyncio.gather(*(ask(pool) for _ in range(10)))
    await asyncio.wait_for(server.until(lambda: server.open <= 2), 5)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_connection_that_died_idle_is_replaced_unseen(serve: Any, make_pool: MakePool, how: str) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.server.connections > 1:
            await peer.gone()
        # the next request arrives, and only then the connection ends: the race that cannot be seen beforehand
        await peer.request()
        if how == "reset":
            peer.reset()

    server = await serve(script)
    pool = make_pool(server)
    assert await ask(pool) == b"ok"
    assert await ask(pool) == b"ok"
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_fresh_connection_that_dies_is_not_tried_again(serve: Any, make_pool: MakePool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()

    server = await serve(script)
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(make_pool(server))
    assert server.connections == 1


async def test_a_reused_connection_that_began_to_answer_is_not_tried_again(serve: Any, make_pool: MakePool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(b"HTTP/1.1 20")

    server = await serve(script)
    pool = make_pool(server)
    assert await ask(pool) == b"ok"
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(pool)
    assert server.connections == 1


async def test_leftover_bytes_never_reach_another_request(serve: Any, make_pool: MakePool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await peer.gone()

    server = await serve(script)
    pool = make_pool(server)
    assert [await ask(pool) for _ in range(3)] == [b"ok"] * 3
    assert server.connections == 3


async def test_closing_ends_replies_in_flight_and_waiting_calls(serve: Any, make_pool: MakePool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        await peer.gone()

    server = await serve(script)
    pool = make_pool(server, max_connections=1)
    connection = await pool.send(GET, b"", WAITS)
    loop = asyncio.get_running_loop()
    reading = loop.create_task(connection.chunk(30))
    waiting = loop.create_task(ask(pool))
    await asyncio.sleep(0)
    await pool.aclose()
    for task in (reading, waiting):
        with pytest.raises(httpx.CloseError):
            await task
    with pytest.raises(httpx.CloseError):
        await ask(pool)
    await server.until(lambda: server.open == 0)
    assert pool.size == 0
    pool.release(connection)


async def test_failing_dials_free_their_place(make_pool: MakePool, serve: Any, always: Any) -> None:
    server = await serve(always(OK))
    pool = make_pool(server, max_connections=1)
    gone = Pool(Dialer(Origin("http", "127.0.0.1", 1), {}), PoolLimits(max_connections=1))
    results = await asyncio.gather(*(ask(gone) for _ in range(5)), return_exceptions=True)
    assert {type(result) for result in results} == {httpx.ConnectError}
    assert gone.size == 0
    assert await ask(pool) == b"ok"


@pytest.mark.parametrize("keep", [True, False])
async def test_what_a_cancelled_call_was_given_goes_to_the_next(serve: Any, make_pool: MakePool, keep: bool) -> None:
    reply = OK if keep else OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")

    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            await peer.send(reply)

    pool = make_pool(await serve(script), max_connections=1)
    loop = asyncio.get_running_loop()
    connection = await pool.send(GET, b"", WAITS)
    assert await connection.chunk(5) == b"ok"
    unlucky, next_one = loop.create_task(ask(pool)), loop.create_task(ask(pool))
    await asyncio.sleep(0)
    pool.release(connection)
    while unlucky._fut_waiter is not None and not unlucky._fut_waiter.done():  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    unlucky.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unlucky
    assert await asyncio.wait_for(next_one, 5) == b"ok"


async def test_a_stale_connection_is_replaced_when_no_more_may_be_opened(serve: Any, make_pool: MakePool) -> None:
    async def script(peer: Any) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.server.connections > 2:
            await peer.gone()
        await peer.request()

    server = await serve(script)
    pool = make_pool(server, max_connections=2)
    await asyncio.gather(ask(pool), ask(pool))
    assert await ask(pool) == b"ok"
    assert server.connections == 3


async def test_closing_while_a_connection_is_being_opened(serve: Any, always: Any) -> None:
    server = await serve(always(OK))
    ready, go = asyncio.Event(), asyncio.Event()

    class SlowDialer(Dialer):
        async def connect(self, make: Any) -> Any:
            connection = await super().connect(make)
            ready.set()
            await go.wait()
            return connection

    pool = Pool(SlowDialer(Origin("http", "127.0.0.1", server.port), {}), PoolLimits())
    task = asyncio.get_running_loop().create_task(ask(pool))
    await ready.wait()
    await pool.aclose()
    go.set()
    with pytest.raises(httpx.CloseError):
        await task
    await asyncio.wait_for(server.until(lambda: server.open == 0), 5)
    while pool.size:
        await asyncio.sleep(0)


async def test_a_connection_that_dies_while_it_is_handed_over(serve: Any, make_pool: MakePool) -> None:
    class Dying(Dialer):
        async def connect(self, make: Any) -> Any:
            connection = await super().connect(make)
            connection.abort()
            while not connection.closed:
                await asyncio.sleep(0)
            return connection

    async def script(peer: Any) -> None:
        await peer.gone()

    server = await serve(script)
    pool = Pool(Dying(Origin("http", "127.0.0.1", server.port), {}), PoolLimits(max_connections=1))
    results = await asyncio.gather(ask(pool), ask(pool), return_exceptions=True)
    assert [type(result) for result in results] == [httpx.RemoteProtocolError] * 2
    assert pool.size == 0
