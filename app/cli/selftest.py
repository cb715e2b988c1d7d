"""`switchtower --self-test`: load every part, serve requests to itself, open every window; for builds."""

import asyncio
import importlib
import pkgutil
import secrets
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import app
from app.cli.output import CommandError, say

if TYPE_CHECKING:
    from app.net.client import UpstreamClient
    from app.runtime import Runtime

OpenWindows = Callable[["Runtime"], None]
_NOT_HERE = ("app.ui", "app.__main__")
_CHAT = b'{"model":"demo-small","messages":[{"role":"user","content":"self-test"}]%s}'
_OK = 200


def run(environ: Mapping[str, str], open_windows: OpenWindows | None = None) -> int:
    """Run it all on a throw-away home.

    Raises:
        CommandError: a part does not load or a request is not answered.
    """
    count = load_everything()
    say(f"loaded {count} modules")
    with tempfile.TemporaryDirectory(prefix="switchtower-self-test-", ignore_cleanup_errors=True) as home:
        own = {
            **environ,
            "SWITCHTOWER_HOME": str(Path(home).resolve()),
            "SWITCHTOWER_TOKEN": f"sk-local-{secrets.token_urlsafe(24)}",
        }
        asyncio.run(_serve_itself(own, open_windows))
    say("self-test passed")
    return 0


def load_everything() -> int:
    """Import every module but the windows, which `open_windows` loads; return how many there are."""
    names = [m.name for m in pkgutil.walk_packages(app.__path__, "app.") if not m.name.startswith(_NOT_HERE)]
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise CommandError(f"{name} cannot be loaded: {error}. Install Switchtower again.") from error
    return len(names)


async def _serve_itself(environ: Mapping[str, str], open_windows: OpenWindows | None) -> None:
    from app.runtime import Runtime
    from app.server.demo import DemoProviders, settings_toml
    from app.store.paths import Paths

    paths = Paths.from_environ(environ)
    upstream = DemoProviders(pace_s=0)
    runtime = Runtime(paths, environ, demo=True)
    try:
        urls = await upstream.start()
        paths.prepare()
        await asyncio.to_thread(paths.settings_file.write_text, settings_toml(*urls), "utf-8")
        await runtime.start(port=0)
        await _ask(runtime)
        if open_windows is not None:
            _open(open_windows, runtime)
    finally:
        await runtime.stop()
        await upstream.stop()


def _open(open_windows: OpenWindows, runtime: "Runtime") -> None:
    try:
        open_windows(runtime)
    except ImportError as error:
        raise CommandError(f"The windows cannot be loaded: {error}. Install Switchtower again.") from error
    say("opened every window")


async def _ask(runtime: "Runtime") -> None:
    """One plain and one streamed request over a real connection."""
    from app.net.client import ClientOptions, Credential, UpstreamClient

    token = runtime.token()
    if token is None:
        raise CommandError("There is no local token. Start again.")
    credential = Credential("authorization", "Bearer ", token)
    client = UpstreamClient(ClientOptions("Switchtower", runtime.snapshot().listening, credential, proxy="none"))
    try:
        await _expect(client, _CHAT % b"", stream=False, holds=b"self-test")
        await _expect(client, _CHAT % b',"stream":true', stream=True, holds=b"data: [DONE]")
    finally:
        await client.aclose()


async def _expect(client: "UpstreamClient", body: bytes, *, stream: bool, holds: bytes) -> None:
    reply = await client.post("/chat/completions", body, stream=stream)
    try:
        answer = await reply.read()
    finally:
        await reply.aclose()
    if reply.status != _OK or holds not in answer:
        raise CommandError(f"The request to itself got status {reply.status}. The log says more.")
    say(f"answered a {'streamed' if stream else 'plain'} request, {len(answer)} bytes")
