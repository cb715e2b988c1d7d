"""Keep the account of one request, and publish it exactly once."""

import logging
import time
from collections.abc import Callable
from datetime import datetime

from app.domain.chat import Operation
from app.domain.events import Attempted, RequestFinished, Skipped
from app.domain.faults import Fault
from app.domain.usage import NO_USAGE, Usage
from app.engine.attempt import Attempt
from app.engine.bus import Bus
from app.engine.limits import Turn, total
from app.engine.router import Candidate
from app.engine.tokens import Sent, Uncounted, is_complete

_log = logging.getLogger(__name__)

CLIENT_GONE = 499
"""The status that the log shows for a client that went away (nginx's convention)."""

_MOST_SKIPPED = 10
"""So many candidates that were not asked are named; of those beyond there is only their number."""


class Journal:
    """What became of one request, attempt by attempt."""

    def __init__(self, bus: Bus, request_id: str, client: str, clock: Callable[[], datetime]) -> None:
        """Begin now; the request itself is not needed, since a refused one may not even parse."""
        self._bus = bus
        self._request_id = request_id
        self._client = client
        self._began_s = time.perf_counter()
        self._started_at = clock()
        self._finished = False
        self.operation = Operation.CHAT
        self.model = ""
        self.stream = False
        self.attempts: list[Attempted] = []
        self.skipped: list[Skipped] = []
        self._unnamed = 0
        self.last: Attempt | None = None
        self.turn: Turn | None = None
        self.queued_s = 0.0
        """How long the request has waited for its turn."""
        self.sent: Sent | None = None
        """What a stream has sent so far."""
        self.limits: tuple[tuple[str, str], ...] = ()
        """The `x-ratelimit-*` headers of our own limits."""

    @property
    def request_id(self) -> str:
        """The id the client sees."""
        return self._request_id

    def tried(self, attempt: Attempt, fault: Fault | None) -> None:
        """Note the end of an attempt: it answered, or failed with `fault`."""
        candidate = attempt.candidate
        self.last = attempt
        told = fault.kind if fault else ""
        self.attempts.append(
            Attempted(candidate.provider.id, candidate.model, told, attempt.elapsed_ms(), attempt.reason)
        )

    def passed_over(self, candidate: Candidate, why: str) -> None:
        """Note a candidate that was not asked, and why."""
        if len(self.skipped) < _MOST_SKIPPED:
            self.skipped.append(Skipped(candidate.provider.id, candidate.model, why))
        else:
            self._unnamed += 1

    def finish(self, status: int, outcome: str = "ok", fault: Fault | None = None) -> None:
        """Publish the account; a second call does nothing."""
        if self._finished:
            return
        self._finished = True
        last = self.last
        spent = self._spent_by if outcome != "failed" else None
        if self._unnamed:
            self.skipped.append(Skipped("…", "…", f"{self._unnamed} more were passed over"))
        if self.turn is not None:
            self.turn.settle(0 if spent is None else total(spent.usage))
        event = RequestFinished(
            request_id=self._request_id,
            started_at=self._started_at,
            operation=self.operation,
            model=self.model,
            client=self._client,
            stream=self.stream,
            provider=last.candidate.provider.id if last else "",
            provider_model=last.candidate.model if last else "",
            status=status,
            outcome=outcome,
            fault=fault.kind if fault else "",
            detail=fault.text if fault else "",
            ms=(time.perf_counter() - self._began_s) * 1000,
            first_byte_ms=last.first_byte_ms if last else None,
            usage=spent.usage if spent else NO_USAGE,
            attempts=tuple(self.attempts),
            skipped=tuple(self.skipped),
            estimate=self._uncounted(spent, outcome) if spent else None,
        )
        self._bus.publish(event)
        _write(event)

    @property
    def _spent_by(self) -> Attempt | None:
        """The attempt whose tokens are the request's: the last one, unless it failed or there was none."""
        return self.last if self.attempts and not self.attempts[-1].fault else None

    def _uncounted(self, last: Attempt, outcome: str) -> Uncounted | None:
        """What the provider has not counted, to be counted later; None when it has counted everything."""
        cut = self.sent is not None and outcome != "ok"
        if is_complete(last.usage, last.request.operation) and not cut:
            return None
        answer = last.reply.body if last.reply is not None else b""
        return Uncounted(last.usage, last.request, answer, self.sent, cut)


def _write(event: RequestFinished) -> None:
    """One log line: what, whom, how long, then what; at DEBUG when all went well, for the ledger has every request."""
    smooth = event.outcome == "ok" and len(event.attempts) <= 1
    level = logging.DEBUG if smooth else logging.INFO
    if not _log.isEnabledFor(level):
        return
    usage: Usage = event.usage
    _log.log(
        level,
        "request %s id=%s route=%s model=%s provider=%s client=%s ms=%.0f in=%s out=%s attempts=%d status=%d fault=%s",
        event.outcome,
        event.request_id,
        event.operation,
        event.model,
        event.provider or "-",
        event.client,
        event.ms,
        "-" if usage.input is None else usage.input,
        "-" if usage.output is None else usage.output,
        len(event.attempts),
        event.status,
        event.fault or "-",
    )
