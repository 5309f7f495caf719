"""Notices: left for a person, shown on their home pages, put away by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.notices import Notice
from .leases import PlaceLeft, left_at_default
from .people import Person, load_person
from .ports import Desk, Store
from .running import ComingStop, stops_of


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


@dataclass(frozen=True, slots=True)
class News:
    """What somebody finds on their home page."""

    person: Person
    notices: Sequence[Notice]
    stops: Sequence[ComingStop]
    start: PlaceLeft | None  # what is left where they would start


def news_of(desk: Desk, username: str, *, has_server: bool = True) -> News:
    """Who somebody is, their notices, when their servers stop, and what is left where they would start,
    in one look. Of who has no server nothing is asked about its stop."""
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        account = person.account
        return News(
            person,
            [] if account is None else store.notices.of_account(account.id),
            stops_of(desk, store, username) if has_server else (),
            left_at_default(desk, store, person),
        )


def put_notice_away(desk: Desk, username: str, notice_id: str) -> None:
    """One's own only. Repeating it changes nothing."""
    with desk.database.write() as store:
        account = store.accounts.by_username(username)
        if account is not None:
            store.notices.remove(account.id, notice_id)
