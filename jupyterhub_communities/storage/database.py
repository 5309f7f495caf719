"""Connections and transactions.

SQLite runs in WAL mode, and every writing transaction begins with `BEGIN IMMEDIATE`: it takes its
turn at once instead of failing at its first write. PostgreSQL needs neither, for every cap stands
in the `WHERE` of the statement that takes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..application.ports import Store
from ..domain.refusals import StorageUnreachable
from .store import SqlStore

BUSY_TIMEOUT = 1.5  # seconds to wait for a lock: less than a person's request waits
_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaOutdated(Exception):
    """The database is older or newer than this version. `str()` names the command that mends it."""


class SqlDatabase:
    """The port `Database` over SQLAlchemy."""

    def __init__(self, url: str, *, hub_name: str = "hub", busy_timeout: float = BUSY_TIMEOUT):
        """`url` is SQLAlchemy's, such as `sqlite:///communities.sqlite`.

        Raises `ValueError` for one that cannot be read, and `ModuleNotFoundError` where it needs
        a Python package that is not installed.
        """
        try:
            self.url = make_url(url)
            self._engine = _create_engine(url, busy_timeout)
        except ArgumentError as error:
            raise ValueError(str(error)) from error
        self._hub_name = hub_name

    @contextmanager
    def read(self) -> Iterator[Store]:
        with self._transaction("BEGIN") as connection:
            yield SqlStore(connection, hub_name=self._hub_name)

    @contextmanager
    def write(self) -> Iterator[Store]:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield SqlStore(connection, hub_name=self._hub_name)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with _told_when_unreachable():
            connection = self._engine.connect()
            with connection.execution_options(communities_begin=begin), connection.begin():
                yield connection

    def revision(self) -> str | None:
        """The schema's revision, None for an empty database."""
        with self._transaction("BEGIN") as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def check_schema(self) -> None:
        """Raises `SchemaOutdated` unless the schema is the one that this version was made for."""
        wanted = ScriptDirectory.from_config(_alembic_config()).get_current_head()
        found = self.revision()
        if found != wanted:
            state = "has no tables yet" if found is None else f"is at revision {found}"
            raise SchemaOutdated(
                f"The communities database {state}, and this version needs {wanted}. "
                "Run: jupyterhub-communities upgrade-db"
            )

    def upgrade(self) -> None:
        """Brings the schema to this version. Does nothing where it is already."""
        with _told_when_unreachable(), self._engine.connect() as connection:
            config = _alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def _told_when_unreachable() -> Iterator[None]:
    """Raises `StorageUnreachable` for a database that does not answer."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if is_unreachable(error):
            raise StorageUnreachable from error
        raise


def is_unreachable(error: Exception) -> bool:
    """Is this the database not answering, rather than a mistake of ours?"""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    # SQLite: locked, disk full, file gone, unreadable or damaged. PostgreSQL: connection refused or
    # lost. Every other kind is a mistake of ours, and must be seen.
    return type(error.orig).__name__ in ("OperationalError", "DatabaseError")


def _create_engine(url: str, busy_timeout: float) -> Engine:
    # An error tells the statement, not its values: names and digests belong in no log.
    engine = create_engine(url, connect_args=_connect_args(url, busy_timeout), hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connect_args(url: str, busy_timeout: float) -> dict[str, Any]:
    if make_url(url).get_backend_name() == "sqlite":
        # isolation_level None: Python's sqlite3 begins nothing by itself; `_begin_sqlite` does.
        return {"timeout": busy_timeout, "isolation_level": None}
    return {"connect_timeout": 2}


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("communities_begin", "BEGIN IMMEDIATE")
    connection.exec_driver_sql(begin)


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
