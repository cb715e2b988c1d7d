"""Measure what Switchtower adds to a direct call, beside any other proxy, in interleaved rounds of one run (Linux).

    .venv/bin/python tests/bench/compare.py
    .venv/bin/python tests/bench/compare.py --peer 'nginx=nginx -c /path/nginx.conf' --at nginx=9610

`serve` and the tray application are started with a home folder of their own, the tray under Xvfb with a real tray. A
peer is a command that serves OpenAI chat, with `{port}` and `{upstream}` for the ports, or the URL of one that runs.
Proxies share one processor, the upstream and the load (wire.c, needs `cc`) another. Per round, each test is done with
the direct call first and then with every proxy in turn; the table shows the medians of the differences.
"""

import argparse
import contextlib
import http.client
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from e2e.desktop import Desktop  # noqa: E402 - the folder of the tests is not installed
from e2e.program import free_port  # noqa: E402
from e2e.tray_hosts import PixelTray  # noqa: E402

TOKEN = "sk-local-bench-0123456789abcdef"
PROXY_CORE, LOAD_CORE = "0", "1"
START_LIMIT_S = 90
IDLE_S = 5.0
WORDS = "You are a senior engineer. "
CHAT = {
    "model": "bench-model",
    "messages": [{"role": "system", "content": WORDS * 40}, {"role": "user", "content": "Explain."}],
    "temperature": 0.2,
    "max_tokens": 512,
}
BODIES = {
    "plain": CHAT,
    "stream": {"stream": True, "stream_options": {"include_usage": True}} | CHAT,
    "long": CHAT | {"messages": [{"role": "user", "content": WORDS * 8000}]},
}
SETTINGS = """
[server]
port = {port}

[[providers]]
id = "bench"
kind = "openai-compatible"
base_url = "http://127.0.0.1:{upstream}/v1"
key = "env:BENCH_KEY"
models = ["bench-model"]
"""


@dataclass(frozen=True)
class Test:
    """One thing to measure; `of` begins the names of the load's times that are compared with the direct call."""

    title: str
    body: str
    connections: int
    of: str
    rate: str = "per_s"


TESTS = {
    "plain-1": Test("plain, 1 connection", "plain", 1, "p"),
    "plain-64": Test("plain, 64 connections", "plain", 64, "p"),
    "stream-1": Test("first byte of a stream, 1 connection", "stream", 1, "first", "events_per_s"),
    "stream-64": Test("first byte of a stream, 64 connections", "stream", 64, "first", "events_per_s"),
    "long-4": Test("plain with 208 kB of prompt, 4 connections", "long", 4, "p"),
}


@dataclass
class Proxy:
    """One proxy in the race; without a command it runs already and only its speed is measured."""

    name: str
    port: int
    command: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    headers: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    start_s: float = 0.0
    idle_mb: float = 0.0
    wakeups_per_s: float = 0.0
    loaded_mb: float = 0.0
    rows: dict[str, list[dict[str, float]]] = field(default_factory=dict)


# -- processes


def pinned(core: str, command: list[str], **how: object) -> subprocess.Popen[bytes]:
    """Start a command on one processor, quietly."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | how
    return subprocess.Popen(["taskset", "-c", core, *command], start_new_session=True, **quiet)  # type: ignore[call-overload]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and whatever it started in its session."""
    for sign in (15, 9):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children = [int(c) for path in Path(f"/proc/{pid}/task").glob("*/children") for c in path.read_text().split()]
    return [pid, *(p for child in children for p in family(child))]


def memory_mb(pid: int) -> float:
    """The memory of a process and its descendants, shared pages divided among their users (PSS)."""
    lines = [line for p in family(pid) for line in Path(f"/proc/{p}/smaps_rollup").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def processor_s(pid: int) -> float:
    """The processor time that a process and its descendants have used."""
    stats = [Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split() for p in family(pid)]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / os.sysconf("SC_CLK_TCK")


def wakeups(pid: int) -> int:
    """How often the threads of a process and its descendants waited for something since their start."""
    statuses = [path.read_text() for p in family(pid) for path in Path(f"/proc/{p}/task").glob("*/status")]
    lines = [line for text in statuses for line in text.splitlines() if line.startswith("voluntary_ctxt_switches")]
    return sum(int(line.split()[1]) for line in lines)


# -- the race


def answers(proxy: Proxy) -> bool:
    """Whether it answers a chat request by now."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
    headers = dict(line.split(": ", 1) for line in all_headers(proxy)) | {"content-type": "application/json"}
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(CHAT), headers)
        reply = connection.getresponse()
        reply.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return reply.status == http.HTTPStatus.OK


def all_headers(proxy: Proxy) -> list[str]:
    """What every request to a proxy carries."""
    return [f"authorization: Bearer {TOKEN}", *proxy.headers]


def start(proxy: Proxy) -> bool:
    """Start a proxy, wait for its first answer, then look at it while it idles; whether it answered at all."""
    began_s = time.monotonic()
    if proxy.command:
        proxy.process = pinned(PROXY_CORE, proxy.command, env=os.environ | proxy.env, cwd=ROOT)
    while not (answered := answers(proxy)) and not ended(proxy) and time.monotonic() - began_s < START_LIMIT_S:
        time.sleep(0.005)
    if not answered or ended(proxy):
        print(f"{proxy.name}: no answer on port {proxy.port}, or it is somebody else's", file=sys.stderr)
        return False
    proxy.start_s = time.monotonic() - began_s
    if proxy.process is not None:
        time.sleep(2)
        before = wakeups(proxy.process.pid)
        time.sleep(IDLE_S)
        proxy.wakeups_per_s = (wakeups(proxy.process.pid) - before) / IDLE_S
        proxy.idle_mb = memory_mb(proxy.process.pid)
    return True


def ended(proxy: Proxy) -> bool:
    """Whether a proxy that was started here is gone."""
    return proxy.process is not None and proxy.process.poll() is not None


class Load:
    """The load generator with the bodies on disk."""

    def __init__(self, wire: Path, folder: Path, seconds: float) -> None:
        self._wire, self._folder, self._seconds = wire, folder, seconds
        for name, body in BODIES.items():
            (folder / f"{name}.json").write_text(json.dumps(body))

    def run(self, port: int, test: Test, headers: list[str]) -> dict[str, float]:
        """Ask for a while; return what was measured."""
        body = self._folder / f"{test.body}.json"
        command = [self._wire, "load", str(port), str(test.connections), str(self._seconds), body, *headers]
        done = subprocess.run(["taskset", "-c", LOAD_CORE, *command], capture_output=True, check=True, timeout=120)
        result: dict[str, float] = json.loads(done.stdout)
        return result


def measure(load: Load, proxies: list[Proxy], upstream: int, options: argparse.Namespace) -> None:
    """Do every round; the order of the proxies rotates from round to round."""
    for proxy in proxies:
        load.run(proxy.port, TESTS["plain-64"], all_headers(proxy))
    for number in range(options.rounds):
        for name in options.tests.split(","):
            test = TESTS[name]
            direct = load.run(upstream, test, [])
            shift = number % len(proxies)
            for proxy in [*proxies[shift:], *proxies[:shift]]:
                proxy.rows.setdefault(name, []).append(compare(load, proxy, test, direct))
    for proxy in proxies:
        proxy.loaded_mb = memory_mb(proxy.process.pid) if proxy.process else 0.0


def compare(load: Load, proxy: Proxy, test: Test, direct: dict[str, float]) -> dict[str, float]:
    """Do one test with one proxy; return what it adds to the direct call, and what it costs."""
    before_s = processor_s(proxy.process.pid) if proxy.process else 0.0
    got = load.run(proxy.port, test, all_headers(proxy))
    used_s = processor_s(proxy.process.pid) - before_s if proxy.process else 0.0
    keys = {"p50_ms": "50", "p90_ms": "90", "p99_ms": "99", "mean_ms": "_mean"}
    names = {ours: test.of + theirs for ours, theirs in keys.items()}
    added = {ours: (got[name] - direct[name]) / 1000 if got[name] else math.nan for ours, name in names.items()}
    cost_ms = used_s * 1e3 / got["all_answers"] if used_s and got["all_answers"] else math.nan
    return {**added, "rate": got[test.rate], "cpu_ms": cost_ms, "errors": got["errors"]}


# -- who takes part


@contextlib.contextmanager
def contestants(options: argparse.Namespace, folder: Path, upstream: int) -> Iterator[list[Proxy]]:
    """Switchtower in its two forms and the peers, started one after the other, stopped at the end."""
    with contextlib.ExitStack() as end:
        proxies = [peer(text, upstream, options) for text in options.peer]
        if "serve" in options.subjects:
            proxies.append(ours("serve", folder / "serve", upstream, {}))
        if "tray" in options.subjects:
            desktop = end.enter_context(Desktop())
            PixelTray(desktop)
            proxies.append(ours("tray", folder / "tray", upstream, desktop.env))
        for proxy in proxies:
            end.callback(lambda p=proxy: p.process and stop(p.process))
        yield [proxy for proxy in proxies if start(proxy)]


def ours(name: str, home: Path, upstream: int, env: dict[str, str]) -> Proxy:
    """Switchtower with one provider: `serve`, or the tray application with its window closed."""
    port = free_port()
    home.mkdir()
    (home / "config.toml").write_text(SETTINGS.format(port=port, upstream=upstream))
    more = {"SWITCHTOWER_HOME": str(home), "SWITCHTOWER_TOKEN": TOKEN, "BENCH_KEY": "sk-upstream-0123456789"}
    command = [sys.executable, "-m", "app", *(["serve"] if name == "serve" else [])]
    return Proxy(f"Switchtower {name}", port, command, {**env, **more})


def peer(text: str, upstream: int, options: argparse.Namespace) -> Proxy:
    """Another proxy, from `NAME=COMMAND` or `NAME=URL`."""
    name, _, what = text.partition("=")
    headers = [h.partition("=")[2].format(upstream=upstream) for h in options.header if h.startswith(f"{name}=")]
    if what.startswith("http://"):
        return Proxy(name, urlsplit(what).port or 80, headers=headers)
    fixed = [int(at.partition("=")[2]) for at in options.at if at.startswith(f"{name}=")]
    port = fixed[0] if fixed else free_port()
    return Proxy(name, port, shlex.split(what.format(port=port, upstream=upstream)), headers=headers)


# -- the result


def show(proxies: list[Proxy], tests: list[str]) -> None:
    """Print the tables as Markdown; a dash stands for what did not happen once while it was measured."""
    columns = ("start to first answer, s", "memory idle, MB", "after the load, MB", "idle wake-ups per s")
    print(head("", columns))
    for p in proxies:
        print(line(p.name, [f"{p.start_s:.2f}", f"{p.idle_mb:.0f}", f"{p.loaded_mb:.0f}", f"{p.wakeups_per_s:.1f}"]))
    titles = tuple(TESTS[t].title for t in tests)
    print(head("added, ms: p50 / p99", titles))
    for p in proxies:
        print(line(p.name, [f"{middle(p, t, 'p50_ms', 2)} / {middle(p, t, 'p99_ms', 2)}" for t in tests]))
    print(head("added, ms: average, p90", titles))
    for p in proxies:
        print(line(p.name, [f"{middle(p, t, 'mean_ms', 2)}, {middle(p, t, 'p90_ms', 2)}" for t in tests]))
    print(head("requests per s, events per s of streams", titles))
    for p in proxies:
        print(line(p.name, [middle(p, t, "rate") + errors(p, t) for t in tests]))
    print(head("processor time per request, ms", titles))
    for p in proxies:
        print(line(p.name, [middle(p, t, "cpu_ms", 2) for t in tests]))


def line(name: str, cells: list[str]) -> str:
    """A line of a table."""
    return f"| {name} | {' | '.join(cells)} |"


def head(corner: str, columns: tuple[str, ...]) -> str:
    """The first two lines of a table."""
    return f"\n| {corner} | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|"


def middle(proxy: Proxy, test: str, key: str, digits: int = 0) -> str:
    """The median over the rounds."""
    values = [row[key] for row in proxy.rows[test]]
    return "—" if any(map(math.isnan, values)) else f"{statistics.median(values):,.{digits}f}"


def errors(proxy: Proxy, test: str) -> str:
    """The number of failed requests, when there were any."""
    count = sum(row["errors"] for row in proxy.rows[test])
    return f" ({count:.0f} failed)" if count else ""


def command_line() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", default="serve,tray", help="which forms of Switchtower (serve,tray)")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND|URL", help="another proxy")
    parser.add_argument("--at", action="append", default=[], metavar="NAME=PORT", help="the port of a peer's command")
    parser.add_argument("--header", action="append", default=[], metavar="NAME=HEADER", help="sent to a peer")
    parser.add_argument("--tests", default=",".join(TESTS), help="which of " + ", ".join(TESTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument(
        "--upstream", type=int, default=9101, help="the port of the upstream, for peers that run already"
    )
    parser.add_argument("--json", type=Path, help="write the rows there too")
    return parser


def main() -> int:
    """Compile, race, show."""
    options = command_line().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subprocess.run(["cc", "-O2", "-o", folder / "wire", HERE / "wire.c"], check=True)
        upstream = pinned(LOAD_CORE, [str(folder / "wire"), "upstream", str(options.upstream)])
        try:
            time.sleep(0.2)
            if upstream.poll() is not None:
                sys.exit(f"Port {options.upstream} is taken: choose another with --upstream.")
            with contestants(options, folder, options.upstream) as proxies:
                if not proxies:
                    return 1
                measure(Load(folder / "wire", folder, options.seconds), proxies, options.upstream, options)
        finally:
            stop(upstream)
    show(proxies, options.tests.split(","))
    if options.json:
        options.json.write_text(json.dumps({p.name: p.rows for p in proxies}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
