"""A relay over one provider, once for every row of the catalog."""

from collections.abc import AsyncIterator

import pytest

from app.providers.catalog import CATALOG
from app.providers.spec import OPENAI, ProviderSpec
from contract.row_rig import RowRig
from faults.answers import Voice
from faults.upstream import FaultyUpstream

SPEAK_OPENAI = tuple(spec for spec in CATALOG if spec.dialect == OPENAI)


@pytest.fixture(params=SPEAK_OPENAI, ids=[spec.id for spec in SPEAK_OPENAI])
def spec(request: pytest.FixtureRequest) -> ProviderSpec:
    row: ProviderSpec = request.param
    return row


@pytest.fixture
async def upstream() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream(Voice("upstream", models=("listed-small", "listed/large"))) as running:
        yield running


@pytest.fixture
async def rig(spec: ProviderSpec, upstream: FaultyUpstream) -> AsyncIterator[RowRig]:
    made = RowRig(spec, upstream)
    await made.build()
    yield made
    await made.fleet.close()


@pytest.fixture
async def one() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream("one") as running:
        yield running


@pytest.fixture
async def two() -> AsyncIterator[FaultyUpstream]:
    async with FaultyUpstream("two") as running:
        yield running
