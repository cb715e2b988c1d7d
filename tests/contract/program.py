"""The running program for clients of every dialect: a home of its own, settings as given, a keyring in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import openai

from app.runtime import Runtime
from app.store.memory_keyring import MemoryKeyring
from app.store.paths import Paths
from app.store.secrets import KeyStore
from faults.upstream import FaultyUpstream

TOKEN = "sk-local-contract-0123456789abcdef"
ROUTING = "[routing]\nmax_wait_s = 0.01\n"
_RETRY = "retry = { base_s = 0.01, cap_s = 0.01 }\n"


def provider(name: str, kind: str, base_url: str, *more: str) -> str:
    """The settings of one provider; `more` are lines of its table."""
    lines = (f'id = "{name}"', f'kind = "{kind}"', f'base_url = "{base_url}"', *more)
    return "[[providers]]\n" + "".join(f"{line}\n" for line in lines) + _RETRY


def in_order(*upstreams: FaultyUpstream, more: tuple[str, ...] = ()) -> str:
    """Settings of providers that speak OpenAI's dialect and need no key, asked in this order."""
    rows = (
        provider(up.voice.name, "openai-compatible", up.base_url, 'key = "none"', f"priority = {rank}", *more)
        for rank, up in enumerate(upstreams)
    )
    return ROUTING + "".join(rows)


def prepared(home: Path, settings: str, **environ: str) -> Runtime:
    """The program with these settings, not started yet; the caller stops it."""
    environ |= {"SWITCHTOWER_HOME": str(home), "SWITCHTOWER_TOKEN": TOKEN}
    paths = Paths.from_environ(environ)
    paths.prepare()
    paths.settings_file.write_text(settings)
    return Runtime(paths, environ, keys=KeyStore(environ, backend=MemoryKeyring()))


@contextlib.asynccontextmanager
async def running(home: Path, settings: str, **environ: str) -> AsyncIterator[Runtime]:
    """The program with these settings, started and with every provider's models known, and stopped in the end."""
    runtime = prepared(home, settings, **environ)
    await runtime.start(port=0)
    while any(each.catalogue.names is None for each in runtime.fleet.providers):
        await asyncio.sleep(0.01)  # the lists are fetched behind the start
    yield runtime
    await runtime.stop()


def root_of(runtime: Runtime) -> str:
    """Its address as clients of Anthropic, Gemini and Ollama take it."""
    return runtime.service.listening.removesuffix("/v1")


@contextlib.asynccontextmanager
async def openai_client(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """The real package, without its own retries."""
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    made = openai.AsyncOpenAI(base_url=base_url, api_key=TOKEN, max_retries=0, http_client=http)
    yield made
    await made.close()
