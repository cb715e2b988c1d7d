"""A child process that writes to a ledger until it is killed, printing how many rows are acknowledged."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from app.domain.chat import Operation
from app.domain.events import RequestFinished
from app.store.ledger import Ledger


async def write_for_ever(path: Path) -> None:
    ledger = Ledger(path)
    ledger.start()
    number = 0
    while True:
        for _ in range(20):
            number += 1
            ledger.record(
                RequestFinished(f"r{number}", datetime.now(UTC), Operation.CHAT, "m", "default", stream=False)
            )
        if await ledger.flush():
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write_for_ever(Path(sys.argv[1])))
