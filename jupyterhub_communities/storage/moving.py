"""All that one database holds, copied into an empty one: from SQLite to PostgreSQL, or back."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, text

from .tables import audit, communities, metadata
from .unfit import DatabaseUnfit

_BATCH = 1000  # rows


def copy_all(source: Connection, target: Connection) -> int:
    """How many rows. Within the transactions of both: all of it, as of one moment, or nothing.

    Raises `DatabaseUnfit` for a target that is in use.
    """
    if target.execute(select(communities.c.slug).limit(1)).first() is not None:
        raise DatabaseUnfit("The new database has communities already. Nothing was copied.")
    copied = 0
    for table in metadata.sorted_tables:
        rows = source.execute(select(table)).mappings()
        for batch in rows.partitions(_BATCH):
            target.execute(insert(table), [dict(row) for row in batch])
            copied += len(batch)
    if target.dialect.name == "postgresql":  # it counts by itself, and has not counted these
        last = select(func.max(audit.c.id)).scalar_subquery()
        target.execute(select(func.setval(text("pg_get_serial_sequence('audit', 'id')"), last)))
    return copied
