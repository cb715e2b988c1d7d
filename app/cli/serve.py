"""`switchtower serve`: the proxy without windows."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from app.cli.output import CommandError
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
        print(f"listening on {runtime.snapshot().listening}", flush=True)
        await stopped.wait()
    except StartError as error:
        if _log.hasHandlers():  # else there is no log yet, and Python would print the line, which comes anyway
            _log.error("does not start: %s", error)
        raise CommandError(str(error)) from error
    finally:
        await runtime.stop()
    return 0


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
