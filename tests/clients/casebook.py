"""What the client programs share: who to ask, which cases there are, and one line of JSON for each that was tried.

Standard library only: it runs in the environments of the clients.
"""

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
)
CALLS = '[call weather {"city":"Köln","days":[1,2]}] [call weather {"city":"Rome"}]'
ARGUMENTS = [{"city": "Köln", "days": [1, 2]}, {"city": "Rome"}]
RESULTS = ("21 degrees", "30 degrees")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city"],
}
ANSWER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
BARE = "ping"
"""A tool without arguments."""

LONG = "mcp__a_server_with_a_long_name__a_tool_whose_name_is_longer_than_most_providers_allow"
"""A tool's name above 64 characters, as agents make them of servers and tools."""

TOOL = ("weather", "Tells the weather.")
SYSTEM = "Be brief."
INPUT_TOKENS = 11
OUTPUT_TOKENS = 7
STATUSES = (400, 401, 429, 500)


@dataclass(frozen=True)
class Target:
    """A provider behind the program: its id, a model that talks and one that makes vectors, if there is one."""

    id: str
    chat: str
    embeds: str = ""

    @property
    def model(self) -> str:
        """The model as clients of the program name it."""
        return f"{self.id}/{self.chat}"

    def failing(self, how: str) -> str:
        """The same model at a provider that may fail, so that no other case sees its rest."""
        return f"{self.id}-{how}/{self.chat}"

    @property
    def vectors(self) -> str:
        """The model for vectors."""
        return f"{self.id}/{self.embeds}"


Case = Callable[[Target], None]


def check(given: object, wanted: object = True) -> None:
    """Fail with both values when they are not equal."""
    if given != wanted:
        raise AssertionError(f"{given!r} is not {wanted!r}")


def said(text: str | None, words: str, *more: str) -> None:
    """Make sure that the model's echo of `words` arrived, and everything else that it told."""
    for part in (f"You said: {words}", *more):
        if part not in (text or ""):
            raise AssertionError(f"{text!r} does not say {part!r}")


def answered(text: str | None) -> None:
    """Make sure that both results of tools arrived at the model, in their order."""
    found = [(text or "").find(result) for result in RESULTS]
    if -1 in found or found != sorted(found):
        raise AssertionError(f"{text!r} does not tell {RESULTS}")


def fails(ask: Callable[[], object], kind: type[Exception], *statuses: int) -> None:
    """Make sure that it fails in this way and with one of these statuses."""
    try:
        ask()
    except kind as error:
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        if statuses and status not in statuses:
            raise AssertionError(f"the status is {status!r}, none of {statuses}") from error
        return
    raise AssertionError("it was answered")


def run(cases: dict[str, Case]) -> None:
    """Try every case with every target that the command line names, and print a line for each."""
    wanted = [name for name in sys.argv[4:] if name in cases] or list(cases)
    for target in (Target(**row) for row in json.loads(sys.argv[3])):
        for name in wanted:
            if name.startswith("vectors") and not target.embeds:
                continue
            print(json.dumps({"provider": target.id, "case": name, "problem": _tried(cases[name], target)}), flush=True)


def _tried(case: Case, target: Target) -> str:
    try:
        case(target)
    except Exception as error:  # noqa: BLE001 - whatever happens is the result
        at = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in at if "programs" in frame.filename]
        return f"{type(error).__name__}: {error} (line {lines[-1] if lines else '?'})"[:800]
    return ""


def base_url() -> str:
    """The address of the program, with /v1."""
    return sys.argv[1]


def token() -> str:
    """The local token."""
    return sys.argv[2]
