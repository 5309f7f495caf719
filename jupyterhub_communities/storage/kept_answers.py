"""Answers to requests that may be sent twice, in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from ..application.ports import KeptAnswer
from .tables import kept_answers


class SqlKeptAnswers:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, key_digest: str) -> KeptAnswer | None:
        query = select(kept_answers).where(kept_answers.c.key_digest == key_digest)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else KeptAnswer(**row._mapping)

    def put(self, answer: KeptAnswer) -> None:
        self._connection.execute(
            delete(kept_answers).where(kept_answers.c.key_digest == answer.key_digest)
        )
        self._connection.execute(
            insert(kept_answers).values(
                key_digest=answer.key_digest,
                account_id=answer.account_id,
                request_digest=answer.request_digest,
                answer_sealed=answer.answer_sealed,
                made_at=answer.made_at,
            )
        )

    def forget(self, before: datetime) -> None:
        self._connection.execute(delete(kept_answers).where(kept_answers.c.made_at < before))
