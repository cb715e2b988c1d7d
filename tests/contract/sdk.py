"""The real `openai` package in front of the running program, blocking or not, through one door for the tests."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import openai

Ask = Callable[[Any], Any]


class BlockingSdk:
    """`openai.OpenAI`; its calls run in a thread, since the program under test has the event loop."""

    def __init__(self, base_url: str, token: str) -> None:
        http = openai.DefaultHttpxClient(trust_env=False)
        self.client: Any = openai.OpenAI(base_url=base_url, api_key=token, max_retries=0, http_client=http)

    async def do(self, ask: Ask, **options: Any) -> Any:
        """The result of one call; `options` change the client for it."""
        return await asyncio.to_thread(ask, self.client.with_options(**options))

    async def stream(self, ask: Ask, into: list[Any]) -> None:
        """Put what a stream or a list of pages brings into `into`, up to its end or its exception."""

        def read() -> None:
            for item in ask(self.client):
                into.append(item)

        await asyncio.to_thread(read)

    async def leave(self, ask: Ask) -> Any:
        """The first item of a stream, which is then left."""

        def read() -> Any:
            with ask(self.client) as stream:
                return next(iter(stream))

        return await asyncio.to_thread(read)

    async def close(self) -> None:
        self.client.close()


class AsyncSdk:
    """`openai.AsyncOpenAI`, in the event loop of the program under test."""

    def __init__(self, base_url: str, token: str) -> None:
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        self.client: Any = openai.AsyncOpenAI(base_url=base_url, api_key=token, max_retries=0, http_client=http)

    async def do(self, ask: Ask, **options: Any) -> Any:
        """As `BlockingSdk.do`."""
        return await ask(self.client.with_options(**options))

    async def stream(self, ask: Ask, into: list[Any]) -> None:
        """As `BlockingSdk.stream`."""
        asked = ask(self.client)
        async for item in await asked if isinstance(asked, Awaitable) and not hasattr(asked, "__aiter__") else asked:
            into.append(item)

    async def leave(self, ask: Ask) -> Any:
        """As `BlockingSdk.leave`."""
        async with await ask(self.client) as stream:
            return await anext(aiter(stream))

    async def close(self) -> None:
        await self.client.close()


Sdk = BlockingSdk | AsyncSdk
