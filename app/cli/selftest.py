"""`switchtower --self-test`: load every part, answer itself in every dialect, open every window; for builds."""

import asyncio
import importlib
import pkgutil
import secrets
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import app
from app.cli import parts
from app.cli.output import CommandError, say

if TYPE_CHECKING:
    from app.net.client import UpstreamClient
    from app.runtime import Runtime

OpenWindows = Callable[["Runtime"], None]
_NOT_HERE = ("app.ui", "app.__main__")
_ASKED = (
    (
        "OpenAI's chat",
        "/v1/chat/completions",
        b'{"model":"demo-small","messages":[{"role":"user","content":"self-test"}]}',
    ),
    ("OpenAI's Responses", "/v1/responses", b'{"model":"demo-small","input":"self-test"}'),
    (
        "Anthropic's",
        "/v1/messages",
        b'{"model":"demo-small","max_tokens":99,"messages":[{"role":"user","content":"self-test"}]}',
    ),
    (
        "Gemini's",
        "/v1beta/models/demo-small:generateContent",
        b'{"contents":[{"role":"user","parts":[{"text":"self-test"}]}]}',
    ),
    (
        "Ollama's",
        "/api/chat",
        b'{"model":"demo-small","stream":false,"messages":[{"role":"user","content":"self-test"}]}',
    ),
)
"""A dialect, its path and a request in it; the invented providers repeat the last word."""
_STREAM = b'{"model":"demo-small","stream":true,"messages":[{"role":"user","content":"self-test"}]}'
_COUNTED = "gpt-4o"
_OK = 200
_AGAIN = "Install Switchtower again."


def run(environ: Mapping[str, str], open_windows: OpenWindows | None = None) -> int:
    """Run it all on a throw-away home.

    Raises:
        CommandError: a part does not load or a request is not answered.
    """
    count = load_everything()
    say(f"loaded {count} modules, {_count_kinds()} kinds of provider")
    for part in parts.here():
        say(_load_part(part))
    _see_environment(environ)
    with tempfile.TemporaryDirectory(prefix="switchtower-self-test-", ignore_cleanup_errors=True) as home:
        own = {
            **environ,
            "SWITCHTOWER_HOME": str(Path(home).resolve()),
            "SWITCHTOWER_TOKEN": f"sk-local-{secrets.token_urlsafe(24)}",
        }
        _with_log(lambda: asyncio.run(_serve_itself(own, open_windows)))
    say("self-test passed")
    return 0


def load_everything() -> int:
    """Import every module but the windows, which `open_windows` loads; return how many there are."""
    names = [m.name for m in pkgutil.walk_packages(app.__path__, "app.") if not m.name.startswith(_NOT_HERE)]
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise CommandError(f"{name} cannot be loaded: {error}. {_AGAIN}") from error
    return len(names)


def _count_kinds() -> int:
    from app.providers.registry import Registry

    return len(Registry.load().kinds())


def _load_part(part: parts.Part) -> str:
    """Import a part of the program that is not its own; return the line about it."""
    try:
        complete = parts.is_complete(part, built=getattr(sys, "frozen", False))
    except ImportError as error:
        raise CommandError(f"The {part.name} cannot be loaded: {error}. {_AGAIN}") from error
    return f"loaded the {part.name}" if complete else f"not installed: the {part.name} (extra {part.extra})"


def _see_environment(environ: Mapping[str, str]) -> None:
    """See that a program started by this one would load the system's libraries, not those that are frozen in."""
    ours = getattr(sys, "_MEIPASS", "")
    if ours and ours in environ.get("LD_LIBRARY_PATH", ""):
        raise CommandError(f"Programs started from here would load our libraries: LD_LIBRARY_PATH names {ours}.")


def _with_log(action: Callable[[], None]) -> None:
    """Do it with the log's warnings on stderr, for the home with the log goes away."""
    from app.store import log

    log.setup(None, "warning", console=True)
    try:
        action()
    finally:
        log.stop()


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
        await _count_tokens(environ)
        if open_windows is not None:
            _open(open_windows, runtime)
    finally:
        await runtime.stop()
        await upstream.stop()


def _open(open_windows: OpenWindows, runtime: "Runtime") -> None:
    try:
        open_windows(runtime)
    except ImportError as error:
        raise CommandError(f"The windows cannot be loaded: {error}. {_AGAIN}") from error
    say("opened every window")


async def _ask(runtime: "Runtime") -> None:
    """A plain request in every dialect and a streamed one, over a real connection."""
    from app.net.client import ClientOptions, Credential, UpstreamClient

    token = runtime.token()
    if token is None:
        raise CommandError("There is no local token. Start again.")
    credential = Credential("authorization", "Bearer ", token)
    address = runtime.snapshot().listening.removesuffix("/v1")
    client = UpstreamClient(ClientOptions("Switchtower", address, credential, proxy="none"))
    try:
        for dialect, path, body in _ASKED:
            size = await _expect(client, path, body, holds=b"self-test")
            say(f"answered a request in {dialect} dialect, {size} bytes")
        size = await _expect(client, "/v1/chat/completions", _STREAM, holds=b"data: [DONE]")
        say(f"answered a streamed request, {size} bytes")
    finally:
        await client.aclose()


async def _count_tokens(environ: Mapping[str, str]) -> None:
    """Have the counting process count, where there is one."""
    from app.engine.tokenizer import Tokenizer

    tokenizer = Tokenizer(environ)
    if not tokenizer.knows(_COUNTED):
        return
    try:
        tokens = await tokenizer.count(_COUNTED, ["self-test"])
    finally:
        tokenizer.close()
    if not tokens:
        raise CommandError(f"The tokenizer does not count. {_AGAIN}")
    say(f"counted {tokens} tokens in a process of its own")


async def _expect(client: "UpstreamClient", path: str, body: bytes, *, holds: bytes) -> int:
    reply = await client.post(path, body, stream=body is _STREAM)
    try:
        answer = await reply.read()
    finally:
        await reply.aclose()
    if reply.status != _OK or holds not in answer:
        raise CommandError(f"The request to itself at {path} got status {reply.status}. What was logged stands above.")
    return len(answer)
