"""Waiting to get in: a place in line for people without a grant yet, and who lets them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.grants import LOWEST_ROLE, Actor, Verb, may, require
from ..domain.invites import Invite
from ..domain.names import read_name
from ..domain.refusals import NotFound
from ..domain.waiting import Ticket, TicketState
from .audit import record
from .communities import find_community
from .invites import JoinRequest, Offer, attempt_digest, find_offer, secret_digest
from .ports import Desk, Store
from .seats import end_ticket, pass_on


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in line."""

    offer: Offer
    ticket: Ticket
    state: TicketState
    ahead: int  # people before them


@dataclass(frozen=True, slots=True)
class Line:
    """Who waits at one invite."""

    invite: Invite
    tickets: tuple[Ticket, ...]


def wait_in_line(desk: Desk, request: JoinRequest) -> Place:
    """A place in line for this attempt, the same when it is sent twice. It holds no grant."""
    with desk.database.write() as store:
        offer = find_offer(desk, store, secret_digest(desk, request.secret))
        digest = attempt_digest(desk, request.attempt)
        pass_on(desk, store, offer.invite.id)
        ticket = store.waiting.by_attempt(offer.invite.id, digest)
        if ticket is None:
            name = request.name if request.username is None else request.username
            ticket = Ticket(
                id=desk.chance.identifier(),
                invite_id=offer.invite.id,
                attempt_digest=digest,
                number=store.waiting.next_number(offer.invite.id),
                name=read_name(name),
                created_at=desk.now,
                admitted_at=None if offer.invite.is_by_hand else desk.now,
            )
            store.waiting.add(ticket)
            pass_on(desk, store, offer.invite.id)
        return _place(desk, store, offer, ticket.id)


def find_place(desk: Desk, secret: str, attempt: str) -> Place | None:
    """Where this attempt stands in line; None if nowhere. Seats that were not taken move on."""
    digest = attempt_digest(desk, attempt)
    with desk.database.read() as store:
        offer = find_offer(desk, store, secret_digest(desk, secret))
        ticket = store.waiting.by_attempt(offer.invite.id, digest)
        if ticket is None:
            return None
        if not _has_overdue(desk, store, offer.invite.id):
            return _place(desk, store, offer, ticket.id)
    with desk.database.write() as store:
        pass_on(desk, store, offer.invite.id)
        return _place(desk, store, offer, ticket.id)


def leave_line(desk: Desk, secret: str, attempt: str) -> None:
    """The place goes to the next."""
    with desk.database.write() as store:
        offer = find_offer(desk, store, secret_digest(desk, secret))
        ticket = store.waiting.by_attempt(offer.invite.id, attempt_digest(desk, attempt))
        if ticket is not None:
            end_ticket(desk, store, ticket.id, ticket.state(desk.now))
            pass_on(desk, store, offer.invite.id)


def view_lines(desk: Desk, actor: Actor, community: str, workshop: str) -> Sequence[Line]:
    """Who waits at the codes of a workshop, as far as the actor may let them in."""
    with desk.database.read() as store:
        find_community(store, actor, community)
        if store.workshops.get(community, workshop) is None:
            raise NotFound(kind="workshop")
        if not actor.sites_of(community, workshop, LOWEST_ROLE[Verb.ADMIT]):
            require(actor, Verb.ADMIT, community, workshop)
        return lines_at(desk, store, actor, community, workshop)


def lines_at(
    desk: Desk, store: Store, actor: Actor, community: str, workshop: str
) -> tuple[Line, ...]:
    """Without codes where nobody waits, and those where the actor may not let people in."""
    lines = (
        Line(
            invite,
            tuple(
                ticket
                for ticket in store.waiting.of_invite(invite.id)
                if ticket.state(desk.now) is not TicketState.ENDED
            ),
        )
        for invite in store.invites.waited_for(community, workshop)
        if may(actor, Verb.ADMIT, community, workshop, invite.site)
    )
    return tuple(line for line in lines if line.tickets)


def admit_from_line(desk: Desk, actor: Actor, community: str, ticket_id: str) -> Ticket:
    """Lets somebody in by hand: they get the next free seat."""
    with desk.database.write() as store:
        ticket, invite = _managed(store, actor, community, ticket_id)
        store.waiting.admit(ticket.id, desk.now)
        pass_on(desk, store, invite.id)
        _audit(desk, store, actor, "workshop:admit", ticket, invite)
        return store.waiting.get(ticket.id) or ticket


def decline(desk: Desk, actor: Actor, community: str, ticket_id: str) -> None:
    """Takes somebody out of the line."""
    with desk.database.write() as store:
        ticket, invite = _managed(store, actor, community, ticket_id)
        end_ticket(desk, store, ticket.id, ticket.state(desk.now))
        pass_on(desk, store, invite.id)
        _audit(desk, store, actor, "workshop:decline", ticket, invite)


def pass_seats_on(desk: Desk) -> None:
    """The timer's part: seats that nobody took in time go to the next, a line at a time."""
    with desk.database.read() as store:
        waited_for = store.waiting.invites_to_look_at()
    for invite_id in waited_for:
        with desk.database.write() as store:
            pass_on(desk, store, invite_id)


def _place(desk: Desk, store: Store, offer: Offer, ticket_id: str) -> Place:
    ticket = store.waiting.get(ticket_id)
    assert ticket is not None
    ahead = [
        other
        for other in store.waiting.of_invite(offer.invite.id)
        if other.number < ticket.number and other.state(desk.now) is TicketState.WAITING
    ]
    return Place(offer, ticket, ticket.state(desk.now), len(ahead))


def _has_overdue(desk: Desk, store: Store, invite_id: str) -> bool:
    return any(
        ticket.state(desk.now) is TicketState.ENDED for ticket in store.waiting.of_invite(invite_id)
    )


def _managed(store: Store, actor: Actor, community: str, ticket_id: str) -> tuple[Ticket, Invite]:
    find_community(store, actor, community)
    ticket = store.waiting.get(ticket_id)
    invite = None if ticket is None else store.invites.get(ticket.invite_id)
    if ticket is None or invite is None or invite.community != community:
        raise NotFound(kind="ticket")
    require(actor, Verb.ADMIT, community, invite.workshop, invite.site)
    return ticket, invite


def _audit(
    desk: Desk, store: Store, actor: Actor, action: str, ticket: Ticket, invite: Invite
) -> None:
    after = {"number": ticket.number, "workshop": invite.workshop}
    record(desk, store, actor, action, f"invite/{invite.id}", invite.community, after=after)
