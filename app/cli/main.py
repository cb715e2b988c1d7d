"""The command line: the parser, and one place that turns failures into one line and an exit code."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import __version__
from app.cli import clients, config, doctor, keys, providers, requests, selftest, serve, status, usage
from app.cli.instance import listens
from app.cli.output import CommandError, WrongUsageError, flush, note
from app.cli.session import Session

if TYPE_CHECKING:
    from app.runtime import Runtime

DONE, FAILED, WRONG = 0, 1, 2
_LISTENING = (None, "serve", "demo")
_GROUPS = (serve, status, doctor, providers, keys, clients, usage, requests, config)


@dataclass(frozen=True, slots=True)
class Faces:
    """What only `__main__` can give, because this package knows no windows.

    `tray` and `demo` take environment, host and port (empty and None: as in the settings) and return the exit code;
    `open_windows` opens every window once over a running core, `end` has the running tray application quit; both are
    None without Qt.
    """

    tray: Callable[[Mapping[str, str], str, int | None], int]
    demo: Callable[[Mapping[str, str], str, int | None], int]
    open_windows: "Callable[[Runtime], None] | None" = None
    end: Callable[[Mapping[str, str]], int] | None = None


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="switchtower",
        description="One local address for every LLM provider you have a key for. Without a command: the tray.",
    )
    parser.add_argument("--version", action="version", version=f"switchtower {__version__}")
    parser.add_argument("--self-test", action="store_true", help="load every part and serve one request; for builds")
    serve.add_address(parser)
    parser.set_defaults(host="", port=None)
    verbs = parser.add_subparsers(metavar="COMMAND", dest="command", title="commands")
    for group in _GROUPS:
        group.add_to(verbs)
    demo = verbs.add_parser("demo", help="try it: invented providers, two weeks of data, nothing is kept")
    serve.add_address(demo)
    verbs.add_parser("quit", help="have the running tray application quit, and wait until it has")
    return parser


def run(argv: Sequence[str], environ: Mapping[str, str], faces: Faces | None = None) -> int:
    """Run `argv` (without the program's name); return 0 done, 1 failed (one line on stderr) or 2 wrong usage."""
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
        if args.command not in _LISTENING and (args.host or args.port is not None):
            parser.error(f"--host and --port mean nothing to {args.command}")
    except SystemExit as end:  # argparse has printed what there is to say
        return _finish(int(end.code or 0))
    try:
        return _finish(_dispatch(args, environ, faces, parser))
    except WrongUsageError as error:
        note(f"switchtower: {error}")
        return WRONG
    except CommandError as error:
        note(f"switchtower: {error}")
    except KeyboardInterrupt:
        note("switchtower: interrupted.")
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        return DONE
    except _expected() as error:
        note(f"switchtower: {error}")
    return FAILED


def _finish(code: int) -> int:
    """Write out what still waits, here, where a failure can be told; return the exit code."""
    try:
        flush()
    except BrokenPipeError:
        return DONE
    except CommandError as error:
        note(f"switchtower: {error}")
        return FAILED
    return code


def _dispatch(
    args: argparse.Namespace, environ: Mapping[str, str], faces: Faces | None, parser: argparse.ArgumentParser
) -> int:
    if args.self_test:
        return selftest.run(environ, faces.open_windows if faces else None)
    if args.command == "quit":
        return _quit(environ, faces)
    if args.command not in (None, "demo"):
        code: int = args.verb(args, environ)
        return code
    if faces is None:
        parser.print_usage(sys.stderr)
        return WRONG
    face = faces.demo if args.command == "demo" else faces.tray
    return face(environ, args.host, args.port)


def _quit(environ: Mapping[str, str], faces: Faces | None) -> int:
    if faces is None or faces.end is None:
        note("switchtower: Without Qt there is no tray application. `switchtower serve` ends with Ctrl+C or SIGTERM.")
        return DONE
    code = faces.end(environ)
    where = Session(environ).told_address
    if code == DONE and where and asyncio.run(listens(where)):
        note(f"switchtower: `switchtower serve` still listens at {where}. It ends with Ctrl+C or SIGTERM.")
    return code


_EXPECTED = (
    ("app.domain.faults", "FaultError"),
    ("app.providers.registry", "UnknownKindError"),
    ("app.runtime", "StartError"),
    ("app.store.paths", "PathsError"),
    ("app.store.secrets", "KeyringProblem"),
    ("app.store.settings_errors", "SettingsError"),
)


def _expected() -> tuple[type[Exception], ...]:
    """The errors whose text is made for the user, as far as their modules are loaded: no other can be raised."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _EXPECTED)
    return (OSError, *(error for error in found if error is not None))
