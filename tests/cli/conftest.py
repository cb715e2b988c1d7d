import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli.main import run
from app.cli.session import Session
from app.server.demo import DemoProviders
from app.store.memory_keyring import MemoryKeyring
from app.store.secrets import KeyStore

ROOT = Path(__file__).parents[2]
TOKEN = "sk-local-0123456789-for-tests"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Switchtower = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {"SWITCHTOWER_HOME": str(home), "SWITCHTOWER_TOKEN": TOKEN}


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    """A keyring that every command of this test shares."""
    ring = MemoryKeyring()
    monkeypatch.setattr(Session, "keys", property(lambda session: KeyStore(session.environ, backend=ring)))
    return ring


@pytest.fixture
def switchtower(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Switchtower:
    """Run a command in this process."""

    def command(*argv: str) -> Done:
        code = run(argv, environ)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Done(code, out, err)

    return command


@pytest.fixture
def write_settings(home: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        home.mkdir(mode=0o700, exist_ok=True)
        file = home / "config.toml"
        file.write_text(text, "utf-8")
        file.chmod(0o600)
        return file

    return write


@pytest.fixture
def demo_urls() -> Iterator[tuple[str, str]]:
    """The base URLs of the two invented providers, served by a loop in a thread."""
    loop = asyncio.new_event_loop()
    demo = DemoProviders(pace_s=0)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield asyncio.run_coroutine_threadsafe(demo.start(), loop).result(10)
    asyncio.run_coroutine_threadsafe(demo.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextlib.contextmanager
def serving(environ: dict[str, str], *argv: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`switchtower serve` as a process, with the address of its first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", *argv],
        cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield process, line.removeprefix("listening on ").strip()
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(15)


@pytest.fixture
def instance(
    environ: dict[str, str], write_settings: Callable[[str], Path], demo_urls: tuple[str, str]
) -> Iterator[str]:
    """The address of a running instance over the invented providers."""
    from app.server.demo import settings_toml

    write_settings(settings_toml(*demo_urls))
    with serving(environ, "--port", "0") as (_, address):
        yield address
