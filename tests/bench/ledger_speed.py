"""Fill a ledger with a million rows and time every question that is asked of it: `python tests/bench/ledger_speed.py`.

The daily sums answer the windows, indexes the rest; each figure is the slowest of five.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.domain.chat import Operation
from app.domain.events import Attempted, RequestFinished
from app.domain.history import RequestFilter
from app.domain.usage import Cost, Grouping, PriceSource, Usage, UsageSource
from app.store.ledger import Ledger
from app.store.ledger_reader import LedgerReader

DAYS = 90
PROVIDERS = [f"provider-{n}" for n in range(10)]
MODELS = [f"model-{n}" for n in range(50)]
CLIENTS = ["default", "editor", "agent"]
LONG_AGO, RARE_EVERY = 1000, 20_000  # the first rows are of a provider of long ago, every so many of a rare one


def event(number: int, count: int, now: datetime, chance: random.Random) -> RequestFinished:
    failed = chance.random() < 0.02
    which = chance.randrange(len(MODELS))
    provider, model = PROVIDERS[which % len(PROVIDERS)], MODELS[which]
    client = chance.choice(CLIENTS)
    if number < LONG_AGO:
        provider, model, client = "long-ago", "model-long-ago", "client-long-ago"
    elif number % RARE_EVERY == 0:
        provider, model, client = "rare", "model-rare", "client-rare"
    elif number % 4 == 0 and (provider != PROVIDERS[3] or number < count // 10):
        client = "client-some"
    return RequestFinished(
        f"req_{number:016x}",
        now - timedelta(days=DAYS) * (1 - number / count),
        Operation.CHAT,
        model,
        client,
        stream=True,
        provider=provider,
        provider_model=model,
        status=418 if number == LONG_AGO else 502 if failed else 200,
        outcome="incomplete" if number == LONG_AGO else "failed" if failed else "ok",
        fault="provider_error" if failed else "",
        ms=500.0,
        first_byte_ms=100.0,
        usage=Usage(1000, 100, output=50, source=UsageSource.PROVIDER),
        attempts=(Attempted(provider, model, "", 480.0, "priority 1"),),
    )


async def fill(path: Path, count: int, now: datetime) -> float:
    chance = random.Random(1)  # noqa: S311 - invented data
    ledger = Ledger(path)
    ledger.start()
    began_s = time.perf_counter()
    for number in range(count):
        ledger.record(event(number, count, now, chance), Cost(0.001, PriceSource.PRICE_LIST))
        if number % 5000 == 4999:
            while not await ledger.flush(60):
                pass
    await ledger.flush(60)
    took_s = time.perf_counter() - began_s
    await ledger.stop()
    assert ledger.dropped == 0
    return took_s


def questions(reader: LedgerReader, count: int, now: datetime) -> dict[str, Callable[[], object]]:
    def requests(**wanted: object) -> Callable[[], object]:
        return lambda: list(reader.requests(RequestFilter(**wanted)))  # type: ignore[arg-type]

    asked: dict[str, Callable[[], object]] = {
        f"usage by {by.value}, 90 days": lambda by=by: reader.usage(now - timedelta(days=DAYS), by) for by in Grouping
    }
    asked["usage by provider, 7 days"] = lambda: reader.usage(now - timedelta(days=7), Grouping.PROVIDER)
    asked["budgets: spent this month"] = lambda: reader.spent(now - timedelta(days=30))
    asked["explain: one request by its id"] = requests(request_id=f"req_{count // 2:016x}")
    asked["explain: an id that is not there"] = requests(request_id="nope")
    asked["requests: the newest 50"] = requests(last=50)
    asked["requests: the newest 50 of a provider"] = requests(last=50, provider=PROVIDERS[3])
    asked["requests: the newest 50 of a model"] = requests(last=50, model=MODELS[7])
    asked["requests: the newest 50 failed"] = requests(last=50, outcome="failed")
    asked["requests: the newest 50 with status 502"] = requests(last=50, status=502)
    asked["requests: of a provider that is not there"] = requests(last=50, provider="nobody")
    asked["requests: of a model that is not there"] = requests(last=50, model="nobody")
    asked["requests: of a client that is not there"] = requests(last=50, client="nobody")
    asked["requests: with a status that is not there"] = requests(last=50, status=429)
    asked["requests: with a status that was never seen"] = requests(last=50, status=201)
    asked["requests: an outcome that is not there"] = requests(last=50, outcome="cancelled")
    for when in ("rare", "long-ago"):
        asked[f"requests: of a provider, {when}"] = requests(last=100, provider=when)
        asked[f"requests: of a model, {when}"] = requests(last=100, model=f"model-{when}")
        asked[f"requests: of a client, {when}"] = requests(last=100, client=f"client-{when}")
        asked[f"requests: of a client, {when}, failed"] = requests(last=100, client=f"client-{when}", outcome="failed")
    asked["requests: with a status of long ago"] = requests(last=50, status=418)
    asked["requests: with an outcome of long ago"] = requests(last=50, outcome="incomplete")
    asked["requests: of a client and a provider that failed"] = requests(
        last=50, client=CLIENTS[0], provider=PROVIDERS[3], outcome="failed"
    )
    asked["requests: of a provider and a model it does not have"] = requests(
        last=50, provider=PROVIDERS[3], model=MODELS[4]
    )
    asked["requests: of a model, failed, another client"] = requests(
        last=50, client="client-rare", model=MODELS[4], outcome="failed"
    )
    asked["requests: of a client that a provider hardly has"] = requests(
        last=50, provider=PROVIDERS[3], client="client-some"
    )
    asked["requests: of a client and a model"] = requests(last=50, client=CLIENTS[1], model=MODELS[4])
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    count = parser.parse_args().rows
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.sqlite3"
        took_s = asyncio.run(fill(path, count, now))
        print(f"{count:,} rows written in {took_s:.0f} s ({took_s / count * 1e6:.0f} µs each), ", end="")
        print(f"{path.stat().st_size / 1e6:.0f} MB")
        reader = LedgerReader(path)
        for name, ask in questions(reader, count, now).items():
            times_ms = []
            for _ in range(5):
                began_s = time.perf_counter()
                ask()
                times_ms.append((time.perf_counter() - began_s) * 1000)
            print(f"{name:<52} median {statistics.median(times_ms):8.1f} ms   slowest {max(times_ms):8.1f} ms")


if __name__ == "__main__":
    main()
