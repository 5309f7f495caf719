"""A workshop that is there, changed: its code, what it reserves and what people were given follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..domain.grants import Actor, Verb, require
from ..domain.invites import STAY_AFTER_WORKSHOP
from ..domain.quotas import Scope
from ..domain.refusals import ProfileNotOffered, SeatsTaken, WorkshopClosed
from ..domain.versions import Expected, check_version
from ..domain.workshops import (
    Session,
    Workshop,
    check_seats,
    check_sessions,
    check_zone,
    read_title,
)
from .audit import record
from .issuing import KEEP, Keep, kept
from .ports import Desk, Store
from .reservations import amounts_for, check_reserve
from .seats import pass_on
from .workshops import find_workshop, learner_invite, own_code, standing


@dataclass(frozen=True, slots=True)
class WorkshopChange:
    """What becomes different."""

    title: str | Keep = KEEP
    language: str | Keep = KEEP  # tag, checked at the edge
    zone: str | Keep = KEEP  # in which times are told: moments stay as they are
    profile: str | Keep | None = KEEP  # None: everybody chooses
    seats: int | Keep | None = KEEP  # None: without a number
    sessions: tuple[Session, ...] | Keep = KEEP
    is_reserved: bool | Keep = KEEP


def view_to_change(desk: Desk, actor: Actor, community: str, slug: str) -> Workshop:
    """A workshop as it stands, with the seats that its code has by now."""
    with desk.database.read() as store:
        return _workshop_to_change(store, actor, community, slug)


def change_workshop(
    desk: Desk,
    actor: Actor,
    community: str,
    slug: str,
    change: WorkshopChange,
    *,
    expected: Expected = None,
) -> Workshop:
    """All of it or nothing. Repeating it changes nothing.

    Raises `VersionOutdated` where it has changed since the actor looked at it, unless to the same;
    also `SeatsTaken`, `ReservationNeeds` and `ReservationTooLarge`.
    """
    with desk.database.write() as store:
        before = _workshop_to_change(store, actor, community, slug)
        after = _changed(desk, before, change)
        is_reserved = kept(change.is_reserved, before.reserved is not None)
        if after == before and is_reserved == (before.reserved is not None):
            return before
        check_version(before.version, expected)
        store.workshops.change(after)
        if after.seats != before.seats:
            _set_seats(desk, store, after)
        if after.ends_at != before.ends_at:
            _move_end(desk, store, before.ends_at, after)
        after = _reserving(desk, store, before, after, is_reserved=is_reserved)
        store.workshops.reserve(community, slug, after.reserved, after.reserved_at or desk.now)
        _audit(desk, store, actor, before, after)
        return after


def _workshop_to_change(store: Store, actor: Actor, community: str, slug: str) -> Workshop:
    workshop = find_workshop(store, actor, community, slug)
    require(actor, Verb.CHANGE_WORKSHOP, community, slug)
    if workshop.closed_at is not None:
        raise WorkshopClosed
    return standing(store, workshop)


def _changed(desk: Desk, before: Workshop, change: WorkshopChange) -> Workshop:
    profile = kept(change.profile, before.profile)
    if profile not in (None, before.profile):
        assert profile is not None
        if not desk.settings.catalogue.get(profile).is_for(before.community):
            raise ProfileNotOffered
    return replace(
        before,
        title=before.title if change.title is KEEP else read_title(change.title),
        language=kept(change.language, before.language),
        zone=before.zone if change.zone is KEEP else check_zone(change.zone),
        profile=profile,
        seats=before.seats if change.seats is KEEP else check_seats(change.seats),
        sessions=before.sessions if change.sessions is KEEP else check_sessions(change.sessions),
    )


def _set_seats(desk: Desk, store: Store, workshop: Workshop) -> None:
    """Of its own code: together with those that people hold by revoked ones."""
    own = learner_invite(store, workshop)
    if own is not None:
        pass_on(desk, store, own.id)  # what has lapsed is not taken
    own, lost = own_code(store, workshop)
    taken = lost if own is None else lost + own.taken
    if workshop.seats is not None and workshop.seats < taken:
        raise SeatsTaken(taken=taken)
    if own is not None:
        seats = None if workshop.seats is None else workshop.seats - lost
        store.invites.change(replace(own, seats=seats))
        pass_on(desk, store, own.id)


def _move_end(desk: Desk, store: Store, before: datetime, workshop: Workshop) -> None:
    """Codes close with it, and people stay as long after it as they were told. A day that was
    mistyped throws nobody out at once."""
    place = (workshop.community, workshop.slug)
    until = workshop.ends_at + STAY_AFTER_WORKSHOP
    store.invites.follow_workshop(
        *place, before=before, ends_at=workshop.ends_at, lasts=STAY_AFTER_WORKSHOP
    )
    latest = max(until, desk.now + STAY_AFTER_WORKSHOP)
    store.grants.follow_workshop(*place, until=until, latest=latest, now=desk.now)


def _reserving(
    desk: Desk, store: Store, before: Workshop, after: Workshop, *, is_reserved: bool
) -> Workshop:
    """With what it reserves by now. Checked where that is more than before, or at other times."""
    was_reserved = before.reserved is not None
    if not is_reserved:
        return replace(after, reserved=None, reserved_at=None)
    if after.state(desk.now).is_over:
        if not was_reserved:
            raise WorkshopClosed
        return after
    counts = [(one.seats, one.profile, one.sessions) for one in (before, after)]
    if was_reserved and counts[0] == counts[1]:
        return after
    seats = store.invites.learner_seats(after.community, after.slug)
    own = store.limits.quota(Scope(after.community, after.slug))
    amounts = amounts_for(desk, after, seats, own)
    reserving = replace(after, reserved=amounts, reserved_at=after.reserved_at or desk.now)
    known = before.reserved or {}
    is_more = any(amount > known.get(what, 0) for what, amount in amounts.items())
    if is_more or not _lies_within(after.sessions, before.sessions):
        check_reserve(desk, store, reserving)
    return reserving


def _lies_within(sessions: tuple[Session, ...], others: tuple[Session, ...]) -> bool:
    return all(
        any(other.starts_at <= one.starts_at and one.ends_at <= other.ends_at for other in others)
        for one in sessions
    )


def _audit(desk: Desk, store: Store, actor: Actor, before: Workshop, after: Workshop) -> None:
    told = _facts(before), _facts(after)
    others = [name for name in told[0] if told[0][name] != told[1][name]]
    record(
        desk,
        store,
        actor,
        Verb.CHANGE_WORKSHOP,
        f"workshop/{after.community}/{after.slug}",
        after.community,
        before={name: told[0][name] for name in others},
        after={name: told[1][name] for name in others},
    )


def _facts(workshop: Workshop) -> dict[str, Any]:
    return {
        "title": workshop.title,
        "language": workshop.language,
        "zone": workshop.zone,
        "profile": workshop.profile,
        "seats": workshop.seats,
        "sessions": [
            f"{one.starts_at.isoformat()}/{one.ends_at.isoformat()}" for one in workshop.sessions
        ],
        "reserved": workshop.reserved and dict(workshop.reserved),
    }
