"""Measure the frozen program beside the source it was made of: start, window, memory, self-test (Linux).

    .venv/bin/python tests/bench/bundle_speed.py dist/switchtower

Starts are warm: the first of each kind is not counted. `window` is `demo` on a private X screen until the window stands
there; `tray` has a real tray and no window open.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent), str(HERE)]

from compare import SETTINGS, memory_mb, stop  # noqa: E402 - the folder of the tests is not installed

from e2e.desktop import Desktop  # noqa: E402
from e2e.program import free_port  # noqa: E402
from e2e.tray_hosts import PixelTray  # noqa: E402

SOURCE = [sys.executable, "-m", "app"]
LIMIT_S = 30.0
LOOK_EVERY_S = 0.005
SECRETS = {"SWITCHTOWER_TOKEN": "sk-local-bench-0123456789abcdef", "BENCH_KEY": "sk-upstream-0123456789"}


def until(look: Callable[[], bool]) -> float:
    """The seconds until it is true."""
    began = time.perf_counter()
    while not look():
        if time.perf_counter() - began > LIMIT_S:
            raise SystemExit("waited in vain")
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - began


def answers(port: int) -> bool:
    """Whether the program says that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
            return True
    except (OSError, urllib.error.URLError):
        return False


@contextlib.contextmanager
def running(command: list[str], port: int, env: dict[str, str]) -> Iterator[int]:
    """The program on that port; its process id."""
    with tempfile.TemporaryDirectory(prefix="switchtower-bench-") as home:
        (Path(home) / "config.toml").write_text(SETTINGS.format(port=port, upstream=9))
        own = {**env, **SECRETS, "SWITCHTOWER_HOME": home}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen([*command, "--port", str(port)], env=own, cwd=ROOT, start_new_session=True, **quiet)
        try:
            yield process.pid
        finally:
            stop(process)


def start_s(command: list[str], env: dict[str, str]) -> float:
    """Seconds until the program answers."""
    port = free_port()
    began = time.perf_counter()
    with running(command, port, env):
        until(lambda: answers(port))
        return time.perf_counter() - began


def window_s(command: list[str], desktop: Desktop) -> float:
    """Seconds until the window is on the screen."""
    began = time.perf_counter()
    with running([*command, "demo"], free_port(), desktop.env):
        until(lambda: '"Switchtower"' in desktop.run("xwininfo", "-root", "-tree"))
        return time.perf_counter() - began


def idle_mb(command: list[str], env: dict[str, str], idle_s: float) -> float:
    """Memory (PSS) after it had nothing to do for a while."""
    port = free_port()
    with running(command, port, env) as pid:
        until(lambda: answers(port))
        time.sleep(idle_s)
        return memory_mb(pid)


def self_test_s(command: list[str]) -> float:
    """Seconds that the self-test takes."""
    began = time.perf_counter()
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run([*command, "--self-test"], cwd=ROOT, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def warm(measure: Callable[[], float], rounds: int) -> float:
    """The median of some rounds after one that is not counted."""
    measure()
    return statistics.median(measure() for _ in range(rounds))


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path, help="the folder that build_linux.py makes")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--idle", type=float, default=10.0, help="seconds of idleness before memory is looked at")
    options = parser.parse_args()
    frozen = [str(options.bundle.resolve() / "switchtower")]
    columns = ("serve answers, s", "window, s", "idle serve, MB", "idle tray, MB", "self-test, s")
    print("| | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")
    with Desktop() as bare, Desktop() as desktop:
        PixelTray(desktop)
        for name, command in (("frozen", frozen), ("source", SOURCE)):
            serve = [*command, "serve"]
            cells = (
                f"{warm(lambda s=serve: start_s(s, dict(os.environ)), options.rounds):.2f}",
                f"{warm(lambda c=command: window_s(c, bare), options.rounds):.2f}",
                f"{idle_mb(serve, dict(os.environ), options.idle):.0f}",
                f"{idle_mb(command, desktop.env, options.idle):.0f}",
                f"{warm(lambda c=command: self_test_s(c), 3):.1f}",
            )
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
