"""Reservations: what a workshop asks for, checked against all others', and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..domain.earliest import short_at_opening
from ..domain.grants import Actor, Verb, require
from ..domain.limits import Quota
from ..domain.loans import between, on_calendar
from ..domain.profiles import Profile
from ..domain.quotas import HUB, Scope
from ..domain.refusals import ReservationNeeds
from ..domain.reservations import (
    Overbooking,
    Reservation,
    check_reservations,
    of_workshop,
    overbookings,
)
from ..domain.units import SERVERS, Amounts
from ..domain.workshops import Workshop
from .admission import MOST_ENDS, set_aside
from .communities import find_community
from .ending import require_operator
from .ports import Desk, Store


@dataclass(frozen=True, slots=True)
class Reserve:
    """What a workshop has for itself during its sessions."""

    amounts: Amounts
    opens_at: datetime | None = None  # its next session; None: it has begun, or there is none
    short: Amounts = field(default_factory=dict)  # missing then, by what is known to end before


@dataclass(frozen=True, slots=True)
class Overbooked:
    """Where more is reserved than the community owns, or the hub has, with the titles of who must
    give."""

    overbookings: tuple[Overbooking, ...]
    titles: Mapping[Scope, str]
    zones: Mapping[Scope, str]


def amounts_for(desk: Desk, workshop: Workshop, seats: int | None, own: Quota) -> Amounts:
    """For a session: everybody with a seat has a server of the workshop's profile, or as many as
    may run at one time; and no more than its own limits let it use, for nobody else could have the
    rest. Raises `ReservationNeeds`."""
    catalogue = desk.settings.catalogue
    slug = catalogue.current_slug(workshop.profile)
    if not seats or (slug is None and catalogue.profiles):
        raise ReservationNeeds
    profile: Profile | None = None if slug is None else catalogue.get(slug).with_choices({})
    most = own.owned
    people = min(seats, most.get(SERVERS, seats))
    return {
        what: min(people * amount, most.get(what, people * amount))
        for what, amount in set_aside(None, profile).items()
    }


def check_reserve(desk: Desk, store: Store, workshop: Workshop) -> None:
    """Whether its community owns what it reserves at every moment, and the hub has it, beside all
    that is reserved already. In the caller's transaction, which reserves it.

    Raises `ReservationTooLarge`.
    """
    new = [one for one in of_workshop(workshop) if one.ends_at > desk.now]
    own = Scope(workshop.community, workshop.slug)
    others = [one for one in store.balances.reservations(desk.now) if one.scope != own]
    theirs = [one for one in others if one.scope.community == workshop.community]
    lent = _lent(desk, store, workshop.community)
    quota = store.limits.quota(Scope(workshop.community))
    zone = workshop.zone
    check_reservations(new, theirs, quota.granted, lent=lent, most=quota.most, zone=zone)
    check_reservations(new, others, store.limits.quota(HUB).owned, zone=zone)


def _lent(desk: Desk, store: Store, community: str) -> list[Reservation]:
    """What loans take from what it may reserve, and add to it."""
    loans = store.loans.of_community(community, desk.now)
    if not loans:
        return []
    cohorts = {one.slug: one.cohort for one in store.communities.all()}
    return on_calendar(between(loans, cohorts), community)


def follow_seats(desk: Desk, store: Store, community: str, slug: str) -> None:
    """What a workshop reserves grows with its seats, where that fits beside all else that is
    reserved, and becomes less with them. In the transaction that changes seats: a refusal undoes it.

    Raises `ReservationTooLarge`, and `ReservationNeeds` where seats have no number any more.
    """
    workshop = store.workshops.get(community, slug)
    if workshop is None or workshop.reserved is None or workshop.state(desk.now).is_over:
        return
    assert workshop.reserved_at is not None
    seats = store.invites.learner_seats(community, slug)
    own = store.limits.quota(Scope(community, slug))
    amounts = amounts_for(desk, workshop, seats, own)
    if any(amount > workshop.reserved.get(what, 0) for what, amount in amounts.items()):
        check_reserve(desk, store, replace(workshop, reserved=amounts))
    if amounts != workshop.reserved:
        store.workshops.reserve(community, slug, amounts, workshop.reserved_at)


def reserve_of(desk: Desk, store: Store, workshop: Workshop) -> Reserve | None:
    """None where it has reserved nothing, or keeps nothing any more."""
    ahead = [one for one in of_workshop(workshop) if one.ends_at > desk.now]
    if not ahead or workshop.reserved is None:
        return None
    opening = ahead[0]
    if opening.starts_at <= desk.now:
        return Reserve(workshop.reserved)
    short = _short(desk, store, opening)
    return Reserve(workshop.reserved, opening.starts_at, short)


def _short(desk: Desk, store: Store, opening: Reservation) -> Amounts:
    ledger = store.balances.standing(opening.scope, opening.amounts, desk.now, opening.ends_at)
    ends = store.leases.known_ends(ledger.rules.path(opening.scope), most=MOST_ENDS)
    return short_at_opening(ledger, opening, desk.now, ends)


def view_overbooked(desk: Desk, actor: Actor, community: str | None) -> Overbooked:
    """Where a limit was cut below what is reserved, and who must give: whoever reserved last. Of a
    community: by its own limits, and what its workshops must give by the hub's. None: all that the
    hub's ask for."""
    with desk.database.read() as store:
        if community is None:
            require_operator(actor)
        else:
            find_community(store, actor, community)
            require(actor, Verb.OPEN_WORKSHOP, community)
        ahead = store.balances.reservations(desk.now)
        own = [one for one in ahead if one.scope.community == community]
        found: list[Overbooking] = []
        if own:
            quota = store.limits.quota(Scope(community))
            lent = _lent(desk, store, community or "")
            found += overbookings(own, quota.granted, desk.now, lent=lent, most=quota.most)
        if ahead and (own or community is None):
            most = store.limits.quota(HUB).owned
            found += _asked_of(community, overbookings(ahead, most, desk.now, is_hub=True))
        givers = {giving.reservation.scope for one in found for giving in one.givers}
        titles, zones = {}, {}
        for scope in givers:
            workshop = store.workshops.get(scope.community or "", scope.workshop or "")
            if workshop is not None:
                titles[scope], zones[scope] = workshop.title, workshop.zone
        return Overbooked(tuple(found), titles, zones)


def _asked_of(community: str | None, found: Iterable[Overbooking]) -> Iterator[Overbooking]:
    """Only what its own workshops must give: what others have planned is not its business."""
    for one in found:
        givers = tuple(
            giving
            for giving in one.givers
            if community is None or giving.reservation.scope.community == community
        )
        if givers:
            yield replace(one, givers=givers)
