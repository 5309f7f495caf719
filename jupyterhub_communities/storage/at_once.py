"""Looks at an SQLite file that wait for nobody.

In WAL mode a reader needs no lock that a writer holds: it sees what was committed last. Where it
would have to wait all the same (another process keeps the whole file to itself, or mends it after a
crash) it says so at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from ..application.ports import Store, WouldWait
from ..domain.refusals import StorageUnreachable

if TYPE_CHECKING:
    from .database import SqlDatabase


class AtOnce:
    """The port `Transactions` over a database whose connections have no patience."""

    def __init__(self, database: SqlDatabase):
        self._database = database
        # Kept from one look to the next: to borrow one and give it back costs as much as to look.
        self._kept: Connection | None = None

    @contextmanager
    def read(self) -> Iterator[Store]:
        connection, self._kept = self._kept, None
        try:
            if connection is None:
                connection = self._database.connect_to_read()
            with self._database.read_on(connection) as store:
                yield store
            if self._kept is None:
                connection, self._kept = None, connection
        except StorageUnreachable as error:
            raise WouldWait from error
        finally:
            if connection is not None:
                connection.close()

    @contextmanager
    def write(self) -> Iterator[Store]:
        raise WouldWait
        yield

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._database.close()
