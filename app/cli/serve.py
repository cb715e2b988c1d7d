"""`switchtower serve`: the proxy without windows."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.cli.instance import runs
from app.cli.output import CommandError, note
from app.cli.session import Session
from app.engine import collector

if TYPE_CHECKING:
    from app.runtime import Runtime

_log = logging.getLogger(__name__)

MAX_PORT = 65535


def add_to(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = verbs.add_parser("serve", help="the proxy without windows", description="Serve until SIGINT or SIGTERM.")
    add_address(parser)
    parser.set_defaults(verb=serve)


def add_address(parser: argparse.ArgumentParser) -> None:
    """Let the command line go before `server.host` and `server.port` of the settings.

    There is no default: that of a command would undo what stands in front of its name.
    """
    no = argparse.SUPPRESS
    told = "port, instead of server.port; 0 takes a free one"
    parser.add_argument("--host", default=no, metavar="H", help="address to listen on, instead of server.host")
    parser.add_argument("--port", default=no, type=_port, metavar="N", help=told)


def serve(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the command."""
    from app.runtime import Runtime
    from app.store.paths import Paths

    return run_headless(Runtime(Paths.from_environ(environ), environ), args.host, args.port)


def run_headless(runtime: "Runtime", host: str = "", port: int | None = None) -> int:
    """Serve with `runtime` in a loop of our own until a signal comes; the first line printed says where.

    Raises:
        CommandError: it cannot start.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(runtime, host, port))


async def _serve(runtime: "Runtime", host: str, port: int | None) -> int:
    from app.runtime import StartError

    stopped = asyncio.Event()
    _on_signals(stopped.set)
    try:
        await runtime.start(host, port)
        collector.leave_out()
        snapshot = runtime.snapshot()
        if snapshot.settings_problem:
            note(f"switchtower: settings rejected, the last good ones are used: {snapshot.settings_problem}")
        print(f"listening on {snapshot.listening}", flush=True)
        await stopped.wait()
    except StartError as error:
        why = await _explain(runtime, port) or str(error)
        if _log.hasHandlers():  # else there is no log yet, and Python would print the line, which comes anyway
            _log.error("does not start: %s", why)
        raise CommandError(why) from error
    finally:
        await runtime.stop()
    return 0


async def _explain(runtime: "Runtime", port: int | None) -> str:
    """That the port is taken by the Switchtower of this home, which runs already; empty when it is not."""
    from app.server.port import owner_pid

    session = Session(runtime.environ)
    wanted = runtime.settings.server.port if port is None else port
    address = session.told_address
    if not runtime.service.lacks_port or urlsplit(address).port != wanted or not await runs(session):
        return ""
    pid = owner_pid(wanted)
    who = f" (process {pid})" if pid else ""
    return f"Switchtower already runs at {address}{who}. Use it, or end it first."


def _on_signals(stop: Callable[[], object]) -> None:
    """Call `stop` in the loop on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        else:
            loop.add_signal_handler(number, stop)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where it is installed, else asyncio's own."""
    try:
        if sys.platform == "win32":
            import winloop as fast
        else:
            import uvloop as fast
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = fast.new_event_loop
    return factory


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {MAX_PORT}")
    return port
