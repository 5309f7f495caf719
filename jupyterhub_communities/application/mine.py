"""My account: what somebody has here, how long it lasts, and ending their own sign-ins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..domain.access import Access, access_ends_at, erased_at, full_until
from ..domain.accounts import AccountKind
from ..domain.metering import meter
from ..domain.paging import Page
from ..domain.units import Amounts
from ..domain.windows import hour_of
from ..domain.workshops import Workshop
from .audit import record
from .communities import Membership, memberships_of
from .erasure import retention_periods
from .people import Person, ensure_account, load_person
from .ports import Desk, Store

DAYS = 30  # of what was used


@dataclass(frozen=True, slots=True)
class MyPlace:
    """A community that somebody belongs to, with their workshops there, the next ones first."""

    membership: Membership
    workshops: tuple[Workshop, ...]


@dataclass(frozen=True, slots=True)
class Mine:
    """All of one person's own that is no secret. Without an account there is little of it."""

    person: Person
    places: tuple[MyPlace, ...]
    identities: Sequence[str] = ()  # upstream usernames that open the account too
    spent: Amounts = field(default_factory=dict)
    spent_since: datetime | None = None
    access_until: datetime | None = None  # None: it does not end by itself, or has ended
    files_until: datetime | None = None  # the last moment to take them along; None: no such moment
    erased_at: datetime | None = None  # None: never by itself

    @property
    def has_key(self) -> bool:
        """Is a return key a way of theirs to come back?"""
        account = self.person.account
        return account is not None and account.kind is not AccountKind.UPSTREAM


def view_mine(desk: Desk, username: str) -> Mine:
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        places = tuple(
            MyPlace(one, _workshops(desk, store, one))
            for one in memberships_of(store, person.actor())
        )
        account = person.account
        if account is None:
            return Mine(person, places)
        grants, settings = store.grants.history(account.id).grants, desk.settings
        outside = settings.admits_outside
        until = None
        if person.access is Access.FULL:
            until = full_until(account, person.grants, admits_outside=outside)
        since = hour_of(desk.now - timedelta(days=DAYS))
        return Mine(
            person=person,
            places=places,
            identities=store.identities.of_account(account.id),
            spent=_spent(desk, store, account.id, since),
            spent_since=since,
            access_until=until,
            files_until=access_ends_at(account, grants, settings.grace, admits_outside=outside),
            erased_at=erased_at(
                account, grants, retention_periods(store), settings.grace, admits_outside=outside
            ),
        )


def note_sign_out(desk: Desk, username: str) -> None:
    """Before the Hub is told to end all of somebody's sign-ins and tokens, because they ask for it."""
    with desk.database.write() as store:
        account = ensure_account(desk, store, username)
        record(desk, store, account.id, "account:sign-out", f"account/{account.id}")


def _workshops(desk: Desk, store: Store, membership: Membership) -> tuple[Workshop, ...]:
    """As many statements, however many there are."""
    if not (slugs := membership.workshops):
        return ()
    found = store.workshops.page(membership.community.slug, set(slugs), Page(len(slugs)))
    known = sorted(found.entries, key=lambda one: abs(one.ends_at - desk.now))
    return tuple(sorted(known, key=lambda one: one.state(desk.now).is_over))


def _spent(desk: Desk, store: Store, account_id: str, since: datetime) -> Amounts:
    """With what running servers have spent since they were metered; what has just ended follows within a
    minute."""
    spent = Counter(store.usage.of_person(account_id, since, desk.now))
    for amounts in meter(store.leases.of_account(account_id), desk.now).values():
        spent.update(amounts)
    return dict(sorted(spent.items()))
