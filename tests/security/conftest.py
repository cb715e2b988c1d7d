"""Every asynchronous test of the defence runs on asyncio's own loop and on uvloop."""

import asyncio

import pytest_asyncio
import uvloop

from server.serving import Served


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture
async def served():
    async with Served() as running:
        yield running
