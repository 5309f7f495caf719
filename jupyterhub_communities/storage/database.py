"""Connections and transactions, on SQLite and on PostgreSQL.

What differs between the two stands in `sqlite` and `postgresql`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, RootTransaction, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..application.ports import Store
from ..domain.refusals import StorageUnreachable, TextNotKept
from .at_once import AtOnce
from .moving import copy_all
from .postgresql import Postgresql
from .sqlite import Sqlite
from .store import SqlStore
from .unfit import SchemaOutdated

BUSY_TIMEOUT = 1.5  # seconds to wait for a turn: less than a person's request waits
_LONGEST = 2.0  # seconds beyond that: what takes longer, nobody waits for any more
_MIGRATIONS = Path(__file__).parent / "migrations"


class Kind(Protocol):
    """What is different from one database system to another."""

    reads_at_once: bool  # without waiting for anybody
    threads: int  # of a process, that work with it at one time
    begin_read: str
    begin_write: str  # takes a turn: nobody else writes until the end

    def create_engine(self, url: URL, busy_timeout: float) -> Engine:
        """Its errors tell the statement, not the values: names and digests belong in no log."""
        ...

    def is_away(self, error: BaseException) -> bool:
        """Is this error of the driver the database not answering, rather than a mistake of ours?"""
        ...

    def cannot_keep(self, error: BaseException) -> bool:
        """Is it a text that this database has no room or no letters for?"""
        ...

    def check(self, connection: Connection) -> None:
        """Raises `DatabaseUnfit`."""
        ...

    def has_log(self, connection: Connection) -> bool:
        """May others read while somebody writes?"""
        ...

    def clock(self, connection: Connection) -> datetime | None:
        """The server's; None where there is no server."""
        ...

    def prepare_upgrade(self, connection: Connection) -> None: ...
    def holds_timers(self, engine: Engine, hub_name: str) -> bool: ...
    def tidy(self, engine: Engine) -> None: ...
    def close(self) -> None: ...


class SqlDatabase:
    """The port `Database` over SQLAlchemy."""

    def __init__(self, url: str, *, hub_name: str = "hub", busy_timeout: float = BUSY_TIMEOUT):
        """`url` is SQLAlchemy's, such as `sqlite:///communities.sqlite`.

        Raises `ValueError` for one that cannot be read, and `ImportError` where it needs a Python
        package that is not installed.
        """
        try:
            self._address = url
            self.url = make_url(url)
            self._kind: Kind = Sqlite() if self.url.get_backend_name() == "sqlite" else Postgresql()
            self.engine = self._kind.create_engine(self.url, busy_timeout)
        except ArgumentError as error:
            raise ValueError(str(error)) from error
        self.threads = self._kind.threads
        self._hub_name = hub_name
        self._busy_timeout = busy_timeout
        self._longest = busy_timeout + _LONGEST
        self._writer = threading.Lock()

    @cached_property
    def at_once(self) -> AtOnce | None:
        if not self._kind.reads_at_once:
            return None
        return AtOnce(SqlDatabase(self._address, hub_name=self._hub_name, busy_timeout=0))

    @contextmanager
    def read(self) -> Iterator[Store]:
        with self._transaction(self._kind.begin_read) as connection:
            yield SqlStore(connection, hub_name=self._hub_name)

    def connect_to_read(self) -> Connection:
        with self._told():
            return self.engine.connect()

    @contextmanager
    def read_on(self, connection: Connection) -> Iterator[Store]:
        """Like `read`, on a connection that the caller keeps."""
        with self._told(), self._begin_on(connection, self._kind.begin_read):
            yield SqlStore(connection, hub_name=self._hub_name)

    @contextmanager
    def write(self) -> Iterator[Store]:
        asked_at = time.monotonic()
        with self._own_turn(), self._transaction(self._kind.begin_write) as connection:
            yield SqlStore(connection, hub_name=self._hub_name)
            if time.monotonic() - asked_at > self._longest:
                raise StorageUnreachable  # who asked was told so, long ago

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """The threads of a process line up here: of several that wait in the database, each would
        keep a connection busy and slow down the one whose turn it is."""
        if not self._writer.acquire(timeout=self._busy_timeout):
            raise StorageUnreachable
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        with self._told():
            connection, transaction = self._begin(begin)
            with connection, transaction:
                yield connection

    def _begin(self, begin: str) -> tuple[Connection, RootTransaction]:
        """A connection that was lost since its last use is replaced: nothing was asked of it yet, so
        a database that was restarted costs nobody anything."""
        try:
            return self._begin_once(begin)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._begin_once(begin)

    def _begin_once(self, begin: str) -> tuple[Connection, RootTransaction]:
        connection = self.engine.connect()
        try:
            return connection, self._begin_on(connection, begin)
        except BaseException:
            connection.close()
            raise

    def _begin_on(self, connection: Connection, begin: str) -> RootTransaction:
        """Said, and not by a listener of the engine: with one, SQLAlchemy asks for others at every
        statement, which costs a tenth of a start."""
        transaction = connection.begin()
        connection.exec_driver_sql(begin)
        return transaction

    def holds_timers(self) -> bool:
        with self._told():
            return self._kind.holds_timers(self.engine, self._hub_name)

    def tidy(self) -> None:
        with self._told():
            self._kind.tidy(self.engine)

    def revision(self) -> str | None:
        """The schema's revision, None for an empty database."""
        with self._transaction(self._kind.begin_read) as connection:
            return _revision(connection)

    def check_schema(self) -> None:
        """Raises `DatabaseUnfit`: its schema has to be the one that this version was made for."""
        wanted = ScriptDirectory.from_config(_alembic_config()).get_current_head()
        with self._transaction(self._kind.begin_read) as connection:
            self._kind.check(connection)
            found = _revision(connection)
        if found != wanted:
            state = "has no tables yet" if found is None else f"is at revision {found}"
            raise SchemaOutdated(
                f"The communities database {state}, and this version needs {wanted}. "
                "Run: jupyterhub-communities upgrade-db"
            )

    @property
    def file(self) -> Path | None:
        """Of SQLite; None for a server's."""
        is_file = self.url.get_backend_name() == "sqlite" and self.url.database
        return Path(str(self.url.database)) if is_file else None

    def has_log(self) -> bool:
        with self._transaction(self._kind.begin_read) as connection:
            return self._kind.has_log(connection)

    def clock(self) -> datetime | None:
        with self._transaction(self._kind.begin_read) as connection:
            return self._kind.clock(connection)

    def upgrade(self) -> None:
        """Brings the schema to this version. Does nothing where it is already."""
        with self._told(), self.engine.connect() as connection:
            event.listen(connection, "begin", self._begin_to_write)  # Alembic begins by itself
            self._kind.prepare_upgrade(connection)
            with connection.begin():
                self._kind.check(connection)
            config = _alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _begin_to_write(self, connection: Connection) -> None:
        connection.exec_driver_sql(self._kind.begin_write)

    def copy_to(self, empty: SqlDatabase) -> int:
        """Everything, into a database with this version's tables; how many rows. Nobody else may be
        using either. Raises `DatabaseUnfit`."""
        with (
            self._transaction(self._kind.begin_read) as source,
            empty._transaction(empty._kind.begin_write) as target,
        ):
            return copy_all(source, target)

    def close(self) -> None:
        if "at_once" in vars(self) and self.at_once is not None:
            self.at_once.close()
        self._kind.close()
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raises `StorageUnreachable` for a database that does not answer, and `TextNotKept` for what
        it cannot hold."""
        try:
            yield
        except PoolTimeout as error:
            raise StorageUnreachable from error
        except DBAPIError as error:
            if error.connection_invalidated or self._kind.is_away(error.orig or error):
                raise StorageUnreachable from error
            if self._kind.cannot_keep(error.orig or error):
                raise TextNotKept from error
            raise


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
