"""Rehearsals of a workshop: begun, looked at, ticked off, ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..domain.grants import Actor, Role, Verb, require
from ..domain.invites import Invite, InviteKind
from ..domain.refusals import ChoiceInvalid, InviteUnreadable, NotFound, WorkshopClosed
from ..domain.rehearsals import BY_HAND, LASTS, MOST_REHEARSING, Step
from ..domain.workshops import Workshop
from .audit import record
from .invites import IssuedInvite
from .issuing import add_invite, end_grants, revoke, unsealed
from .ports import Desk, Store
from .seats import pass_on
from .workshops import find_workshop


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One that goes on, with its code and how far it has come."""

    issued: IssuedInvite | None  # None: its code cannot be read any more
    ends_at: datetime
    done: frozenset[Step]

    @property
    def steps(self) -> tuple[tuple[Step, bool], ...]:
        return tuple((step, step in self.done) for step in Step)


def view_rehearsal(desk: Desk, actor: Actor, community: str, slug: str) -> Rehearsal | None:
    """None where none goes on."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.REHEARSE, community, slug)
        return _rehearsal(desk, store, workshop)


def begin_rehearsal(desk: Desk, actor: Actor, community: str, slug: str) -> Rehearsal:
    """A code of its own, for a few people and a day at most. One at a time: who begins it again gets
    the one that goes on."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.REHEARSE, community, slug)
        if workshop.state(desk.now).is_over:
            raise WorkshopClosed
        if _invite(desk, store, workshop) is None:
            ends_at = min(desk.now + LASTS, workshop.ends_at)
            invite = Invite(
                id=desk.chance.identifier(),
                community=community,
                workshop=slug,
                role=Role.LEARNER,
                kind=InviteKind.REHEARSAL,
                seats=MOST_REHEARSING,
                taken=0,
                opens_at=None,
                closes_at=ends_at,
                lasts_until=ends_at,
                made_by=actor.answers_for(Role.INSTRUCTOR, community, slug),
                created_at=desk.now,
            )
            add_invite(desk, store, invite, actor)
            store.rehearsals.add(invite.id)
            _audit(desk, store, actor, Verb.REHEARSE, workshop)
        found = _rehearsal(desk, store, workshop)
        assert found is not None
        return found


def tick(desk: Desk, actor: Actor, community: str, slug: str, step: str) -> Rehearsal:
    """What only a person can see, seen. Repeating it changes nothing. Raises `ChoiceInvalid`."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.REHEARSE, community, slug)
        invite = _invite(desk, store, workshop)
        if invite is None:
            raise NotFound(kind="rehearsal")
        if step not in BY_HAND:
            raise ChoiceInvalid(name="step", choices=tuple(sorted(BY_HAND)))
        if store.rehearsals.tick(invite.id, Step(step), desk.now):
            _audit(desk, store, actor, "rehearsal:tick", workshop)
        found = _rehearsal(desk, store, workshop)
        assert found is not None
        return found


def end_rehearsal(desk: Desk, actor: Actor, community: str, slug: str) -> tuple[str, ...]:
    """Its code opens nothing any more, and what it gave ends; whose it was, by username. Repeating it
    changes nothing."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.REHEARSE, community, slug)
        invite = _invite(desk, store, workshop)
        if invite is None:
            return ()
        revoke(desk, store, actor, invite)
        usernames = end_grants(desk, store, actor, invite)
        pass_on(desk, store, invite.id)
        _audit(desk, store, actor, "rehearsal:end", workshop)
        return usernames


def _invite(desk: Desk, store: Store, workshop: Workshop) -> Invite | None:
    """That of the rehearsal that goes on."""
    return next(
        (
            invite
            for invite in store.invites.singles(workshop.community, workshop.slug)
            if invite.kind is InviteKind.REHEARSAL
            and invite.revoked_at is None
            and invite.lasts_until is not None
            and invite.lasts_until > desk.now
            and (invite.closes_at is None or invite.closes_at > desk.now)
        ),
        None,
    )


def _rehearsal(desk: Desk, store: Store, workshop: Workshop) -> Rehearsal | None:
    invite = _invite(desk, store, workshop)
    if invite is None or invite.lasts_until is None:
        return None
    ticks = store.rehearsals.ticks(invite.id)
    done = set()
    joined = store.rehearsals.joined(invite.id)
    if joined:
        done.add(Step.CODE)
    last = store.board.last(workshop.community, workshop.slug) if joined else {}
    for account_id, joined_at in joined.items():
        lease = last.get(account_id)
        if lease is not None and lease.active_at is not None and lease.active_at >= joined_at:
            done.add(Step.SERVER)
    if ticks.lesson_at is not None:
        done.add(Step.LESSON)
    if ticks.language_at is not None:
        done.add(Step.LANGUAGE)
    try:
        issued = unsealed(desk, store, invite)
    except InviteUnreadable:
        issued = None
    return Rehearsal(issued, invite.lasts_until, frozenset(done))


def _audit(desk: Desk, store: Store, actor: Actor, action: str, workshop: Workshop) -> None:
    subject = f"workshop/{workshop.community}/{workshop.slug}"
    record(desk, store, actor, action, subject, workshop.community)
