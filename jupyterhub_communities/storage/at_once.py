"""Looks at an SQLite file that wait for nobody.

In WAL mode a reader needs no lock that a writer holds: it sees what was committed last. Where it
would have to wait all the same (another process keeps the whole file to itself, or mends it after a
crash) it says so at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..application.ports import Database, Store, WouldWait
from ..domain.refusals import StorageUnreachable


class AtOnce:
    """The port `Transactions` over a database whose connections have no patience."""

    def __init__(self, database: Database):
        self._database = database

    @contextmanager
    def read(self) -> Iterator[Store]:
        try:
            with self._database.read() as store:
                yield store
        except StorageUnreachable as error:
            raise WouldWait from error

    @contextmanager
    def write(self) -> Iterator[Store]:
        raise WouldWait
        yield

    def close(self) -> None:
        self._database.close()
