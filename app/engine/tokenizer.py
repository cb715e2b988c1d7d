"""Ask the process that has the models' own tokenizers: started when there is something to count, it ends itself."""

import asyncio
import contextlib
import importlib.util
import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import app
from app.engine import vocabulary

LIMIT_S = 10.0
"""How long one count is waited for: its turn, the start of the process and the reading of its vocabulary included."""

MOST_CHARS = 4_000_000
"""Longer texts are left to the estimate."""

ARGUMENT = "--count-tokens"
"""What makes a frozen program the counting process."""

CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"
"""Names a folder with vocabularies of the user's own, as tiktoken knows it."""

_FAMILIES = re.compile(
    r"(gpt-(3\.5|35|4|5|oss)|chatgpt-4o|o[134](-|$)|text-embedding-(3|ada)|(davinci|babbage)-002|ft:(gpt|davinci|babbage))"
)
_THINKERS = re.compile(r"o[134](-|$)|gpt-5")
_MOST_UNKNOWN = 1000


def hides_thoughts(model: str) -> bool:
    """Whether the model's answers cost tokens that are not shown."""
    return _THINKERS.match(_name(model)) is not None


class Tokenizer:
    """Counts the tokens of texts for the models of OpenAI's families, one question after the other."""

    def __init__(self, environ: Mapping[str, str], command: Sequence[str] | None = None) -> None:
        """Start nothing yet; `command` starts the process, empty: there is none, None: the usual one."""
        self._command = _usual(environ) if command is None else command
        self._turn = asyncio.Lock()
        self._asking = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._unknown: set[str] = set()
        self._idle = True

    def knows(self, model: str) -> bool:
        """Whether the tokens of that model can be counted, as far as can be told without asking."""
        name = _name(model)
        return bool(self._command) and name not in self._unknown and _FAMILIES.match(name) is not None

    async def count(self, model: str, texts: Sequence[str]) -> int | None:
        """The tokens of all texts together; None when nobody can count them, or not in time."""
        if not self.knows(model) or sum(map(len, texts)) > MOST_CHARS:
            return None
        try:
            async with asyncio.timeout(LIMIT_S), self._turn:
                return await self._in_turn(_name(model), texts)
        except TimeoutError:
            return None

    async def _in_turn(self, name: str, texts: Sequence[str]) -> int | None:
        """Ask; a process that is still at work when nobody waits for it any more is ended."""
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(self._ask, name, texts, given_up)
        finally:
            given_up.set()
            if not self._idle:
                self.close()

    def close(self) -> None:
        """End the process; whoever waits for it gets no count."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def _ask(self, model: str, texts: Sequence[str], given_up: threading.Event) -> int | None:
        """Ask, in a thread; a process that has just ended itself is started again, once."""
        question = json.dumps({"model": model, "texts": texts}) + "\n"
        with self._asking:
            for _ in range(2):
                if given_up.is_set() or (process := self._process or self._start(given_up)) is None:
                    return None
                self._idle = False
                answer = _exchange(process, question)
                self._idle = True
                if answer:
                    return self._read(model, answer)
                self.close()
        return None

    def _start(self, given_up: threading.Event) -> "subprocess.Popen[str] | None":
        """The process; None when it cannot be started, or nobody waits for it any more."""
        try:
            process = _start(self._command)
        except OSError:
            return None
        self._process = process
        if given_up.is_set():
            self.close()
            return None
        return process

    def _read(self, model: str, answer: str) -> int | None:
        tokens = json.loads(answer)["tokens"]
        if tokens is None and len(self._unknown) < _MOST_UNKNOWN:
            self._unknown.add(model)
        return None if tokens is None else int(tokens)


NO_TOKENIZER = Tokenizer({}, ())
"""Knows no model."""


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _exchange(process: "subprocess.Popen[str]", question: str) -> str:
    """The line that answers; empty when the process has ended."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - `_start` makes both
    try:
        process.stdin.write(question)
        process.stdin.flush()
        return process.stdout.readline()
    except (OSError, ValueError):  # it has ended, or was closed meanwhile
        return ""


def _start(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own program
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _usual(environ: Mapping[str, str]) -> Sequence[str]:
    """What starts the counting process; nothing where tiktoken is not installed."""
    if importlib.util.find_spec("tiktoken") is None:
        return ()
    folders = [folder for folder in (environ.get(CACHE_VARIABLE, ""), _shipped()) if folder]
    if getattr(sys, "frozen", False):
        return (sys.executable, ARGUMENT, *folders)
    return (sys.executable, "-P", vocabulary.__file__, *folders)


def _shipped() -> str:
    """Where the vocabularies are: inside the installed package, or beside it in the project."""
    package = Path(app.__file__).parent
    installed = package / "resources" / "tokenizers"
    return str(installed if installed.is_dir() else package.parent / "resources" / "tokenizers")


def _name(model: str) -> str:
    """The model's own name: without an aggregator's prefix (`openai/gpt-5`) and a variant's suffix (`gpt-oss:20b`)."""
    name = model.rpartition("/")[2]
    return name if name.startswith("ft:") else name.partition(":")[0]
