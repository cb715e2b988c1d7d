import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.store.ledger_file import (
    MIGRATIONS,
    NewerDatabaseError,
    connect_for_reading,
    mark_clean,
    open_database,
    set_aside,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FIRST = MIGRATIONS[:1]


def add_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE daily ADD COLUMN new REAL")


def fail(connection: sqlite3.Connection) -> None:
    add_column(connection)
    raise sqlite3.OperationalError("database or disk is full")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database of version 1 with one daily row."""
    path = tmp_path / "usage.sqlite3"
    with closing(open_database(path, NOW, FIRST).connection) as connection:
        connection.execute("INSERT INTO daily VALUES ('2026-11-23', 'p', 'm', 'c', 1, 0, 0, 5, 6, 0, 0, 0)")
        mark_clean(connection)
    return path


def daily(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM daily").fetchall()


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_migration_keeps_rows_and_leaves_a_private_backup(path: Path) -> None:
    before = daily(path)
    open_database(path, NOW, [*FIRST, add_column]).connection.close()
    backup = path.with_name("usage.sqlite3.v1-backup")
    assert version(path) == 2
    assert daily(path) == [(*before[0], None)]
    assert (version(backup), daily(backup)) == (1, before)
    assert backup.stat().st_mode & 0o777 == 0o600


def test_each_of_several_migrations_has_its_backup(path: Path) -> None:
    path.with_name("usage.sqlite3.v1-backup").write_text("an older backup")
    open_database(path, NOW, [*FIRST, add_column, lambda _: None]).connection.close()
    names = sorted(file.name for file in path.parent.iterdir())
    assert names == ["usage.sqlite3", "usage.sqlite3.v1-backup", "usage.sqlite3.v1-backup-2", "usage.sqlite3.v2-backup"]
    assert version(path) == 3


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    before = daily(path)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        open_database(path, NOW, [*FIRST, fail])
    assert (version(path), daily(path)) == (1, before)


def test_a_new_file_needs_no_backup(path: Path) -> None:
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    open_database(path.with_name("new.sqlite3"), NOW).connection.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["new.sqlite3", path.name]
    assert version(path.with_name("new.sqlite3")) == len(MIGRATIONS)


def test_a_newer_file_is_refused(path: Path) -> None:
    open_database(path, NOW, [*FIRST, add_column]).connection.close()
    with pytest.raises(NewerDatabaseError):
        open_database(path, NOW, FIRST)


def test_an_unclean_end_is_checked_thoroughly(path: Path) -> None:
    """A wrong index entry passes the quick check and not the thorough one."""
    opened = open_database(path, NOW, FIRST).connection
    opened.execute("PRAGMA writable_schema = ON")
    opened.execute(
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX requests_by_time ON requests (ms)' WHERE name LIKE '%time'"
    )
    opened.execute(
        "INSERT INTO requests SELECT 1, 'r', 2, '', '', '', 0, '', '', 200, '', '', '', 3, 4, 5, 6, 7, 8, 9, 10, '', ''"
    )
    mark_clean(opened)
    opened.close()
    clean = open_database(path, NOW, FIRST)
    assert clean.notice == ""
    clean.connection.close()
    killed = open_database(path, NOW, FIRST)
    killed.connection.close()
    assert "damaged" in killed.notice


def test_setting_aside_twice_in_a_second_keeps_both(path: Path) -> None:
    first = set_aside(path, NOW)
    path.write_text("again")
    second = set_aside(path, NOW)
    assert [first.name, second.name] == [
        "usage.sqlite3.corrupt-20261123-120000",
        "usage.sqlite3.corrupt-20261123-120000-2",
    ]
    assert second.read_text() == "again"


def test_a_reading_connection_cannot_write(path: Path) -> None:
    with closing(connect_for_reading(path)) as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM daily")


def test_reading_an_absent_file_does_not_create_it(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connect_for_reading(tmp_path / "none ?#%.sqlite3")
    assert list(tmp_path.iterdir()) == []


def test_the_second_version_brings_cost_and_keeps_what_was_unknown_unknown(path: Path) -> None:
    with closing(open_database(path, NOW, FIRST).connection) as connection:
        connection.execute("INSERT INTO daily VALUES ('2026-11-22', 'p', 'm', 'c', 5, 2, 0, 5, 6, 0, 0, 0)")
    open_database(path, NOW).connection.close()
    assert [(row[4], row[-2], row[-1]) for row in daily(path)] == [(5, 0.0, 3), (1, 0.0, 1)]
    assert path.with_name("usage.sqlite3.v1-backup").exists()


def test_the_fourth_version_cannot_know_where_old_costs_came_from(path: Path) -> None:
    with closing(open_database(path, NOW, MIGRATIONS[:3]).connection) as connection:
        connection.executemany(
            """INSERT INTO requests (request_id, started_at_ms, operation, model, client, stream, provider,
            provider_model, status, outcome, fault, detail, usage_source, attempts, cost_usd)
            VALUES (?, 0, 'chat', ?, 'c', 0, 'p', ?, 200, 'ok', '', '', 'provider', '[]', 0.5)""",
            [("r1", "fast", "gpt-5-mini"), ("r2", "fast", "llama")],
        )
    open_database(path, NOW).connection.close()
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT DISTINCT price_source, cost_usd FROM requests").fetchall()
    assert found == [("unknown", 0.5)]
    assert path.with_name("usage.sqlite3.v3-backup").exists()
