"""Run the conformance cases of the package llm-comply: `python tests/clients/comply.py [--tool PATH] [FORMAT …]`.

The package is no dependency of the project: install it anywhere (`pip install llm-comply`) and name its program.
"""

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from clients.casebook import Target  # noqa: E402 - found by the line above
from clients.rig import BEHIND, TOKEN, Stage, execute, stage  # noqa: E402
from clients.scripted import Turn  # noqa: E402
from clients.upstream import Asked, Speech  # noqa: E402

FORMATS = {"open-responses": "/v1", "openai-chat": "/v1", "anthropic": "/v1", "google-genai": ""}
"""The families of cases, with what their base URL ends in."""


UNSAID = frozenset({"cache_creation", "caller", "citations", "container", "inference_geo"}) | {
    "output_tokens_details",
    "server_tool_use",
    "service_tier",
    "stop_details",
}
"""What the cases' description of Anthropic demands, and what most recorded answers of Anthropic itself do not have."""


class Obliging:
    """A provider whose model calls the tool of the cases, which ask it for the weather."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech

    def __getattr__(self, name: str) -> Any:
        return getattr(self._speech, name)

    def read(self, asked: Asked) -> Turn:
        turn = self._speech.read(asked)
        if turn.tools and "weather" in turn.words and not turn.results:
            turn.words = f'[call {turn.tools[0]} {{"location":"San Francisco"}}]'
        return turn


async def cases_of(running: Stage, form: str, target: Target, tool: str) -> list[dict[str, Any]]:
    """What became of the cases of a format with one provider behind."""
    url = running.base_url.removesuffix("/v1") + FORMATS[form]
    key = ("--auth-header", "x-goog-api-key", "--no-bearer") if form == "google-genai" else ()
    with tempfile.TemporaryDirectory() as folder:
        spec = described(tool, Path(folder)) if form == "anthropic" else ()
        command = (tool, "--format", form, "--json", "-u", url, "-k", TOKEN, "-m", target.model, *key, *spec)
        _, out, err = await execute(command, {})
    if not out.lstrip().startswith(("{", "[")):
        raise RuntimeError(err or out)
    told: dict[str, Any] = json.loads(out)
    return list(told["results"])


def described(tool: str, folder: Path) -> tuple[str, ...]:
    """Anthropic's description without the demands that it does not meet itself, as an option."""
    program = Path(shutil.which(tool) or tool).resolve()
    (own,) = program.parents[1].glob("lib/python*/site-packages/llm_comply/specs/anthropic.json")
    whole = json.loads(own.read_text("utf-8"))
    for schema in whole["components"]["schemas"].values():
        if "required" in schema:
            schema["required"] = [name for name in schema["required"] if name not in UNSAID]
    mended = folder / "anthropic.json"
    mended.write_text(json.dumps(whole), "utf-8")
    return "--spec", str(mended)


def refused(target: Target, case: dict[str, Any]) -> bool:
    """Whether it is the one case that is refused by rule: Ollama has no word for a call that must be made."""
    return target.id == "ollama" and case["id"].endswith("tool-calling") and "HTTP 400" in case["errors"][0]


async def run(forms: list[str], tool: str) -> bool:
    """Print a line for each format, and every case that failed; return whether one did."""
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as home:
        async with stage(Path(home)) as running:
            for upstream in running.upstreams.values():
                upstream.speech = Obliging(upstream.speech)
            for form in forms:
                cells = []
                for behind in BEHIND:
                    cases = await cases_of(running, form, behind.target, tool)
                    run = [case for case in cases if case["status"] != "skipped"]
                    failed = [case for case in run if case["status"] != "passed"]
                    cells.append(f"{len(run) - len(failed)}/{len(run)}")
                    failed = [case for case in failed if not refused(behind.target, case)]
                    bad += (f"{form}, {behind.target.id}, {case['id']}: {case['errors']}" for case in failed)
                print(f"| {form} | {' | '.join(cells)} |", flush=True)
    print("\n".join(bad))
    return bool(bad)


def main() -> int:
    """Try the formats that are named, or all; 1 when a case fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*", default=list(FORMATS))
    parser.add_argument("--tool", default="llm-comply", help="where the program llm-comply is")
    asked = parser.parse_args()
    logging.disable()
    names = [behind.target.id for behind in BEHIND]
    print(f"| cases | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    return asyncio.run(run(asked.formats, asked.tool))


if __name__ == "__main__":
    sys.exit(main())
