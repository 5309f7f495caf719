"""What is SQLite's own: a file in WAL mode, one writer at a time.

Every writing transaction begins with `BEGIN IMMEDIATE`: it takes its turn at once instead of
failing at its first write.

What is written lies in a log beside the file until somebody carries it over, by default whoever
commits when the log has grown to 1,000 pages: one start in a hundred would wait for that. A timer does
it instead (`tidy`); without its service the log grows to `_LONGEST_LOG` first.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime

from sqlalchemy import URL, Connection, Engine, create_engine, event

_LONGEST_LOG = 16_000  # pages of 4 kB


class Sqlite:
    """The port `Kind` for SQLite."""

    reads_at_once = True
    threads = 1  # one writes at a time, whatever there are
    begin_read = "BEGIN"
    begin_write = "BEGIN IMMEDIATE"

    def create_engine(self, url: URL, busy_timeout: float) -> Engine:
        # isolation_level None: Python's sqlite3 begins nothing by itself.
        arguments = {"timeout": busy_timeout, "isolation_level": None}
        engine = create_engine(url, connect_args=arguments, hide_parameters=True)
        event.listen(engine, "connect", _prepare)
        return engine

    def is_away(self, error: BaseException) -> bool:
        """Locked, disk full, file gone, unreadable or damaged."""
        return type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError)

    def cannot_keep(self, error: BaseException) -> bool:
        return False  # it keeps any text, of any length

    def check(self, connection: Connection) -> None:
        """Python brings a version that is new enough."""

    def has_log(self, connection: Connection) -> bool:
        """Some file systems have no room for it: then whoever writes keeps all others waiting."""
        return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()) == "wal"

    def clock(self, connection: Connection) -> datetime | None:
        return None

    def prepare_upgrade(self, connection: Connection) -> None:
        """The first `BEGIN IMMEDIATE` keeps everybody else out."""

    def holds_timers(self, engine: Engine, hub_name: str) -> bool:
        return True  # a file has one service

    def tidy(self, engine: Engine) -> None:
        """Carries over what no reader needs any more. Nobody waits meanwhile, neither to read nor to
        write."""
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Nothing of its own."""


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA wal_autocheckpoint={_LONGEST_LOG}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
