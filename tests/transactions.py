"""Transactions by hand, which begin as those of the package do: the engine itself begins none."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sqlalchemy import Connection

from jupyterhub_communities.storage.database import SqlDatabase


def reading(database: SqlDatabase) -> AbstractContextManager[Connection]:
    """All of it as it was at one moment."""
    return database._transaction(database._kind.begin_read)


def writing(database: SqlDatabase) -> AbstractContextManager[Connection]:
    """Nobody else writes meanwhile; all of it or nothing."""
    return database._transaction(database._kind.begin_write)
