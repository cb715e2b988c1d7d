"""What `packaging/dev.py` does: an environment from the lock file, then the program, its tests or its linters."""

import argparse
import hashlib
import json
import os
import shlex
import subprocess
import sys
import venv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import system_packages

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "switchtower-setup.json"
FULL_LOCK = ROOT / "requirements.lock"
HEADLESS_LOCK = ROOT / "packaging" / "requirements-headless.lock"
RELEASE_LOCK = ROOT / "packaging" / "requirements-release.lock"
CLIENTS_LOCK = ROOT / "packaging" / "requirements-clients.lock"
LOCKED_EXTRAS = {  # each lock file and the extras of pyproject.toml it holds
    FULL_LOCK: ("desktop", "bedrock", "vertex", "tokens", "build", "dev"),
    HEADLESS_LOCK: (),
    RELEASE_LOCK: ("release",),
    CLIENTS_LOCK: ("clients",),
}
LOCK_AGE_DAYS = 7  # a poisoned release is usually found within a week
LINTERS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",))

POSIX_LAUNCHER = '''#!/bin/sh
\'\'\'exec\' {python} "$0" "$@"
\' \'\'\'
"""Start Switchtower from its source folder."""
import sys

sys.path.insert(0, {root!r})
from app.__main__ import main

sys.exit(main())
'''
# It names no path: cmd.exe and Python disagree on a file's encoding. -P keeps out an `app` of the current folder.
WINDOWS_LAUNCHER = """@setlocal
@set "PYTHONPATH=%~dp0..\\.."
@"%~dp0python.exe" -P -m app %*
"""
HAS_PROVIDERS = """
import os, tomllib
from app.store.paths import Paths
path = Paths.from_environ(os.environ).settings_file
try:
    found = bool(tomllib.loads(path.read_text(encoding="utf-8-sig")).get("providers"))
except FileNotFoundError:
    found = False
except (OSError, ValueError):
    found = True  # there is something, and the program says best what is wrong with it
raise SystemExit(0 if found else 1)
"""


class SetupError(Exception):
    """The set-up cannot go on; the text is one line with the remedy."""


def has_screen(environ=os.environ, platform=sys.platform):
    """Whether a window can be shown: everywhere but on a Linux machine without X and Wayland."""
    return not platform.startswith("linux") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def digest(lock):
    """The SHA-256 of a lock file and of the folder the environment belongs to (it cannot be moved)."""
    return hashlib.sha256(lock.read_bytes() + str(ROOT).encode()).hexdigest()


def is_set_up(*, headless):
    """Whether the environment already holds what the lock file says; a full one serves a headless run too."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    wanted = {"full": digest(FULL_LOCK)}
    if headless:
        wanted["headless"] = digest(HEADLESS_LOCK)
    return PYTHON.exists() and stamp.get("python") == sys.version and wanted.get(stamp.get("kind")) == stamp.get("lock")


def set_up(*, headless):
    """Make the environment from the lock file unless it is there.

    Raises:
        SetupError: a part of the system is missing, or pip failed.
    """
    if is_set_up(headless=headless):
        return
    if os.name != "nt" and not system_packages.has_venv():
        system_packages.provide(system_packages.VENV, "Python's own venv module is incomplete.", SetupError)
    print(f"Setting up {VENV} from {'the headless' if headless else 'the'} lock file …", flush=True)
    STAMP.unlink(missing_ok=True)
    if not works(PYTHON):
        venv.create(VENV, clear=VENV.exists(), with_pip=True)
    lock = HEADLESS_LOCK if headless else FULL_LOCK
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes")
    if subprocess.call([PYTHON, *pip, "-r", lock]):
        raise SetupError(f"pip could not install {lock.name}; its message stands above. Try again when it is mended.")
    write_launcher()
    kind = "headless" if headless else "full"
    STAMP.write_text(json.dumps({"kind": kind, "lock": digest(lock), "python": sys.version}))


def works(python):
    """Whether an interpreter exists, starts, and is the version this set-up runs on."""
    try:
        probe = [python, "-c", "import pip, sys; print(sys.version)"]
        version = subprocess.run(probe, check=False, capture_output=True, text=True)
    except OSError:
        return False
    return version.stdout.strip() == sys.version.strip()


def write_launcher():
    """Write the `switchtower` command of the environment; it runs the source folder, no installed copy."""
    if os.name == "nt":
        (BIN / "switchtower.cmd").write_text(WINDOWS_LAUNCHER, encoding="ascii")
        return
    launcher = BIN / "switchtower"
    launcher.write_text(POSIX_LAUNCHER.format(root=str(ROOT), python=shlex.quote(str(PYTHON))))
    launcher.chmod(0o755)


def provide_qt_libraries():
    """See to the system libraries that Qt loads.

    Raises:
        SetupError: some are missing and cannot be installed from here.
    """
    missing = system_packages.missing_qt_library(PYTHON)
    if missing:
        system_packages.provide(system_packages.QT, f"Qt lacks a system library ({missing}).", SetupError)
        if still := system_packages.missing_qt_library(PYTHON):
            raise SetupError(f"Qt still lacks a system library: {still}. Install the package that holds it.")


def launch(arguments):
    """Become the program, so that its signals and exit code are this command's (on Windows: wait for it)."""
    if os.name == "nt":
        raise SystemExit(subprocess.call([BIN / "switchtower.cmd", *arguments]))
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), str(BIN / "switchtower"), *arguments])


def run(options):
    """Set up, then start the program: the demo when no provider is configured, without Qt when there is no screen."""
    arguments = options.arguments
    headless = options.headless or not has_screen() or arguments[:1] == ["serve"]
    set_up(headless=headless)
    if not headless:
        provide_qt_libraries()
    if not arguments:
        configured = subprocess.call([PYTHON, "-c", HAS_PROVIDERS], cwd=ROOT) == 0
        arguments = (["serve"] if headless else []) if configured else ["demo"]
    launch(arguments)


def serve(options):
    """Set up without Qt, then start the proxy alone."""
    set_up(headless=True)
    launch(["serve", *options.arguments])


def test(options):
    """Set up, see to what the tests start (a private X desktop), then run pytest."""
    set_up(headless=False)
    provide_qt_libraries()
    if system_packages.missing_test_tools():
        system_packages.provide(system_packages.TESTS, "The desktop tests need more programs.", None)
    return subprocess.call([PYTHON, "-m", "pytest", *options.arguments], cwd=ROOT)


def lint(_options):
    """Set up, then run every linter; all of them run, and one that fails makes the whole fail."""
    set_up(headless=False)
    codes = [subprocess.call([BIN / name, *rest], cwd=ROOT) for name, *rest in LINTERS]
    return max(codes)


def setup(options):
    """Set up and stop."""
    set_up(headless=options.headless)
    if not options.headless:
        provide_qt_libraries()
    print(f"Ready: {BIN / 'switchtower'}")
    return 0


def lock(_options):
    """Resolve every lock file anew with uv, from releases that are at least a week old."""
    newest = (datetime.now(UTC) - timedelta(days=LOCK_AGE_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    shared = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--generate-hashes", "--python-version", "3.11"]
    shared += ["--exclude-newer", newest, "--no-emit-index-url", "--no-header", "--no-annotate", "--quiet"]
    shared += ["--no-strip-extras"]  # older pips find "coverage" of "coverage[toml]" only when the extra is pinned too
    for path, extras in LOCKED_EXTRAS.items():
        command = [*shared, *(f"--extra={extra}" for extra in extras), "-o", path]
        if path == HEADLESS_LOCK:
            command += ["-c", FULL_LOCK]
        try:
            code = subprocess.call(command, cwd=ROOT)
        except FileNotFoundError:
            raise SetupError("uv is not installed. Get it from https://docs.astral.sh/uv/ and try again.") from None
        if code:
            return code
    return 0


def parser():
    """The command line of `packaging/dev.py`."""
    top = argparse.ArgumentParser(prog="packaging/dev.py", description="Set up and run Switchtower from its source.")
    verbs = top.add_subparsers(dest="verb", required=True)
    passes_on = (
        ("run", run, "set up, then start: the demo without any provider configured, else the tray application"),
        ("serve", serve, "set up without Qt, then start the proxy alone"),
        ("test", test, "set up, then run the tests (arguments go to pytest)"),
    )
    for name, action, text in passes_on:
        verb = verbs.add_parser(name, help=text)
        if name == "run":
            verb.add_argument("--headless", action="store_true", help="without Qt, as on a machine without a screen")
        verb.set_defaults(action=action)
    verbs.add_parser("lint", help="ruff, mypy and import-linter").set_defaults(action=lint)
    prepare = verbs.add_parser("setup", help="make the environment and stop")
    prepare.add_argument("--headless", action="store_true", help="without Qt and the tools for development")
    prepare.set_defaults(action=setup)
    verbs.add_parser("lock", help="resolve the lock files anew (needs uv)").set_defaults(action=lock)
    import supply_chain  # noqa: PLC0415 - it uses this module

    supply_chain.add_to(verbs)
    return top


def split(argv):
    """Divide a command line into what is read here and what is passed on to the program or to pytest."""
    if argv[:1] not in (["run"], ["serve"], ["test"]):
        return argv, []
    end = 2 if argv[:2] == ["run", "--headless"] else 1
    rest = argv[end:]
    return argv[:end], rest[1:] if rest[:1] == ["--"] else rest


def main(argv):
    """Run one verb; return its exit code."""
    ours, theirs = split(argv)
    options = parser().parse_args(ours)
    options.arguments = theirs
    try:
        return options.action(options)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
