"""Looks at an SQLite file that wait for nobody.

In WAL mode a reader needs no lock that a writer holds: it sees what was committed last. Where it
would have to wait all the same (another process keeps the whole file to itself, or mends it after a
crash) it says so at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..application.ports import Store, WouldWait
from ..domain.refusals import StorageUnreachable

if TYPE_CHECKING:
    from .database import SqlDatabase


class AtOnce:
    """The port `Transactions` over connections that have no patience."""

    def __init__(self, database: SqlDatabase):
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
