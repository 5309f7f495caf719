"""The line of those who wait until a server can be started, and whose turn it is.

Nothing is held for them meanwhile. (Who waits for a seat of a workshop is in `waiting`.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from .leases import ServerKey
from .ledger import Key, Ledger, Request
from .quotas import Claim, Scope
from .refusals import QuotaExceeded
from .reservations import LOOK_AHEAD
from .units import Amounts, is_spent

TURN_LASTS = timedelta(seconds=15)  # then it passes on
GIVEN_UP_AFTER = timedelta(minutes=3)  # not seen: the page was left
FORGOTTEN_AFTER = timedelta(hours=4)  # however long of that the hub itself was away
MOST_SECONDS = 10  # between two looks of a page: a turn has to be noticed while it lasts
_FEWEST_SECONDS = 3

Size = tuple[Scope, tuple[tuple[str, int], ...]]  # the place charged, and the amounts


@dataclass(frozen=True, slots=True)
class StartTicket:
    """A place in line: what is to be started when its turn comes. There is one for each server."""

    id: str
    server: ServerKey
    account_id: str | None
    scope: Scope  # the community or workshop that is charged
    taken_at: datetime
    seen_at: datetime  # the page that waits was last asked for
    amounts: Amounts = field(default_factory=dict, hash=False)  # none: a rescue, past all quotas
    options: Mapping[str, Any] | None = field(default=None, hash=False)  # as the Hub has them

    @property
    def size(self) -> Size:
        return self.scope, tuple(sorted(self.amounts.items()))


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stands."""

    ticket: StartTicket
    ahead: int  # people of the same community who come first
    ahead_of_all: int  # people of any community
    are_others: bool  # does another community wait as well?
    is_turn: bool = False

    @property
    def ask_again_in(self) -> int:
        """Seconds: who is far back looks less often."""
        return min(MOST_SECONDS, _FEWEST_SECONDS + self.ahead_of_all // 20)


def is_for_a_moment(refusal: QuotaExceeded) -> bool:
    """Will what is missing be there when somebody stops? Not where the person's own limit, time that
    was spent, or what is reserved for others stands in the way; nor where it never fits."""
    return all(
        violation.helps == "stop"
        and violation.scope != "member"
        and not is_spent(violation.resource)
        for violation in refusal.violations
    )


def as_refused(ticket: StartTicket, refusal: QuotaExceeded) -> StartTicket:
    """With what was really asked for: a Spawner's hook may make a pod larger than can be known before
    it starts. So a turn that cannot be taken is not given again and again."""
    asked = {
        one.resource: max(one.wanted, ticket.amounts.get(one.resource, 0))
        for one in refusal.violations
        if one.scope != "cohort" and not is_spent(one.resource)
    }
    return replace(ticket, amounts={**ticket.amounts, **asked})


def in_order(
    tickets: Iterable[StartTicket], served: Sequence[str | None] = ()
) -> list[StartTicket]:
    """One of each community in turn, that first whose last turn is longest ago; within a community
    by arrival. `served` are the communities as they had their turns, the latest last."""
    queues: dict[str | None, list[StartTicket]] = {}
    for ticket in sorted(tickets, key=lambda one: (one.taken_at, one.id)):
        queues.setdefault(ticket.scope.community, []).append(ticket)
    latest = {community: number for number, community in enumerate(served)}
    rounds = sorted(queues, key=lambda community: latest.get(community, -1))
    rows = zip_longest(*(queues[community] for community in rounds))
    return [ticket for row in rows for ticket in row if ticket is not None]


def after_turn(served: Sequence[str | None], community: str | None) -> tuple[str | None, ...]:
    return (*(one for one in served if one != community), community)


def places(ordered: Sequence[StartTicket]) -> dict[str, Place]:
    """Where everybody stands, by ticket, in one pass over the line."""
    seen: Counter[str | None] = Counter()
    found: dict[str, Place] = {}
    are_others = len({ticket.scope.community for ticket in ordered}) > 1
    for number, ticket in enumerate(ordered):
        community = ticket.scope.community
        found[ticket.id] = Place(ticket, seen[community], number, are_others)
        seen[community] += 1
    return found


def lapsed(tickets: Iterable[StartTicket], unseen: Mapping[str, timedelta]) -> list[StartTicket]:
    """Whose page was left: `unseen` says for how long it was not asked for, by ticket."""
    return [ticket for ticket in tickets if unseen[ticket.id] >= GIVEN_UP_AFTER]


def forgotten(tickets: Iterable[StartTicket], now: datetime) -> list[StartTicket]:
    """Whom a hub that was away does not find before the page any more when it is back."""
    return [ticket for ticket in tickets if now - ticket.seen_at >= FORGOTTEN_AFTER]


class Room:
    """What could be started now: by the Hub's own limits, and by what is left of quotas.

    Who finds no room at a limit is not overtaken there by who comes after: else who wants little
    would for ever get past who wants much. Others pass where they take nothing of what those ahead
    wait for: where other limits apply, where they ask nothing of the limit, and within what their
    workshop has reserved, which nobody else could have.
    """

    def __init__(
        self,
        now: datetime,
        ledgers: Mapping[Size, Ledger],
        lasts: Mapping[Scope, timedelta],
        *,
        starts: int | None = None,
    ) -> None:
        """`starts` are those that the Hub allows; None: any number."""
        self._now = now
        self._ledgers = {size: ledger.copy() for size, ledger in ledgers.items()}
        self._lasts = lasts
        self._starts = starts
        self._ahead: dict[Key, set[Scope]] = {}  # the places whose people wait at a limit
        self._waiting: set[Size] = set()

    @property
    def is_full(self) -> bool:
        return self._starts is not None and self._starts <= 0

    def take(self, ticket: StartTicket) -> bool:
        """Takes the room that the ticket needs, if it is there."""
        if self.is_full or ticket.size in self._waiting:  # room only gets less
            return False
        ledger = self._ledgers[ticket.size]
        lasts = self._lasts.get(ticket.scope, LOOK_AHEAD)
        request = Request(ticket.scope, ticket.amounts, lasts)
        # What is spent is no matter of waiting: admission says so.
        stopped = [
            (claim.scope, claim.resource)
            for claim in ledger.held_claims(request, self._now)
            if not claim.fits or self._would_overtake(ticket, claim)
        ]
        if not stopped:
            # Each ledger knows its own community's share: of a pool this one says what is drawn.
            moves = list(ledger.moves(ticket.scope, ticket.amounts))
            for one in self._ledgers.values():
                one.hold_moves(moves)
        elif ledger.frees_up(request, self._now):
            for key in stopped:
                self._ahead.setdefault(key, set()).add(ticket.scope)
            self._waiting.add(ticket.size)
            return False
        # Else nobody who stops makes room: in its turn admission says what is in the way.
        if self._starts is not None:
            self._starts -= 1
        return True

    def _would_overtake(self, ticket: StartTicket, claim: Claim) -> bool:
        """Would the ticket take of what somebody ahead waits for at a limit?"""
        ahead = self._ahead.get((claim.scope, claim.resource), ())
        wanted = ticket.amounts[claim.resource]
        if not ahead or not wanted:
            return False
        ledger = self._ledgers[ticket.size]
        if ledger.is_within_reserve(ticket.scope, claim.resource, wanted, self._now):
            return ticket.scope in ahead
        if claim.is_free:  # of the community's guaranteed part: the less of it, the more is drawn
            return any(place.community == ticket.scope.community for place in ahead)
        return True


def turns(
    ordered: Iterable[StartTicket], room: Room, missed: Collection[str] = ()
) -> list[StartTicket]:
    """Who may start now, in the order of the line. `missed` are the ids of those who did not take
    their turn: it passes to the next until they are seen again."""
    given = []
    for ticket in ordered:
        if room.is_full:
            break
        if ticket.id not in missed and room.take(ticket):
            given.append(ticket)
    return given
