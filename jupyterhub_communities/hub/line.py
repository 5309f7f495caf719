"""The line for servers as the Hub's process keeps it.

The Hub alone takes tickets, so what it has in memory is the line; the database keeps it for a restart,
and others take out there who may not start any more. Pages that wait ask again and again, and what
they ask is answered from memory: the database is looked at once in a while for all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from jupyterhub.spawner import Spawner
from tornado.log import app_log
from tornado.web import HTTPError

from ..application.house import House
from ..application.leases import StartRequest
from ..application.line import (
    Capacity,
    leave_line,
    look_for_room,
    note_seen,
    restore_line,
    take_ticket,
    ticket_for,
    tickets_in_line,
)
from ..domain.leases import ServerKey
from ..domain.ledger import Ledger, Rules
from ..domain.line import (
    TURN_LASTS,
    Place,
    Room,
    StartTicket,
    after_turn,
    as_refused,
    in_order,
    is_for_a_moment,
    lapsed,
    places,
    turns,
)
from ..domain.refusals import QuotaExceeded, StorageUnreachable

LINE = "communities_line"  # where the Hub's settings have it

# Seconds for which an answer holds.
_TURNS_HOLD = 0.5
_COUNT_HOLDS = 1.0  # of the Hub's servers
_LOOK_HOLDS = 1.0  # at what is left of quotas
_READ_HOLDS = 2.0  # who was taken out of the line
_SEEN_HOLDS = 20.0  # in the database: much less than after which a place is given up

SWEEP_SECONDS = 60  # between two looks for places that were left, where nobody asks
BEGINS_WITHIN = timedelta(minutes=2)  # after a turn, the server is under way


class Line:
    """Places and turns. `starts_left` says how many starts the Hub's own limits allow now."""

    def __init__(
        self,
        house: House,
        starts_left: Callable[[], int | None],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._house = house
        self._starts_left = starts_left
        self._steady = steady
        self._tickets: dict[ServerKey, StartTicket] = {}
        self._starting: dict[str, Spawner] = {}  # by ticket: their turn was taken
        # By ticket, on the steady clock: a wall clock may be set back.
        self._turns: dict[str, float] = {}  # since when
        self._seen: dict[str, float] = {}  # the page that waits was last asked for
        self._failed: set[ServerKey] = set()  # whose start in their turn came to nothing
        self._served: tuple[str | None, ...] = ()
        self._places: dict[str, Place] = {}  # by ticket, as of the last look at turns
        self._capacity: Capacity | None = None
        self._is_loaded = False
        self._changes = 0
        self._judged = self._looked = self._read = self._noted = float(
            "-inf"
        )  # on the steady clock
        self._left: int | None = 0  # starts that the Hub allows, since they were counted
        self._counted = float("-inf")
        self._lock = asyncio.Lock()

    def restore(self) -> None:
        """Reads who waits while the Hub starts: else the first start would wait for that, and then for
        its own answer, where the database has gone silent meanwhile."""
        try:
            self._keep(self._house.call(restore_line))
        except StorageUnreachable:
            pass  # whoever comes first waits

    async def is_empty(self) -> bool:
        """Does nobody wait? Costs a start nothing."""
        try:
            await self._load()
        except StorageUnreachable:
            return True  # the start itself says so
        return not self._tickets

    async def lets_pass(self) -> bool:
        """May a start go its way without a ticket? Counts what the Hub allows once a second at most,
        as long as there is room."""
        if not await self.is_empty():
            return False
        now = self._steady()
        if self._left is not None and (self._left <= 0 or now - self._counted >= _COUNT_HOLDS):
            self._left, self._counted = self._starts_left(), now
        if self._left is None:
            return True
        self._left -= 1
        return self._left >= 0

    async def take(self, request: StartRequest, options: Mapping[str, Any] | None) -> StartTicket:
        """A place in line, or the one that the server has. Raises the refusal for what was asked."""
        await self._load()
        ticket = await self._house.run(take_ticket, request, options)
        known = self._tickets.get(ticket.server)
        if known is not None and known.id != ticket.id:
            self._forget([known.id])  # of another place: what became of its start is nobody's now
        former = self._starting.get(ticket.id)
        if former is not None and not former.active:  # that start is over: another one is wanted
            del self._starting[ticket.id]
            self._turns.pop(ticket.id, None)
        self._tickets[ticket.server] = ticket
        self._failed.discard(ticket.server)
        self._seen[ticket.id] = self._steady()
        self._change()
        self._judge_again()
        return ticket

    @property
    def is_open_without_storage(self) -> bool:
        """Do starts go on while nobody can say what is left?"""
        return self._house.settings.admit_when_unreachable

    def has_others(self, server: ServerKey) -> bool:
        """Does anybody wait, beside this server?"""
        return any(one.server != server for one in self._waiting())

    def has(self, server: ServerKey) -> bool:
        return server in self._tickets

    async def ask(self, server: ServerKey) -> Place | None:
        """Where the server stands: its page was seen now. None: it is not in line."""
        await self._load()
        if server not in self._tickets:
            return None
        ticket = self._see(server)
        await self._give_turns()
        if server not in self._tickets:
            return None
        place = self._places.get(ticket.id)
        if place is None:  # its start goes on
            return Place(ticket, 0, 0, are_others=False)
        return replace(place, ticket=ticket, is_turn=self._is_turn(ticket.id))

    async def would_wait(self, request: StartRequest) -> bool:
        """Would a start without a ticket overtake others?"""
        await self._load()
        ticket = await self._house.run(ticket_for, request)
        async with self._lock:
            await self._keep_up()
            others = [one for one in self._waiting() if one.server != ticket.server]
            ordered = in_order([*others, ticket], self._served)
            room = await self._room(ordered)
            return ticket not in turns(ordered, room, self._missed())

    async def leave(self, servers: Iterable[ServerKey]) -> None:
        """Gives up places."""
        tickets = [self._tickets[server] for server in servers if server in self._tickets]
        await self._remove(tickets)
        self._judge_again()

    async def leave_all(self, username: str) -> None:
        await self.leave([server for server in self._tickets if server.username == username])

    async def sweep(self) -> None:
        """Gives up what was left, also when nobody else asks: a name stays no longer than it waits."""
        if not await self.is_empty():
            async with self._lock:
                await self._keep_up()

    # A turn that is taken

    def is_starting(self, ticket: StartTicket) -> bool:
        return ticket.id in self._starting

    def begin(self, ticket: StartTicket, spawner: Spawner) -> None:
        """The ticket's start begins."""
        self._starting[ticket.id] = spawner
        self._served = after_turn(self._served, ticket.scope.community)
        self._change()

    async def settle(self, ticket: StartTicket, error: BaseException | None = None) -> bool:
        """What became of the start, as far as that is known. Whoever was refused for a moment keeps
        their place: True."""
        if error is None:
            await self._clear_starting()
            return False
        if keeps_place(error, self._starting.get(ticket.id)):
            self._back_in_line(ticket, error)
            return True
        self._failed.add(ticket.server)
        await self._remove([ticket])
        return False

    def tell_failure(self, server: ServerKey) -> bool:
        """Did the start that it had its turn for come to nothing? Told once."""
        has_failed = server in self._failed
        self._failed.discard(server)
        return has_failed

    def _back_in_line(self, ticket: StartTicket, error: BaseException | None) -> None:
        refusal = getattr(error, "refusal", None)
        if isinstance(refusal, QuotaExceeded) and ticket.server in self._tickets:
            known = self._tickets[ticket.server]
            self._tickets[ticket.server] = as_refused(known, refusal)
        self._starting.pop(ticket.id, None)
        self._turns.pop(ticket.id, None)
        self._capacity = None  # it said that there was room
        self._change()
        self._judge_again()

    async def _clear_starting(self) -> None:
        """Out of the line with whose server has been admitted; back with who was refused later."""
        done = []
        for ticket in [one for one in self._tickets.values() if one.id in self._starting]:
            spawner = self._starting[ticket.id]
            if spawner.active:
                if spawner.ready or getattr(spawner, "lease_id", None) is not None:
                    done.append(ticket)
            elif spawner._failed:
                error = spawner._spawn_future.exception()
                if keeps_place(error, spawner):
                    self._back_in_line(ticket, error)
                else:
                    self._failed.add(ticket.server)
                    done.append(ticket)
            elif ticket.id in self._turns and self._since(self._turns[ticket.id]) >= BEGINS_WITHIN:
                done.append(ticket)  # it ran and stopped while nobody looked
        await self._remove(done)

    # Who stands in line

    async def _load(self) -> None:
        """What could not be read while the Hub started."""
        if not self._is_loaded:
            tickets = await self._house.run(restore_line)
            if not self._is_loaded:
                self._keep(tickets)

    def _keep(self, tickets: Iterable[StartTicket]) -> None:
        """After a restart: everybody has time to be seen again."""
        now = self._house.clock.now()
        self._tickets = {one.server: replace(one, seen_at=now) for one in tickets}
        self._seen = {one.id: self._steady() for one in self._tickets.values()}
        self._is_loaded = True

    def _waiting(self) -> list[StartTicket]:
        return [one for one in self._tickets.values() if one.id not in self._starting]

    def _see(self, server: ServerKey) -> StartTicket:
        now = self._house.clock.now()
        ticket = self._tickets[server] = replace(self._tickets[server], seen_at=now)
        self._seen[ticket.id] = self._steady()
        if ticket.id in self._missed():
            del self._turns[ticket.id]  # here again
            self._judge_again()
        return ticket

    async def _remove(self, tickets: Iterable[StartTicket]) -> None:
        gone = [one.id for one in tickets]
        if not gone:
            return
        self._forget(gone)
        try:
            await self._house.run(leave_line, gone)
        except StorageUnreachable:
            app_log.warning("Places in line that were given up come back with a restart")

    def _forget(self, gone: Iterable[str]) -> None:
        ids = set(gone)
        self._tickets = {server: one for server, one in self._tickets.items() if one.id not in ids}
        for known in (self._starting, self._turns, self._seen):
            for ticket_id in ids & known.keys():
                del known[ticket_id]
        self._change()

    def _change(self) -> None:
        """Who stands in line is not what it was: what is being read may be older."""
        self._changes += 1

    def _judge_again(self) -> None:
        """At the next look, without waiting: else the line would be gone through for each of many
        that leave it one after another."""
        self._judged = float("-inf")

    # Whose turn it is

    def _since(self, then: float) -> timedelta:
        return timedelta(seconds=self._steady() - then)

    def _missed(self) -> set[str]:
        return {
            ticket_id
            for ticket_id, since in self._turns.items()
            if self._since(since) >= TURN_LASTS and ticket_id not in self._starting
        }

    def _is_turn(self, ticket_id: str) -> bool:
        return ticket_id in self._turns and ticket_id not in self._missed()

    async def _give_turns(self) -> None:
        async with self._lock:
            if self._steady() - self._judged < _TURNS_HOLD:
                return
            await self._keep_up()
            ordered = in_order(self._waiting(), self._served)
            missed = self._missed()
            given = turns(ordered, await self._room(ordered), missed)
            now = self._steady()
            turn_ids = {one.id for one in given}
            kept = turn_ids | missed | self._starting.keys()
            self._turns = {one: since for one, since in self._turns.items() if one in kept}
            for ticket_id in turn_ids:
                self._turns.setdefault(ticket_id, now)
            self._places, self._judged = places(ordered), self._steady()

    async def _room(self, ordered: Iterable[StartTicket]) -> Room:
        starts = self._starts_left()
        if starts is not None:
            # The Hub counts a start as soon as it is pending.
            starts -= sum(not spawner.pending for spawner in self._starting.values())
            if starts <= 0:
                return Room(self._house.clock.now(), {}, {}, starts=0)
        sizes = {one.size for one in ordered}
        is_old = self._steady() - self._looked >= _LOOK_HOLDS
        if self._capacity is None or is_old or sizes - self._capacity.ledgers.keys():
            try:
                self._capacity = await self._house.run(look_for_room, sizes)
            except StorageUnreachable:
                # As admission does then: nobody, or by the Hub's own limits alone.
                unlimited = {size: Ledger(Rules()) for size in sizes}
                left = starts if self.is_open_without_storage else 0
                return Room(self._house.clock.now(), unlimited, {}, starts=left)
            self._looked = self._steady()
        return self._capacity.room(self._house.clock.now(), starts)

    async def _keep_up(self) -> None:
        """Who was started, who left, and who was taken out of the line by others."""
        await self._clear_starting()
        unseen = {ticket_id: self._since(at) for ticket_id, at in self._seen.items()}
        await self._remove(lapsed(self._waiting(), unseen))
        try:
            if self._steady() - self._read >= _READ_HOLDS:
                await self._read_again()
            if self._steady() - self._noted >= _SEEN_HOLDS:
                seen = {one.id: one.seen_at for one in self._tickets.values()}
                await self._house.run(note_seen, seen)
                self._noted = self._steady()
        except StorageUnreachable:
            pass  # the next one that asks

    async def _read_again(self) -> None:
        before = self._changes
        kept = {one.id for one in await self._house.run(tickets_in_line)}
        self._read = self._steady()
        if self._changes == before:  # else what was read may be older than what is known
            gone = [one.id for one in self._tickets.values() if one.id not in kept]
            if gone:
                self._forget(gone)


def is_momentary(error: BaseException | None, spawner: Spawner | None) -> bool:
    """Was a start refused only because others start or run now?"""
    refusal = getattr(error, "refusal", None)
    if refusal is not None:
        return isinstance(refusal, QuotaExceeded) and is_for_a_moment(refusal)
    if not isinstance(error, HTTPError) or error.status_code != 429:
        return False
    # The Hub's own limits refuse before anything has begun; an operator's hook, afterwards.
    return spawner is not None and spawner._spawn_future is None


def keeps_place(error: BaseException | None, spawner: Spawner | None) -> bool:
    """Does who was in line go on waiting? Also where nobody could say what is left."""
    refusal = getattr(error, "refusal", None)
    return isinstance(refusal, StorageUnreachable) or is_momentary(error, spawner)


def starts_left(settings: Mapping[str, Any]) -> int | None:
    """How many more starts the Hub's own limits allow, counted as the Hub does. None: any number."""
    at_once = settings.get("concurrent_spawn_limit", 0)
    active = settings.get("active_server_limit", 0)
    if not at_once and not active:
        return None
    counts = settings["users"].count_active_users()
    left: list[int] = []
    if at_once:
        left.append(at_once - counts["spawn_pending"] - counts["proxy_pending"])
    if active:
        left.append(active - counts["active"])
    return max(0, min(left))
