"""Attendance: who joined a workshop, when, and what their servers did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ..domain.accounts import Account
from ..domain.grants import LOWEST_ROLE, Actor, Grant, Role, Verb, may, require
from ..domain.quotas import Scope
from ..domain.units import SERVER_TIME
from ..domain.windows import HOUR, hour_of
from ..domain.workshops import Workshop
from .ports import Desk
from .usage import spent_by
from .workshops import find_workshop


@dataclass(frozen=True, slots=True)
class Attendee:
    """One person who joined, also if they have left since."""

    account: Account
    role: Role
    site: str | None  # slug
    joined_at: datetime
    first_start: datetime | None  # of a server that was charged to the workshop; None: none ever
    last_start: datetime | None
    server_time: int  # seconds


@dataclass(frozen=True, slots=True)
class Attendance:
    workshop: Workshop
    people: tuple[Attendee, ...]  # in the order in which they joined


def attendance(desk: Desk, actor: Actor, community: str, slug: str) -> Attendance:
    """For the workshop's staff; the staff of a site have its people. Without rehearsals."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        sites = None
        if not may(actor, Verb.VIEW_BOARD, community, slug):
            sites = actor.sites_of(community, slug, LOWEST_ROLE[Verb.VIEW_BOARD])
            if not sites:
                require(actor, Verb.VIEW_BOARD, community, slug)
        rehearsing = store.rehearsals.grant_ids(community, slug)
        ever = store.grants.ever_of_workshop(community, slug)
        grants = _of_each(grant for grant in ever if grant.id not in rehearsing)
        accounts = store.accounts.names(grants)
        starts = store.leases.starts(community, slug)
        scope = Scope(community, slug)
        begun, end = hour_of(workshop.created_at), desk.now + HOUR
        spent = spent_by(desk, store, scope, begun, end, "person")
    people = []
    for account_id, given in grants.items():
        last = given[-1]
        if account_id in accounts and (sites is None or last.site in sites):
            first_start, last_start = starts.get(account_id, (None, None))
            people.append(
                Attendee(
                    account=accounts[account_id],
                    role=max(grant.role for grant in given),
                    site=last.site,
                    joined_at=given[0].starts_at,
                    first_start=first_start,
                    last_start=last_start,
                    server_time=spent.get(account_id, {}).get(SERVER_TIME, 0),
                )
            )
    people.sort(key=lambda one: (one.joined_at, one.account.username))
    return Attendance(workshop, tuple(people))


def _of_each(grants: Iterable[Grant]) -> dict[str, list[Grant]]:
    found: dict[str, list[Grant]] = {}
    for grant in grants:
        found.setdefault(grant.account_id, []).append(grant)
    return found
