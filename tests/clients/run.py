"""Try real clients with every provider's dialect and print the table: `python tests/clients/run.py [CLIENT …]`."""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from clients.rig import BEHIND, Row, play, stage  # noqa: E402 - found by the line above

PACKAGES = ("openai_chat", "openai_responses", "anthropic_messages", "google_genai", "ollama_python")


async def rows_of(client: str, python: str) -> list[Row]:
    """Every case of a client, in a program of its own."""
    with tempfile.TemporaryDirectory() as home:
        async with stage(Path(home)) as running:
            return await play(running, f"{client}.py", python=python)


def main() -> int:
    """Try those that are named, or all; 1 when a case fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clients", nargs="*", default=PACKAGES)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the clients' packages")
    asked = parser.parse_args()
    logging.disable()
    names = [behind.target.id for behind in BEHIND]
    print(f"| client | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    problems: list[str] = []
    for client in asked.clients:
        rows = asyncio.run(rows_of(client, asked.python))
        cells = []
        for name in names:
            own = [row for row in rows if row.provider == name]
            cells.append(f"{sum(not row.problem for row in own)}/{len(own)}")
        print(f"| {client} | {' | '.join(cells)} |", flush=True)
        problems += (f"{client}, {row.provider}, {row.case}: {row.problem}" for row in rows if row.problem)
    print("\n".join(problems))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
