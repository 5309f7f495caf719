"""What is PostgreSQL's own: turns, times after which the server gives up, and the timers' holder.

A writing transaction begins by taking its turn, an advisory lock that ends with it: what a verb
looks up stays true until it has written, as with SQLite's `BEGIN IMMEDIATE`, so that the same verbs
are exact on both. Nobody waits for anybody else's rows, so nothing can deadlock and nothing needs to
be tried again. Readers take no turn: each sees the database as it was at one moment.
"""

from __future__ import annotations

import threading
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from ..domain.refusals import StorageUnreachable
from .unfit import DatabaseUnfit

OLDEST = 14  # PostgreSQL's version
_STATEMENT = 1.0  # seconds beyond the wait for a turn that one statement may take
_IDLE = 2.0  # seconds beyond it that a transaction may stand open with nothing asked
_MIGRATION_WAIT = "60s"  # an operator waits longer for a turn than a person

# SQLSTATE classes of a server that is not there, full, or told to stop; and single states: nobody
# gave way in time, and a transaction that was left open. Every other one is a mistake of ours.
_AWAY_CLASSES = ("08", "53", "57", "58")
_AWAY = ("55P03", "25P03")
# Characters that its encoding does not have, and texts longer than their column.
_NOT_KEPT = ("22021", "22001")


def _lock_key(name: str) -> int:
    """For an advisory lock: they are known by 64-bit numbers, within one database."""
    digest = sha256(f"jupyterhub-communities {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


_TURN = _lock_key("turn")
_UPGRADE = _lock_key("upgrade")


class Postgresql:
    """The port `Kind` for PostgreSQL, by psycopg 3."""

    reads_at_once = False  # each look travels
    threads = 3  # readers; writers take turns. More would only fight for the interpreter
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_write = f"BEGIN; SELECT pg_advisory_xact_lock({_TURN})"  # one way there and back

    def __init__(self) -> None:
        self._timers_lock = threading.Lock()
        self._timers: Connection | None = None  # that holds them

    def create_engine(self, url: URL, busy_timeout: float) -> Engine:
        url = url.set(drivername="postgresql+psycopg")  # and not SQLAlchemy's default, psycopg2
        arguments = {
            "autocommit": True,  # transactions begin as `begin_read` and `begin_write` say
            "connect_timeout": 2,
            "client_encoding": "utf8",
            "fallback_application_name": "jupyterhub-communities",
            # A server that vanished from the network is noticed, not waited for.
            "tcp_user_timeout": 3000,
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
        }
        engine = create_engine(
            url,
            connect_args={name: arguments[name] for name in arguments.keys() - url.query.keys()},
            hide_parameters=True,
            pool_size=self.threads,
            pool_use_lifo=True,  # one that was used just now has its statements prepared
            max_overflow=1,
            pool_timeout=busy_timeout,
        )

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _record: object) -> None:
            # The server gives up with the person: nothing abandoned goes on or keeps its turn.
            connection.execute(
                f"SET lock_timeout = {busy_timeout * 1000:.0f};"
                f"SET statement_timeout = {(busy_timeout + _STATEMENT) * 1000:.0f};"
                f"SET idle_in_transaction_session_timeout = {(busy_timeout + _IDLE) * 1000:.0f}"
            )

        event.listen(engine, "handle_error", _hide_values)
        return engine

    def is_away(self, error: BaseException) -> bool:
        state = getattr(error, "sqlstate", None)
        if state is None:  # psycopg's own: no connection, or a lost one
            return type(error).__name__ in ("OperationalError", "ConnectionTimeout")
        return state[:2] in _AWAY_CLASSES or state in _AWAY

    def cannot_keep(self, error: BaseException) -> bool:
        """Is a text of somebody's at fault? NUL is refused by psycopg, before it is sent."""
        state = getattr(error, "sqlstate", None)
        return state in _NOT_KEPT or (state is None and type(error).__name__ == "DataError")

    def check(self, connection: Connection) -> None:
        """Raises `DatabaseUnfit` for a server that is too old, or a database that cannot hold every
        script."""
        found: Any = connection.dialect.server_version_info
        if found[0] < OLDEST:
            raise DatabaseUnfit(
                f"The communities database is PostgreSQL {'.'.join(map(str, found))}; "
                f"{OLDEST} or newer is needed."
            )
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise DatabaseUnfit(
                f"The communities database keeps texts as {encoding}, which has not all letters. "
                "Make one with: createdb --encoding=UTF8 --template=template0 NAME"
            )

    def has_log(self, connection: Connection) -> bool:
        return True

    def clock(self, connection: Connection) -> datetime | None:
        found: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return found

    def prepare_upgrade(self, connection: Connection) -> None:
        """Of two upgrades at one time the second waits, and finds nothing to do."""
        connection.detach()  # closed at the end, and the lock with it
        driver = self._driver(connection)
        driver.execute(f"SET statement_timeout = 0; SET lock_timeout = '{_MIGRATION_WAIT}'")
        driver.execute(f"SELECT pg_advisory_lock({_UPGRADE})")

    def holds_timers(self, engine: Engine, hub_name: str) -> bool:
        """By a lock that lives as long as a connection of its own."""
        with self._timers_lock:
            if self._timers is not None:
                try:
                    self._driver(self._timers).execute("SELECT 1")
                    return True
                except engine.dialect.loaded_dbapi.Error:
                    self._timers.close()
                    self._timers = None  # the lock went with the connection
            connection = engine.connect()
            connection.detach()
            query = f"SELECT pg_try_advisory_lock({_lock_key(f'timers {hub_name}')})"
            try:
                (is_mine,) = self._driver(connection).execute(query).fetchone()
            except engine.dialect.loaded_dbapi.Error as error:
                connection.close()  # lost since its last use; it is detached, so the next is another
                raise StorageUnreachable from error
            if is_mine:
                self._timers = connection
            else:
                connection.close()
            return bool(is_mine)

    def tidy(self, engine: Engine) -> None:
        """The server does it by itself."""

    def _driver(self, connection: Connection) -> Any:
        """psycopg's own connection, outside any transaction."""
        return connection.connection.dbapi_connection

    def close(self) -> None:
        with self._timers_lock:
            if self._timers is not None:
                self._timers.close()
                self._timers = None


def _hide_values(context: ExceptionContext) -> None:
    """The first line says what went wrong; those after it repeat what was asked, with values."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if isinstance(error, DBAPIError) or error is context.original_exception:
            first = str(error.args[0] if error.args else error).partition("\n")[0]
            error.args = (first, *error.args[1:])
