"""Finished requests as the ledger tells of them, and which of them are asked for."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.events import Attempted, Skipped
from app.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class PastRequest:
    """One row of the ledger; the fields are those of `RequestFinished`, `cost_usd` is None while it is unknown.

    `price_source` is a `PriceSource` value.
    """

    request_id: str
    started_at: datetime
    operation: str
    model: str
    client: str
    stream: bool
    provider: str
    provider_model: str
    status: int
    outcome: str
    fault: str
    detail: str
    ms: float
    first_byte_ms: float | None
    usage: Usage
    cost_usd: float | None
    price_source: str
    attempts: tuple[Attempted, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests are wanted; empty and None leave a condition out.

    `model` is the name asked for or the one that answered; `outcome` a word such as `failed`; `last` limits the answer
    to the newest so many.
    """

    since: datetime | None = None
    provider: str = ""
    model: str = ""
    client: str = ""
    outcome: str = ""
    status: int | None = None
    last: int | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Spending:
    """US dollars spent on one local day (`2026-11-24`) at one provider by one client, as far as they are known."""

    day: str
    provider: str
    client: str
    cost_usd: float
