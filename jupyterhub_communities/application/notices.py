"""Notices: left for a person, shown on their home pages, put away by them."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.notices import Notice
from .ports import Desk, Store


def notify(desk: Desk, store: Store, account_id: str, kind: str, **data: str) -> None:
    """Leaves a notice. `pages.notices` has a sentence for each kind."""
    store.notices.add(
        Notice(
            id=desk.chance.identifier(),
            account_id=account_id,
            kind=kind,
            created_at=desk.now,
            data=data,
        )
    )


def list_notices(desk: Desk, username: str) -> Sequence[Notice]:
    """What the person has not put away yet, oldest first."""
    with desk.database.read() as store:
        account = store.accounts.by_username(username)
        return [] if account is None else store.notices.of_account(account.id)


def put_notice_away(desk: Desk, username: str, notice_id: str) -> None:
    """One's own only. Repeating it changes nothing."""
    with desk.database.write() as store:
        account = store.accounts.by_username(username)
        if account is not None:
            store.notices.remove(account.id, notice_id)
