"""Open the usage database safely: permissions, damage, versions and migrations."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

BUSY_TIMEOUT_MS = 5000
NOT_CLEAN = "UPDATE state SET clean = 0 WHERE clean <> 0"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY_CODE = 0xFF

Migration = Callable[[sqlite3.Connection], object]


def _create_tables(connection: sqlite3.Connection) -> None:
    """Version 1: the requests, their daily sums and the mark of a clean end."""
    connection.execute("""
        CREATE TABLE requests (
            id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, started_at_ms INTEGER NOT NULL, operation TEXT NOT NULL,
            model TEXT NOT NULL, client TEXT NOT NULL, stream INTEGER NOT NULL, provider TEXT NOT NULL,
            provider_model TEXT NOT NULL, status INTEGER NOT NULL, outcome TEXT NOT NULL, fault TEXT NOT NULL,
            detail TEXT NOT NULL, ms REAL, first_byte_ms REAL, fresh_input INTEGER, cache_read INTEGER,
            cache_write INTEGER, output INTEGER, reasoning INTEGER, audio INTEGER, usage_source TEXT NOT NULL,
            attempts TEXT NOT NULL
        )
    """)
    connection.execute("CREATE INDEX requests_by_time ON requests (started_at_ms)")
    connection.execute("""
        CREATE TABLE daily (
            day TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, client TEXT NOT NULL,
            requests INTEGER NOT NULL, failures INTEGER NOT NULL, unknown_usage INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, cache_read_tokens INTEGER NOT NULL,
            cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
            PRIMARY KEY (day, provider, model, client)
        ) WITHOUT ROWID
    """)
    connection.execute("CREATE TABLE state (clean INTEGER NOT NULL)")
    connection.execute("INSERT INTO state VALUES (1)")


def _add_cost(connection: sqlite3.Connection) -> None:
    """Version 2: cost, the candidates that were not asked, and single requests found by their id."""
    connection.execute("ALTER TABLE requests ADD COLUMN cost_usd REAL")
    connection.execute("ALTER TABLE requests ADD COLUMN images INTEGER")
    connection.execute("ALTER TABLE requests ADD COLUMN searches INTEGER")
    connection.execute("ALTER TABLE requests ADD COLUMN skipped TEXT NOT NULL DEFAULT '[]'")
    connection.execute("CREATE INDEX requests_by_id ON requests (request_id)")
    connection.execute("CREATE INDEX requests_not_ok ON requests (started_at_ms) WHERE outcome <> 'ok'")
    connection.execute("ALTER TABLE daily ADD COLUMN cost_usd REAL NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE daily ADD COLUMN unknown_cost INTEGER NOT NULL DEFAULT 0")
    connection.execute("UPDATE daily SET unknown_cost = requests - failures")


def _add_names(connection: sqlite3.Connection) -> None:
    """Version 3: every model name that occurs, and what is asked of failed requests answered from their index."""
    connection.execute("CREATE TABLE model_names (name TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.execute("INSERT INTO model_names SELECT model FROM requests UNION SELECT provider_model FROM requests")
    connection.execute("DROP INDEX requests_not_ok")
    connection.execute("""
        CREATE INDEX requests_not_ok ON requests (started_at_ms, outcome, status) WHERE outcome <> 'ok'
    """)


def _add_price_source(connection: sqlite3.Connection) -> None:
    """Version 4: where the cost comes from, and an index for each name, so that rare ones are found as fast.

    Each holds the other names too, for who asks for several.
    """
    connection.execute("ALTER TABLE requests ADD COLUMN price_source TEXT NOT NULL DEFAULT 'unknown'")
    connection.execute("DROP TABLE model_names")
    connection.execute("DROP INDEX requests_not_ok")
    for index in (
        "requests_by_client ON requests (client, started_at_ms)",
        "requests_by_provider ON requests (provider, started_at_ms, client)",
        "requests_by_model ON requests (model, started_at_ms, provider, client)",
        "requests_by_provider_model ON requests (provider_model, started_at_ms, provider, client) "
        "WHERE provider_model <> model",
        "requests_not_ok ON requests (started_at_ms, outcome, status, provider, client, model, provider_model) "
        "WHERE outcome <> 'ok' OR status <> 200",
    ):
        connection.execute(f"CREATE INDEX {index}")


MIGRATIONS: tuple[Migration, ...] = (_create_tables, _add_cost, _add_names, _add_price_source)
"""The version of a file is how many of these it has seen."""


class NewerDatabaseError(Exception):
    """The file was written by a newer Switchtower; it is left as it is."""


class _DamagedError(Exception):
    """A check found damage."""


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """A connection for writing, with what the user should know about how it was come by (empty: nothing)."""

    connection: sqlite3.Connection
    notice: str = ""


def open_database(path: Path, now: datetime, migrations: Sequence[Migration] = MIGRATIONS) -> OpenDatabase:
    """Open or create `path` for writing, in this thread; a damaged file is set aside and a new one begun.

    Raises:
        NewerDatabaseError: the file belongs to a newer version.
        sqlite3.Error: it is locked, or the disk is full or broken.
        OSError: the folder or the file cannot be written.
    """
    try:
        return OpenDatabase(_open(path, migrations))
    except (sqlite3.DatabaseError, _DamagedError) as error:
        if not is_damage(error):
            raise
    kept_as = set_aside(path, now)
    return OpenDatabase(_open(path, migrations), damage_notice(kept_as))


def is_damage(error: Exception) -> bool:
    """Whether `error` means that the file itself is broken, not merely locked or full."""
    if isinstance(error, _DamagedError):
        return True
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE in _DAMAGED


def set_aside(path: Path, now: datetime) -> Path:
    """Rename the database to `NAME.corrupt-TIME`, its write-ahead log with it, and return the new path.

    Raises:
        OSError: it cannot be renamed.
    """
    target = _free_name(path.with_name(f"{path.name}.corrupt-{now:%Y%m%d-%H%M%S}"))
    path.rename(target)
    with contextlib.suppress(FileNotFoundError):
        _beside(path, "-wal").rename(_beside(target, "-wal"))
    _beside(path, "-shm").unlink(missing_ok=True)
    return target


def damage_notice(kept_as: Path) -> str:
    """What the user is told after `set_aside`."""
    return f"The usage database was damaged. It was kept as {kept_as.name} and a new one was begun."


def mark_clean(connection: sqlite3.Connection) -> None:
    """Note a clean end; a failure only means a more thorough check at the next start."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("UPDATE state SET clean = 1")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write and creates no file.

    Raises:
        sqlite3.Error: there is no such file or it cannot be read.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _open(path: Path, migrations: Sequence[Migration]) -> sqlite3.Connection:
    _make_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        version = _version(connection)
        if version > len(migrations):
            raise NewerDatabaseError(f"version {version}, this program knows {len(migrations)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if version:
            _check(connection)
        _migrate(connection, path, migrations)
        connection.execute(NOT_CLEAN)
        undo.pop_all()
    return connection


def _make_private(path: Path) -> None:
    """Create the file with mode 0600 if need be, else take the access of others away (POSIX).

    SQLite gives the files beside it the same mode.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if os.name == "posix":
        path.chmod(0o600)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check(connection: sqlite3.Connection) -> None:
    """Look for damage: thoroughly after an unclean end, else quickly.

    Raises:
        _DamagedError: some was found.
    """
    clean = connection.execute("SELECT clean FROM state").fetchone()
    check = "PRAGMA quick_check(1)" if clean and clean[0] else "PRAGMA integrity_check(1)"
    if (verdict := connection.execute(check).fetchone()[0]) != "ok":
        raise _DamagedError(verdict)


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Take the file to the newest version, one transaction each, with a copy beside it before each."""
    known = _version(connection)
    for version in range(known, len(migrations)):
        if known:
            _back_up(connection, path, version)
        with transaction(connection):
            migrations[version](connection)
            connection.execute(f"PRAGMA user_version = {version + 1:d}")


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the file to `NAME.v1-backup` (of version 1), private like the file itself."""
    target = _free_name(path.with_name(f"{path.name}.v{version}-backup"))
    _make_private(target)
    connection.execute("VACUUM INTO ?", (str(target),))


def _free_name(path: Path) -> Path:
    """`path`, or the first of `path-2`, `path-3` … that does not exist."""
    candidate, number = path, 2
    while candidate.exists():
        candidate, number = path.with_name(f"{path.name}-{number}"), number + 1
    return candidate


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
