"""`switchtower`, `python -m app` and the frozen executable: choose the face, and be the last to catch an error."""

import importlib.util
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine import collector

if TYPE_CHECKING:
    from app.runtime import Runtime

DEMO_TOKEN = "sk-local-demo-0123456789"  # noqa: S105 - opens invented providers only, and is in the README
"""The local token of the demo, unless SWITCHTOWER_TOKEN is set."""


COUNT_TOKENS = "--count-tokens"
"""Makes the frozen program the process that counts tokens for another one of it, with folders of vocabularies."""


def main(argv: list[str] | None = None) -> int:
    """Run the program with `argv` (without its name) and return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == [COUNT_TOKENS]:
        from app.engine.vocabulary import main as count_tokens

        return count_tokens(arguments[1:])
    if argv is None:
        from app.desktop.hardening import harden

        harden()
    collector.ease()
    _open_missing_streams()
    try:
        return _choose(arguments, os.environ)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the named guard "main"
        where = _write_down(error)
        print(f"switchtower: unexpected {type(error).__name__}; {where} has the details.", file=sys.stderr)
        return 1


def _open_missing_streams() -> None:
    """Open what the caller has closed (`<&-`, a program without a console), so that everybody may use it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - stays open


def _write_down(error: Exception) -> str:
    """Put `error` into the log, set up for it where no log is yet; return where the log is."""
    import logging

    from app.store import log
    from app.store.paths import Paths

    file = Paths.from_environ(os.environ).log_file
    if not logging.getLogger().handlers:
        log.setup(file)
    logging.getLogger(__name__).error("unexpected error", exc_info=error)
    return str(file)


def _choose(arguments: list[str], environ: Mapping[str, str]) -> int:
    from app.cli.main import Faces, run

    qt = has_qt()
    return run(arguments, environ, Faces(_tray, _demo, _open_windows if qt else None, _end if qt else None))


def has_qt() -> bool:
    """Whether the desktop extra is installed."""
    return importlib.util.find_spec("PySide6") is not None and importlib.util.find_spec("qasync") is not None


def _install_qt() -> str:
    """How to get it where this program is from: a folder of its source, or a package."""
    source = Path(__file__).parents[1]
    if (source / "packaging" / "dev.py").is_file():
        return f"Type `python3 packaging/dev.py setup` in {source}, or `switchtower serve`."
    return "Install switchtower[desktop], or type `switchtower serve`."


def has_screen(environ: Mapping[str, str]) -> bool:
    """Whether a window could be shown."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _tray(environ: Mapping[str, str], host: str, port: int | None) -> int:
    """The tray application."""
    if not has_qt():
        return _refuse("Qt is not installed", _install_qt())
    if not has_screen(environ):
        return _refuse("there is no screen", "Type `switchtower serve` for the proxy without windows.")
    from app.store.paths import Paths
    from app.ui.app import run

    def make() -> "Runtime":
        from app.runtime import Runtime

        return Runtime(Paths.from_environ(environ), environ)

    return run(Paths.from_environ(environ), make, host=host, port=port)


def _demo(environ: Mapping[str, str], host: str, port: int | None) -> int:
    """The tray application (headless without a screen) on a throw-away home with invented providers."""
    from app.store.paths import Paths

    with tempfile.TemporaryDirectory(prefix="switchtower-demo-", ignore_cleanup_errors=True) as home:
        own = {"SWITCHTOWER_TOKEN": DEMO_TOKEN, **environ, "SWITCHTOWER_HOME": str(Path(home).resolve())}
        paths = Paths.from_environ(own)

        def make() -> "Runtime":
            from app.runtime import DemoRuntime

            return DemoRuntime(paths, own)

        if has_qt() and has_screen(environ):
            from app.ui.app import run

            return run(paths, make, host=host, port=port, open_window=True)
        from app.cli.serve import run_headless

        return run_headless(make(), host, port)


def _open_windows(runtime: "Runtime") -> None:
    """Open every window once, for the self-test."""
    from app.ui.app import open_every_window

    open_every_window(runtime)


def _end(environ: Mapping[str, str]) -> int:
    """Ask the tray application to quit, and wait until it has."""
    from app.store.paths import Paths
    from app.ui.app import end_running

    return end_running(Paths.from_environ(environ))


def _refuse(what: str, remedy: str) -> int:
    print(f"switchtower: {what}. {remedy}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
