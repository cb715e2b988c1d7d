"""Keep one row per finished request in SQLite, without a request ever waiting for the disk."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app.domain.history import PastRequest, RequestFilter, Spending
from app.domain.usage import UNKNOWN_COST, Cost, Grouping, UsageRow
from app.store.ledger_file import (
    NOT_CLEAN,
    NewerDatabaseError,
    damage_notice,
    is_damage,
    mark_clean,
    open_database,
    set_aside,
    transaction,
)
from app.store.ledger_reader import LedgerReader
from app.store.ledger_rows import PreparedRow, insert, prepare

if TYPE_CHECKING:
    from app.domain.events import RequestFinished

T = TypeVar("T")

log = logging.getLogger(__name__)

MAX_BUFFERED_ROWS = 10_000
GATHER_S = 0.5  # how long rows are gathered for one commit
HURRY_ROWS = 1000  # commit at once when so many have gathered
RETRY_S = 2.0  # pause after a write that failed
FLUSH_S = 5.0
STOP_S = 3.0
PRUNE_ROWS = 5000  # per transaction, so that new rows get their turn
DAY_MS = 86_400_000


class Ledger:
    """The usage database: `record` from the loop, one writing thread, readers on connections of their own.

    `problem` says in one line what is wrong with the file (empty: nothing), `dropped` counts the rows lost because
    `MAX_BUFFERED_ROWS` were already waiting for a file that could not be written.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, zone: tzinfo | None = None) -> None:
        """Use the file at `path`; nothing is opened yet.

        `clock` gives seconds since 1970. `zone` is the time zone of the days, None the computer's own.
        """
        self._path = path
        self._clock = clock
        self._zone = zone
        self._reader = LedgerReader(path, zone)
        self._backlog: deque[tuple[RequestFinished, Cost]] = deque()
        self._batch: list[PreparedRow] = []  # taken off the backlog, not yet committed
        self._awake = threading.Event()  # there is something to do
        self._hurry = threading.Event()  # … and no more gathering
        self._stopping = threading.Event()
        self._flushes: deque[Future[bool]] = deque()
        self._retention_days: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._notice = ""
        self._trouble = ""
        self._read_trouble = ""
        self.dropped = 0

    @property
    def problem(self) -> str:
        """What is wrong with the file now, else what had to be done about it, else nothing."""
        return self._trouble or self._read_trouble or self._notice

    @property
    def readable(self) -> bool:
        """Whether the file can be read and written now, whatever had to be done for that."""
        return not (self._trouble or self._read_trouble)

    def start(self) -> None:
        """Begin to write; the file is opened, checked and migrated by the writing thread."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._work, name="ledger", daemon=True)
            self._thread.start()
            self._rouse()

    def record(self, event: "RequestFinished", cost: Cost = UNKNOWN_COST) -> None:
        """Queue one row; never waits and never raises."""
        waiting = len(self._backlog) + len(self._batch)
        if waiting >= MAX_BUFFERED_ROWS:
            self.dropped += 1
            return
        self._backlog.append((event, cost))
        if not self._awake.is_set():
            self._awake.set()
        if waiting >= HURRY_ROWS and not self._hurry.is_set():
            self._hurry.set()

    def prune(self, retention_days: int) -> None:
        """Have the writing thread delete requests older than `retention_days` (0: all so far); sums stay."""
        self._retention_days = retention_days
        self._rouse()

    async def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until everything recorded so far is committed; False if that failed or took longer."""
        if self._thread is None:
            return not self._backlog
        done: Future[bool] = Future()
        self._flushes.append(done)
        self._rouse()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(done), timeout_s)
        except TimeoutError:
            return False

    async def stop(self) -> None:
        """Commit what is waiting and close; after `STOP_S` a file that cannot be written is given up."""
        await asyncio.to_thread(self._stop)

    async def usage(self, since: datetime, by: Grouping) -> list[UsageRow]:
        """Sums from the beginning of the local day of `since` until now, days in order, else the busiest first.

        Rows recorded before the call are in it. A file that cannot be read gives no rows and sets `problem`.
        """
        return await self._ask(lambda: self._reader.usage(since, by))

    async def spent(self, since: datetime) -> list[Spending]:
        """What was spent from the local day of `since` until now; otherwise like `usage`."""
        return await self._ask(lambda: self._reader.spent(since))

    async def requests(self, wanted: RequestFilter) -> list[PastRequest]:
        """The requests that pass the filter, the newest first; otherwise like `usage`."""
        return await self._ask(lambda: list(self._reader.requests(wanted)))

    async def _ask(self, question: Callable[[], list[T]]) -> list[T]:
        """Put a question to the reader in a thread, when what was recorded so far is written."""
        if self._thread is not None and not self._trouble:
            await self.flush(timeout_s=1.0)
        return await asyncio.to_thread(self._answer, question)

    def _answer(self, question: Callable[[], list[T]]) -> list[T]:
        try:
            found = question()
        except (sqlite3.Error, OSError) as error:
            self._read_trouble = f"The usage database {self._path} cannot be read: {error}."
            return []
        self._read_trouble = ""
        return found

    def _stop(self) -> None:
        if self._thread is None:
            return
        self._stopping.set()
        self._rouse()
        self._thread.join(STOP_S)
        if lost := len(self._backlog) + len(self._batch):
            log.warning("usage rows lost count=%d reason=%s", lost, self.problem)
        self._thread = None

    def _rouse(self) -> None:
        self._hurry.set()
        self._awake.set()

    # From here on everything runs in the writing thread.

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait()
            self._hurry.wait(GATHER_S)
            self._awake.clear()
            self._hurry.clear()
            self._pass()
            if self._trouble and not self._stopping.is_set():
                self._stopping.wait(RETRY_S)
                self._awake.set()
        self._pass()
        if self._connection is not None:
            mark_clean(self._connection)
        self._close()

    def _pass(self) -> None:
        """Open if need be, write, prune, then tell those who wait for a flush."""
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        written = False
        for _ in range(2):
            try:
                written = self._attempt()
                break
            except sqlite3.DatabaseError as error:  # damage found while writing
                if not self._begin_anew(error):
                    break
        for done in flushes:
            if done.set_running_or_notify_cancel():
                done.set_result(written)

    def _attempt(self) -> bool:
        """Bring the file up to date; False, with the trouble noted, when that cannot be done now.

        Raises:
            sqlite3.DatabaseError: the file turned out to be damaged.
        """
        try:
            connection = self._open()
            self._write(connection)
            self._prune(connection)
        except NewerDatabaseError:
            self._in_trouble(
                f"The usage database {self._path} was written by a newer Switchtower and is left as it is. "
                "Update Switchtower, or move the file away to begin a new one."
            )
            return False
        except (sqlite3.Error, OSError) as error:
            self._close()
            if is_damage(error):
                raise
            self._in_trouble(
                f"The usage database {self._path} cannot be written: {error}. "
                "Requests go on; check the disk and whether another program holds the file."
            )
            return False
        self._fine()
        return True

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            opened = open_database(self._path, self._now())
            self._connection = opened.connection
            self._notice = opened.notice or self._notice
            if opened.notice:
                log.warning("%s", opened.notice)
        return self._connection

    def _write(self, connection: sqlite3.Connection) -> None:
        while self._backlog or self._batch:
            while self._backlog and len(self._batch) < MAX_BUFFERED_ROWS:
                self._take(*self._backlog.popleft())
            with transaction(connection):
                insert(connection, self._batch)
                connection.execute(NOT_CLEAN)
            self._batch = []

    def _take(self, event: "RequestFinished", cost: Cost) -> None:
        try:
            self._batch.append(prepare(event, self._zone, cost))
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            self.dropped += 1
            log.warning("usage row cannot be written request=%s reason=%s", event.request_id, error)

    def _prune(self, connection: sqlite3.Connection) -> None:
        if self._retention_days is None:
            return
        before_ms = int(self._clock() * 1000) - self._retention_days * DAY_MS
        while connection.execute(
            "DELETE FROM requests WHERE id IN "
            "(SELECT id FROM requests WHERE started_at_ms <= ? ORDER BY started_at_ms LIMIT ?)",
            (before_ms, PRUNE_ROWS),
        ).rowcount:
            self._write(connection)
            if self._stopping.is_set():
                return
        self._retention_days = None

    def _begin_anew(self, error: sqlite3.DatabaseError) -> bool:
        """Set the damaged file aside; False when it cannot be renamed."""
        try:
            kept_as = set_aside(self._path, self._now())
        except OSError as refusal:
            self._in_trouble(f"The usage database {self._path} is damaged ({error}) and cannot be renamed: {refusal}.")
            return False
        self._notice = damage_notice(kept_as)
        log.warning("%s", self._notice)
        return True

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _in_trouble(self, text: str) -> None:
        if text != self._trouble:
            log.warning("%s", text)
        self._trouble = text

    def _fine(self) -> None:
        if self._trouble:
            log.info("usage database works again")
        self._trouble = ""

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), tz=UTC).astimezone(self._zone)
