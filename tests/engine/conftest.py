"""A relay over two faulty upstreams, with everything real but the server in front."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from app.engine.bus import Bus
from engine.rig import Rig, make_provider
from faults.upstream import FaultyUpstream


@pytest.fixture
async def first() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream("first") as upstream:
        yield upstream


@pytest.fixture
async def second() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream("second") as upstream:
        yield upstream


@pytest.fixture
async def make_rig() -> AsyncIterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*upstreams: FaultyUpstream, **settings: Any) -> Rig:
        bus = Bus()
        names = ("first", "second", "third")
        providers = [
            make_provider(bus, name, upstream.base_url, priority=rank, **settings)
            for rank, (name, upstream) in enumerate(zip(names, upstreams, strict=False))
        ]
        made.append(Rig(bus, providers))
        return made[-1]

    yield make
    for rig in made:
        for provider in rig.providers:
            await provider.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig], first: FaultyUpstream, second: FaultyUpstream) -> Rig:
    return make_rig(first, second)
