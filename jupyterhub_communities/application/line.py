"""The line for servers: a ticket is taken, seen, and given up or used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..domain.ledger import Ledger
from ..domain.line import Room, Size, StartTicket, forgotten
from ..domain.quotas import Scope
from ..domain.reservations import LOOK_AHEAD
from .admission import lasts_in, set_aside
from .leases import StartRequest, plan_start
from .people import Person, load_person
from .ports import Desk


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is held and limited where tickets wait to be charged, as of one moment."""

    ledgers: Mapping[Size, Ledger]
    lasts: Mapping[Scope, timedelta]

    def room(self, now: datetime, starts: int | None) -> Room:
        return Room(now, self.ledgers, self.lasts, starts=starts)


def tickets_in_line(desk: Desk) -> Sequence[StartTicket]:
    with desk.database.read() as store:
        return store.line.all()


def restore_line(desk: Desk) -> Sequence[StartTicket]:
    """Who still waits when a Hub has started. Others have their names taken out of the database."""
    tickets = tickets_in_line(desk)
    gone = [ticket.id for ticket in forgotten(tickets, desk.now)]
    if gone:
        leave_line(desk, gone)
    return [ticket for ticket in tickets if ticket.id not in gone]


def take_ticket(
    desk: Desk, request: StartRequest, options: Mapping[str, Any] | None
) -> StartTicket:
    """A place in line, behind all others of the same community. Whoever stands in line already
    keeps their place, unless they choose another community.

    Raises the refusal for what was asked wrongly, as `admit` does.
    """
    wanted = ticket_for(desk, request, options)
    with desk.database.write() as store:
        found = store.line.of_server(request.server)
        if found is not None and found.scope.community == wanted.scope.community:
            wanted = replace(wanted, id=found.id, taken_at=found.taken_at)
        store.line.put(wanted)
        return wanted


def ticket_for(
    desk: Desk, request: StartRequest, options: Mapping[str, Any] | None = None
) -> StartTicket:
    """What `take_ticket` takes, without standing in line. A rescue may always be had: it asks for
    nothing that others wait for, and waits at most until the Hub starts anybody."""
    plan = plan_start(desk, request)
    amounts = set_aside(request.set_aside, plan.profile, request.otherwise)
    return StartTicket(
        id=desk.chance.identifier(),
        server=request.server,
        account_id=None if plan.account is None else plan.account.id,
        scope=plan.scope,
        taken_at=desk.now,
        seen_at=desk.now,
        amounts={} if plan.is_rescue else amounts,
        options=options,
    )


def leave_line(desk: Desk, ticket_ids: Iterable[str]) -> None:
    with desk.database.write() as store:
        store.line.remove(ticket_ids)


def note_seen(desk: Desk, seen: Mapping[str, datetime]) -> None:
    with desk.database.write() as store:
        store.line.note_seen(seen)


def look_for_room(desk: Desk, sizes: Iterable[Size]) -> Capacity:
    """One look for each place and size, however many wait there."""
    ledgers, lasts = {}, {}
    with desk.database.read() as store:
        for size in sizes:
            scope, amounts = size
            lasts[scope] = lasts_in(desk, scope) or LOOK_AHEAD
            until = desk.now + lasts[scope]
            ledgers[size] = store.balances.standing(scope, dict(amounts), desk.now, until)
    return Capacity(ledgers, lasts)


def end_lost_places(desk: Desk, username: str, *, is_hub_admin: bool = False) -> None:
    """Takes from the line what somebody may not start any more, if there is anything."""
    with desk.database.read() as store:
        tickets = store.line.of_user(username)
        if not tickets:
            return
        person = load_person(desk, store, username)
    is_refused = person.is_refused(is_operator=is_hub_admin)
    lost = [ticket.id for ticket in tickets if is_refused or not _is_open(ticket, person)]
    if lost:
        leave_line(desk, lost)


def _is_open(ticket: StartTicket, person: Person) -> bool:
    """May the person still start what the ticket is for?"""
    community, workshop = ticket.scope.community, ticket.scope.workshop
    if community is None:
        return True
    return person.actor().role_at(community, workshop) is not None
