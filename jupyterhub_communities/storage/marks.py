"""How far the service's timers have come, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from .tables import marks


class SqlMarks:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, name: str) -> datetime | None:
        query = select(marks.c.at).where(marks.c.name == name)
        return self._connection.execute(query).scalar_one_or_none()

    def set(self, name: str, at: datetime) -> None:
        moved = self._connection.execute(update(marks).where(marks.c.name == name).values(at=at))
        if not moved.rowcount:
            self._connection.execute(insert(marks).values(name=name, at=at))
