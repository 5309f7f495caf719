"""Accounts with all that they were granted, in one statement: asked at every sign-in and page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, or_, select

from ..application.ports import GrantHistory
from ..domain.accounts import Account
from .accounts import account_of
from .grants import HISTORY_COLUMNS, history_of, with_places
from .tables import accounts, grants, leases


def _people(condition: ColumnElement[bool]) -> Select[Any]:
    """A row for each grant, and one for an account without any."""
    query = select(accounts, *HISTORY_COLUMNS).outerjoin(
        grants, grants.c.account_id == accounts.c.id
    )
    return with_places(query).where(condition)


# Made once.
_BY_USERNAME = _people(accounts.c.username == bindparam("sought"))
_BY_USERNAMES = _people(accounts.c.username.in_(bindparam("sought", expanding=True)))
_BY_KEY = _people(
    or_(
        accounts.c.key_digest == bindparam("sought"),
        accounts.c.pending_key_digest == bindparam("sought"),
    )
)

_WITH_SERVERS = _people(
    accounts.c.id.in_(select(leases.c.account_id).where(leases.c.settled_at.is_(None)))
)


class SqlPeople:
    def __init__(self, connection: Connection):
        self._connection = connection

    def by_username(self, username: str) -> tuple[Account, GrantHistory] | None:
        return self._one(_BY_USERNAME, username)

    def by_key_digest(self, digest: str) -> tuple[Account, GrantHistory] | None:
        return self._one(_BY_KEY, digest)

    def by_usernames(
        self, usernames: Collection[str]
    ) -> Mapping[str, tuple[Account, GrantHistory]]:
        found = self._all(_BY_USERNAMES, {"sought": list(usernames)})
        return {account.username: (account, history) for account, history in found}

    def with_servers(self) -> Mapping[str, tuple[Account, GrantHistory]]:
        return {account.id: (account, history) for account, history in self._all(_WITH_SERVERS, {})}

    def _all(
        self, query: Select[Any], sought: Mapping[str, object]
    ) -> list[tuple[Account, GrantHistory]]:
        of_each: dict[str, list[Row[Any]]] = {}
        for row in self._connection.execute(query, sought):
            of_each.setdefault(row.id, []).append(row)
        return [(account_of(rows[0]), history_of(rows)) for rows in of_each.values()]

    def _one(self, query: Select[Any], sought: str) -> tuple[Account, GrantHistory] | None:
        rows = self._connection.execute(query, {"sought": sought}).all()
        return (account_of(rows[0]), history_of(rows)) if rows else None
