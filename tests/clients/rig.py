"""The running program with every provider's dialect behind it, and clients as processes in front."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.runtime import Runtime
from clients import speaks_anthropic, speaks_cohere, speaks_gemini, speaks_ollama, speaks_openai, speaks_responses
from clients.casebook import Target
from clients.upstream import KEY, Speech, Upstream
from contract.program import ROUTING, TOKEN, provider, running

TESTS = Path(__file__).parents[1]
PROGRAMS = Path(__file__).parent / "programs"
FAILING = ("400", "401", "429", "500", "break")
"""Each of these has a provider of its own, so that no other case meets its cool-down."""


@dataclass(frozen=True)
class Behind:
    """A dialect behind: the kind of provider, how it speaks, where its base URL ends, and its models."""

    target: Target
    kind: str
    speech: Speech
    base: str = ""


BEHIND = (
    Behind(Target("openai", speaks_openai.MODEL, speaks_openai.EMBEDS), "nvidia", speaks_openai.OpenAI(), "/v1"),
    Behind(Target("codex", speaks_responses.MODEL), "openai", speaks_responses.Responses(), "/v1"),
    Behind(Target("anthropic", speaks_anthropic.MODEL), "anthropic", speaks_anthropic.Anthropic()),
    Behind(Target("gemini", speaks_gemini.MODEL, speaks_gemini.EMBEDS), "gemini", speaks_gemini.Gemini()),
    Behind(Target("ollama", speaks_ollama.MODEL, speaks_ollama.EMBEDS), "ollama-native", speaks_ollama.Ollama()),
    Behind(Target("cohere", speaks_cohere.MODEL, speaks_cohere.EMBEDS), "cohere", speaks_cohere.Cohere()),
)


@dataclass(frozen=True)
class Row:
    """What became of one case."""

    provider: str
    case: str
    problem: str


@dataclass
class Stage:
    """The program, what is behind it, and its address."""

    runtime: Runtime
    upstreams: dict[str, Upstream] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """The address with /v1."""
        return self.runtime.service.listening

    def targets(self) -> str:
        """The targets as the client programs take them."""
        return json.dumps([vars(behind.target) for behind in BEHIND])


@contextlib.asynccontextmanager
async def stage(home: Path, more: str = "") -> AsyncIterator[Stage]:
    """Start all of it and stop it in the end; `more` goes into the settings."""
    async with contextlib.AsyncExitStack() as stack:
        upstreams = {each.target.id: await stack.enter_async_context(Upstream(each.speech)) for each in BEHIND}
        settings = (
            more
            + ROUTING
            + "".join(
                _provider(each, upstreams[each.target.id].port, suffix)
                for each in BEHIND
                for suffix in ("", *(f"-{how}" for how in FAILING))
            )
        )
        runtime = await stack.enter_async_context(running(home, settings, PROVIDER_KEY=KEY))
        yield Stage(runtime, upstreams)


def _provider(behind: Behind, port: int, suffix: str) -> str:
    url = f"http://127.0.0.1:{port}{behind.base}"
    key = () if behind.kind == "ollama-native" else ('key = "env:PROVIDER_KEY"',)
    return provider(behind.target.id + suffix, behind.kind, url, *key, f"priority = {9 if suffix else 1}")


async def play(stage: Stage, program: str, *cases: str, python: str = sys.executable) -> list[Row]:
    """Run a client program as a process and return what became of its cases.

    Raises:
        RuntimeError: it broke off.
    """
    command = (python, str(PROGRAMS / program), stage.base_url, TOKEN, stage.targets(), *cases)
    return await _rows(command)


async def play_node(stage: Stage, program: str, folder: Path, *cases: str) -> list[Row]:
    """The same for a program of Node.js, whose packages are in `folder`.

    Raises:
        RuntimeError: it broke off.
    """
    script = str(Path(__file__).parent / "node" / program)
    return await _rows(("node", script, stage.base_url, TOKEN, stage.targets(), str(folder), *cases))


async def _rows(command: Sequence[str]) -> list[Row]:
    status, out, err = await execute(command, {"PYTHONPATH": str(TESTS)})
    if status:
        raise RuntimeError(err[-2000:])
    return [Row(**json.loads(line)) for line in out.splitlines() if line.startswith('{"provider"')]


async def execute(
    command: Sequence[str], environ: Mapping[str, str], cwd: Path | None = None, limit_s: float = 300
) -> tuple[int, str, str]:
    """Run a process to its end and return status, output and error output; it is killed after `limit_s`."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    if cwd is not None:
        clean["PWD"] = str(cwd)  # some believe it more than their own directory
    process = await asyncio.create_subprocess_exec(
        *command,
        env=clean | environ,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), limit_s)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        err += f"\nkilled after {limit_s:g} s".encode()
    return process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
