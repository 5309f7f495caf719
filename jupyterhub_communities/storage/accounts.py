"""Accounts in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    union,
    update,
)

from ..application.ports import PendingKey
from ..domain.accounts import Account, AccountKind
from ..domain.names import same_name
from .tables import accounts, communities, grants

# Made once: these are asked at every sign-in, and making a statement costs more than sending it.
_SOUGHT: BindParameter[str] = bindparam("sought")
_BY_ID = select(accounts).where(accounts.c.id == _SOUGHT)
_BY_USERNAME = select(accounts).where(accounts.c.username == _SOUGHT)
_PENDING_KEY = select(
    accounts.c.pending_key_digest, accounts.c.pending_key_sealed, accounts.c.pending_key_browser
).where(accounts.c.id == _SOUGHT, accounts.c.pending_key_digest.is_not(None))
_SET_PENDING_KEY = (
    update(accounts)
    .where(accounts.c.id == _SOUGHT)
    .values(
        pending_key_digest=bindparam("digest"),
        pending_key_sealed=bindparam("sealed"),
        pending_key_browser=bindparam("browser"),
    )
)
_ADD = insert(accounts)


class SqlAccounts:
    def __init__(self, connection: Connection):
        self._connection = connection

    def get(self, account_id: str) -> Account | None:
        return self._one(_BY_ID, account_id)

    def by_username(self, username: str) -> Account | None:
        return self._one(_BY_USERNAME, username)

    def add(self, account: Account) -> None:
        values = {
            "id": account.id,
            "username": account.username,
            "display_name": account.display_name,
            "folded_name": same_name(account.display_name),
            "kind": account.kind.value,
            "language": account.language,
            "created_at": account.created_at,
        }
        self._connection.execute(_ADD, values)

    def count_new(self, since: datetime) -> int:
        query = select(func.count()).where(
            accounts.c.kind == AccountKind.INVITE.value, accounts.c.created_at > since
        )
        return self._connection.execute(query).scalar_one()

    def set_kind(self, account_id: str, kind: AccountKind) -> None:
        self._update(account_id, kind=kind.value)

    def set_language(self, account_id: str, tag: str) -> None:
        self._update(account_id, language=tag)

    def pending_key(self, account_id: str) -> PendingKey | None:
        values = {"sought": account_id}
        row = self._connection.execute(_PENDING_KEY, values).one_or_none()
        return None if row is None else PendingKey(*row)

    def set_pending_key(
        self, account_id: str, *, digest: str, sealed: str, browser_digest: str | None = None
    ) -> None:
        values = {
            "sought": account_id,
            "digest": digest,
            "sealed": sealed,
            "browser": browser_digest,
        }
        self._connection.execute(_SET_PENDING_KEY, values)

    def drop_keys(self, account_id: str) -> None:
        self._update(
            account_id,
            key_digest=None,
            pending_key_digest=None,
            pending_key_sealed=None,
            pending_key_browser=None,
        )

    def has_kept_key(self, account_id: str) -> bool:
        query = select(accounts.c.key_digest).where(accounts.c.id == account_id)
        return self._connection.execute(query).scalar_one_or_none() is not None

    def confirm_key(self, account_id: str, now: datetime) -> bool:
        confirmed = self._connection.execute(
            update(accounts)
            .where(accounts.c.id == account_id, accounts.c.pending_key_digest.is_not(None))
            .values(
                key_digest=accounts.c.pending_key_digest,
                key_confirmed_at=now,
                pending_key_digest=None,
                pending_key_sealed=None,
                pending_key_browser=None,
            )
        )
        return confirmed.rowcount == 1

    def block(self, account_id: str, at: datetime | None) -> None:
        self._update(account_id, blocked_at=at)

    def blocked(self) -> Sequence[Account]:
        query = select(accounts).where(accounts.c.blocked_at.is_not(None))
        return self._all(query.order_by(accounts.c.username))

    def set_erasure(self, account_id: str, at: datetime | None) -> None:
        self._update(account_id, erase_at=at)

    def to_erase(self, now: datetime, *, after: str, limit: int) -> Sequence[Account]:
        return self._all(
            select(accounts)
            .where(accounts.c.erase_at <= now, accounts.c.id > after)
            .order_by(accounts.c.id)
            .limit(limit)
        )

    def ended_long_ago(self, before: datetime, *, after: str, limit: int) -> Sequence[Account]:
        kept_in = select(communities.c.slug).where(communities.c.retention_days.is_(None))
        stays = or_(
            and_(
                grants.c.revoked_at.is_(None),
                or_(grants.c.ends_at.is_(None), grants.c.ends_at > before),
            ),
            grants.c.revoked_at > before,
            grants.c.community.in_(kept_in),
        )
        of_account = grants.c.account_id == accounts.c.id
        return self._all(
            select(accounts)
            .where(
                exists().where(of_account),
                ~exists().where(of_account, stays),
                accounts.c.erase_at.is_(None),
                accounts.c.blocked_at.is_(None),
                accounts.c.id > after,
            )
            .order_by(accounts.c.id)
            .limit(limit)
        )

    def touched(
        self, since: datetime, until: datetime, *, after: str, limit: int
    ) -> Sequence[Account]:
        def within(column: ColumnElement[datetime | None]) -> ColumnElement[bool]:
            return and_(column > since, column <= until)

        suspended = select(communities.c.slug).where(within(communities.c.suspended_at))
        ids = union(
            select(grants.c.account_id).where(
                within(grants.c.ends_at), grants.c.revoked_at.is_(None)
            ),
            select(grants.c.account_id).where(within(grants.c.revoked_at)),
            select(grants.c.account_id).where(grants.c.community.in_(suspended)),
            select(accounts.c.id).where(within(accounts.c.erase_at)),
            select(accounts.c.id).where(within(accounts.c.blocked_at)),
        )
        return self._all(
            select(accounts)
            .where(accounts.c.id.in_(ids), accounts.c.id > after)
            .order_by(accounts.c.id)
            .limit(limit)
        )

    def names(self, account_ids: Iterable[str]) -> Mapping[str, Account]:
        wanted = set(account_ids)
        if not wanted:
            return {}
        rows = self._connection.execute(select(accounts).where(accounts.c.id.in_(wanted)))
        return {row.id: account_of(row) for row in rows}

    def _all(self, query: Select[Any]) -> list[Account]:
        return [account_of(row) for row in self._connection.execute(query)]

    def _one(self, query: Select[Any], sought: str) -> Account | None:
        row = self._connection.execute(query, {"sought": sought}).one_or_none()
        return None if row is None else account_of(row)

    def _update(self, account_id: str, **values: object) -> None:
        self._connection.execute(
            update(accounts).where(accounts.c.id == account_id).values(**values)
        )


def account_of(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        kind=AccountKind(row.kind),
        language=row.language,
        created_at=row.created_at,
        key_confirmed_at=row.key_confirmed_at,
        has_key=row.key_digest is not None or row.pending_key_digest is not None,
        has_pending_key=row.pending_key_digest is not None,
        blocked_at=row.blocked_at,
        erase_at=row.erase_at,
    )
