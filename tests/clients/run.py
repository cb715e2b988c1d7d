"""Try real clients with every provider's dialect and print the table: `python tests/clients/run.py [CLIENT …]`.

Without names, those of the ordinary tests. Others need their own packages: `litellm_client` an interpreter that has
them (`--python`), `ai_sdk` and `genai` a folder with those of `tests/clients/node` (`--node`), which are put there when
missing.
Agents (codex, claude, gemini, qwen, opencode, aider) must be installed: their programs are looked for in PATH.
"""

import argparse
import asyncio
import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from clients.agents import AGENTS, lead  # noqa: E402 - found by the line above
from clients.rig import BEHIND, Row, play, play_node, stage  # noqa: E402

PACKAGES = ("openai_chat", "openai_responses", "anthropic_messages", "google_genai", "ollama_python")
NODE = ("ai_sdk", "genai")


async def rows_of(client: str, python: str, node: Path) -> list[Row]:
    """Every case of a client, in a program of its own."""
    with tempfile.TemporaryDirectory() as home:
        async with stage(Path(home)) as running:
            if client in AGENTS:
                return await lead(running, client)
            if client in NODE:
                return await play_node(running, f"{client}.mjs", node)
            return await play(running, f"{client}.py", python=python)


def install(folder: Path) -> None:
    """Put the packages for Node.js into `folder`, as their lock file says, without running their scripts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(Path(__file__).parent / "node" / name, folder)
    subprocess.run(("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"), cwd=folder, check=True)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "clients", nargs="*", default=PACKAGES, help=", ".join((*PACKAGES, "litellm_client", *NODE, *AGENTS))
    )
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the client's packages")
    parser.add_argument("--node", type=Path, help="the folder of the packages for Node.js")
    return parser.parse_args()


def main() -> int:
    """Try those that are named; 1 when a case fails."""
    asked = arguments()
    folder = (asked.node or Path(tempfile.gettempdir()) / "switchtower-clients").absolute()
    if set(asked.clients) & set(NODE) and not (folder / "node_modules").exists():
        install(folder)
    logging.disable()
    names = [behind.target.id for behind in BEHIND]
    print(f"| client | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    problems: list[str] = []
    for client in asked.clients:
        rows = asyncio.run(rows_of(client, asked.python, folder))
        found = {name: [row for row in rows if row.provider == name] for name in names}
        cells = [f"{sum(not row.problem for row in own)}/{len(own)}" for own in found.values()]
        print(f"| {client} | {' | '.join(cells)} |", flush=True)
        problems += (f"{client}, {row.provider}, {row.case}: {row.problem}" for row in rows if row.problem)
    print("\n".join(problems))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
