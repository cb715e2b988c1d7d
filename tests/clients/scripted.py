"""A model that does what its prompt says, so that any client can be led through every case from outside.

Words of the user that count: `[call NAME {"json": 1}]`, as often as calls are wanted, `[status 429]` and `[break]`.
Everything else is answered with an echo of what arrived.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_CALL = re.compile(r"\[call ([\w.:-]+) (\{.*?\})\](?!\])", re.DOTALL)
_STATUS = re.compile(r"\[status (\d{3})\]")

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
)

INPUT_TOKENS = 11
OUTPUT_TOKENS = 7
ANSWER = '{"city":"Köln","degrees":21}'
THOUGHT = "Let me think."


@dataclass
class Turn:
    """What a provider read out of the last turn of a request."""

    words: str = ""
    results: list[str] = field(default_factory=list)
    pictures: int = 0
    tools: list[str] = field(default_factory=list)
    system: str = ""
    stream: bool = False
    thinks: bool = False
    shape: Any = None
    forced: str = ""


@dataclass
class Say:
    """What the model says to it."""

    text: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    thought: str = ""
    status: int = 200
    breaks: bool = False


def answer(turn: Turn) -> Say:
    """Do what the prompt says."""
    status = _STATUS.search(turn.words)
    if status:
        return Say(status=int(status[1]))
    say = _told(turn)
    if turn.thinks and not say.breaks:
        say.thought = THOUGHT
    return say


def _told(turn: Turn) -> Say:
    if turn.results:
        return Say(f"Results: {' | '.join(turn.results)}.")
    found = [(name, _unescaped(arguments)) for name, arguments in _CALL.findall(turn.words)]
    calls = [(name, arguments) for name, arguments in found if _is_object(arguments)]
    if turn.forced:
        calls = [(turn.forced, ANSWER)]
    if calls and turn.tools:
        return Say(calls=calls)
    if "[break]" in turn.words:
        return Say("Half of an answer that never ends", breaks=True)
    return Say(ANSWER if turn.shape is not None else _echo(turn))


def _echo(turn: Turn) -> str:
    parts = [f"You said: {turn.words.strip()[-200:]}"]
    if turn.system:
        parts.append(f"system: {turn.system.strip()[:60]}")
    if turn.pictures:
        parts.append(f"pictures: {turn.pictures}")
    return "; ".join(parts) + "."


def pieces(text: str, size: int = 9) -> list[str]:
    """The text in several pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def vector(text: str, length: int) -> list[float]:
    """A vector in which the text can be seen again."""
    return [float(len(text)), 0.5, -0.25, *([0.125] * length)][:length]


def _unescaped(arguments: str) -> str:
    """The arguments of a call, also when the client put the prompt between quotation marks."""
    return arguments if _is_object(arguments) else arguments.replace('\\"', '"')


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False
