"""Seats: given back when a grant ends, and passed on to the first in line.

`taken` guards the cap, in the `UPDATE … WHERE` that takes a seat. It counts redemptions that have
not lapsed, and seats that are held for somebody who waits.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..domain.invites import Invite
from ..domain.waiting import OFFER_LASTS, TicketState
from .ports import Desk, Store


def take_seat(desk: Desk, store: Store, invite_id: str) -> bool:
    """A seat for somebody new. What has lapsed is looked at only when none is left otherwise."""
    if store.invites.take_seat(invite_id):
        return True
    pass_on(desk, store, invite_id)
    return store.invites.take_seat(invite_id)


def pass_on(desk: Desk, store: Store, invite_id: str) -> None:
    """Gives lapsed seats back and offers what is free to those who wait, the first first.

    Belongs into every transaction that frees a seat.
    """
    freed = store.redemptions.release_lapsed(invite_id, desk.now)
    freed += store.waiting.end_overdue(invite_id, desk.now)
    store.invites.give_back(invite_id, freed)
    invite = store.invites.get(invite_id)
    if invite is None:
        return
    for ticket in store.waiting.of_invite(invite_id):
        if _is_over(desk, invite):
            end_ticket(desk, store, ticket.id, ticket.state(desk.now))
        elif ticket.state(desk.now) is TicketState.WAITING:
            if not store.invites.take_seat(invite_id):
                return
            store.waiting.offer(ticket.id, desk.now + OFFER_LASTS)


def end_ticket(desk: Desk, store: Store, ticket_id: str, state: TicketState) -> None:
    """Out of the line. A seat that was held is free again."""
    ticket = store.waiting.get(ticket_id)
    if ticket is not None and store.waiting.end(ticket_id, desk.now):
        store.invites.give_back(ticket.invite_id, int(state is TicketState.OFFERED))


def grants_ended(desk: Desk, store: Store, grant_ids: Iterable[str]) -> None:
    """Passes on the seats of grants that were revoked in this transaction."""
    ended = list(grant_ids)
    if ended:
        for invite_id in store.redemptions.invites_of(ended):
            pass_on(desk, store, invite_id)


def _is_over(desk: Desk, invite: Invite) -> bool:
    is_closed = invite.closes_at is not None and desk.now >= invite.closes_at
    return is_closed or invite.revoked_at is not None
