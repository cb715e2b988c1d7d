"""The program under test as a real process, and its command line beside it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Self

import httpx

from e2e.waiting import eventually

ROOT = Path(__file__).parents[2]
LISTENING = re.compile(r"listening on (http://\S+)")


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Place:
    """A home folder for Switchtower and the environment its processes get."""

    def __init__(self, home: Path, env: dict[str, str], python: str = sys.executable) -> None:
        self.home = home
        self.python = python
        self.env = env | {"SWITCHTOWER_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        home.mkdir(parents=True, exist_ok=True)

    @property
    def settings_file(self) -> Path:
        """Where the settings are."""
        return self.home / "config.toml"

    def cli(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, with `given` on its standard input."""
        return subprocess.run(
            [self.python, "-m", "app", *arguments],
            cwd=ROOT, env=self.env, input=given, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def tell(self, *arguments: str, given: str | None = None) -> str:
        """Run one command that must succeed; return what it wrote to standard output."""
        done = self.cli(*arguments, given=given)
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def start(self, *arguments: str) -> "Program":
        """Start the program; use the result as a context manager."""
        return Program([self.python, "-m", "app", *arguments], self.env)


class Program:
    """One running process; its two outputs are read as they come and kept as lines."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self._process.stdout, self.lines), (self._process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: IO[str], into: list[str]) -> None:
        with stream:
            into.extend(line.rstrip("\n") for line in iter(stream.readline, ""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.wait()

    @property
    def text(self) -> str:
        """All that was written so far."""
        return "\n".join([*self.lines, *self.errors])

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_listening(self, timeout_s: float = 20.0) -> str:
        """Wait for the line that says the proxy accepts requests; return its base URL."""

        def look() -> str:
            assert self.running or any(LISTENING.search(line) for line in self.lines), f"it ended:\n{self.text}"
            return next((found[1] for line in list(self.lines) if (found := LISTENING.search(line))), "")

        return eventually(look, "the listening line", timeout_s)

    def wait_answering(self, port: int, timeout_s: float = 20.0) -> str:
        """Wait until `/health` answers on `port`; return the base URL."""

        def look() -> bool:
            assert self.running, f"it ended:\n{self.text}"
            try:
                return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        eventually(look, f"an answer on port {port}", timeout_s)
        return f"http://127.0.0.1:{port}/v1"

    def wait(self, timeout_s: float = 15.0) -> int:
        """Wait for its end; return the exit code."""
        code = self._process.wait(timeout_s)
        for reader in self._readers:
            reader.join(5)
        return code

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; return the exit code."""
        os.kill(self._process.pid, sign)
        return self.wait()
