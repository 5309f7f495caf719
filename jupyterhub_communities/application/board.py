"""The board: a workshop's people with what their servers do, and the hands that are up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..domain.accounts import Account
from ..domain.board import Condition, PersonState, StuckBy, Trouble, condition_of
from ..domain.grants import LOWEST_ROLE, Actor, Grant, Role, Verb, may
from ..domain.hands import Hand, ServerAccess
from ..domain.invites import Invite
from ..domain.leases import Lease, LeaseState, RunningServer, ServerKey
from ..domain.names import same_name
from ..domain.quotas import Scope
from ..domain.workshops import Workshop
from .ports import Desk, Store
from .waiting import Line, lines_at

Seen = Mapping[ServerKey, RunningServer]  # what the Hub knows of servers
NOTHING_SEEN: Seen = {}
TROUBLES_KEPT = timedelta(days=1)
_RESTARTED = (StuckBy.FAILED, StuckBy.SILENT)  # a start like the one before may well succeed
_ANYBODY = Actor(account_id=None, is_operator=True)  # whose looks are cut down for each reader


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One person of a workshop, as the board shows them."""

    account: Account
    role: Role
    joined_at: datetime
    server: LeaseState | None  # None: no server
    condition: Condition
    site: str | None = None  # slug, for people who came in at one
    is_double: bool = False  # somebody else in the workshop has the same name
    is_empty: bool = False  # a double without a server ever: may be retired
    has_server_here: bool = False  # that is charged to the workshop
    came_to_nothing: ServerKey | None = None  # its last start, that is charged to the workshop
    is_rehearsal: bool = False  # somebody of the staff, walking a learner's way

    @property
    def may_be_restarted(self) -> bool:
        return self.has_server_here or self.came_to_nothing is not None


@dataclass(frozen=True, slots=True)
class HandUp:
    """A raised hand, with who is behind it, who comes, and into which server they may look."""

    hand: Hand
    account: Account
    helper: Account | None = None
    access: ServerAccess | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody whom nothing holds in the workshop any more."""

    account: Account
    site: str | None


@dataclass(frozen=True, slots=True)
class Board:
    rows: tuple[BoardRow, ...]  # in the order of joining
    left: tuple[Left, ...] = ()
    hands: tuple[HandUp, ...] = ()  # the first first
    lines: tuple[Line, ...] = ()  # who waits for a seat
    seats_left: int | None = None

    def row_of(self, account_id: str) -> BoardRow | None:
        return next((row for row in self.rows if row.account.id == account_id), None)

    @property
    def counts(self) -> dict[PersonState, int]:
        """How many there are of each, in a fixed order."""
        found = Counter(row.condition.state for row in self.rows)
        found[PersonState.LEFT] = len(self.left)
        return {state: found[state] for state in PersonState}

    @property
    def doubles(self) -> int:
        return sum(row.is_double for row in self.rows)

    def at_sites(self, sites: Collection[str]) -> Board:
        """What the staff of just these sites see."""
        return replace(
            self,
            rows=tuple(row for row in self.rows if row.site in sites),
            left=tuple(one for one in self.left if one.site in sites),
            hands=tuple(one for one in self.hands if one.hand.site in sites),
            lines=tuple(line for line in self.lines if line.invite.site in sites),
            seats_left=None,
        )


def sees_board(actor: Actor, community: str, workshop: str) -> bool:
    """All of it, or what is at a site."""
    lowest = LOWEST_ROLE[Verb.VIEW_BOARD]
    return may(actor, Verb.VIEW_BOARD, community, workshop) or bool(
        actor.sites_of(community, workshop, lowest)
    )


def seen_by(actor: Actor, community: str, workshop: str, board: Board) -> Board:
    """As far as it is for them. Nothing of it for those who do not see it."""
    if may(actor, Verb.SHOW_CODE, community, workshop):
        return board
    if may(actor, Verb.VIEW_BOARD, community, workshop):
        return replace(board, seats_left=None)
    return board.at_sites(actor.sites_of(community, workshop, LOWEST_ROLE[Verb.VIEW_BOARD]))


def whole_board(
    desk: Desk, store: Store, workshop: Workshop, invite: Invite | None, seen: Seen = NOTHING_SEEN
) -> Board:
    """With who waits for a seat. `invite` is the workshop's own learner code."""
    return replace(
        board_of(desk, store, workshop, seen),
        lines=lines_at(desk, store, _ANYBODY, workshop.community, workshop.slug),
        seats_left=None if invite is None else invite.seats_left,
    )


def board_of(desk: Desk, store: Store, workshop: Workshop, seen: Seen = NOTHING_SEEN) -> Board:
    """A fixed number of statements, however many people there are."""
    community, slug = place = workshop.community, workshop.slug
    given: dict[str, list[Grant]] = {}
    rehearsing = store.rehearsals.grant_ids(*place)
    for grant in store.grants.ever_of_workshop(*place):
        given.setdefault(grant.account_id, []).append(grant)
    is_over = workshop.state(desk.now).is_over
    hands = () if is_over else tuple(store.hands.of_workshop(*place))
    helpers = [hand.taken_by for hand in hands if hand.taken_by is not None]
    accounts = store.accounts.names([*given, *(hand.account_id for hand in hands), *helpers])
    holding = {
        account_id: [grant for grant in grants if grant.holds(desk.now)]
        for account_id, grants in given.items()
        if account_id in accounts
    }
    inside = {account_id for account_id, grants in holding.items() if grants}
    leases: dict[str | None, Lease] = {}
    here = Scope(community, slug)
    for lease in sorted(
        store.board.unsettled(*place), key=lambda one: (one.scope == here, one.requested_at)
    ):
        leases[lease.account_id] = lease
    last, tickets = store.board.last(*place), store.board.tickets(*place)
    troubles = store.board.troubles(*place)
    names = Counter(same_name(accounts[one].display_name) for one in inside)
    doubles = {one for one in inside if names[same_name(accounts[one].display_name)] > 1}
    used = store.leases.had_any(doubles)
    rows = []
    for account_id in inside:
        highest = sorted(holding[account_id], key=lambda grant: grant.role)[-1]
        current = leases.get(account_id)
        condition = condition_of(
            desk.now,
            highest.starts_at,
            lease=current,
            seen=None if current is None else seen.get(current.server),
            ticket=tickets.get(account_id),
            last=last.get(account_id),
            trouble=troubles.get(account_id),
        )
        is_learner = highest.role is Role.LEARNER
        started = last.get(account_id)
        rows.append(
            BoardRow(
                accounts[account_id],
                highest.role,
                highest.starts_at,
                None if current is None else current.state,
                condition,
                highest.site,
                is_double=account_id in doubles,
                is_empty=account_id in doubles - used and is_learner,
                has_server_here=current is not None and current.scope == here,
                came_to_nothing=started.server
                if current is None and started is not None and condition.stuck_by in _RESTARTED
                else None,
                is_rehearsal=rehearsing.issuperset(one.id for one in holding[account_id]),
            )
        )
    return Board(
        rows=tuple(sorted(rows, key=lambda row: (row.joined_at, row.account.id))),
        left=tuple(
            Left(accounts[one], given[one][-1].site)
            for one in holding
            if one not in inside and not rehearsing.issuperset(grant.id for grant in given[one])
        ),
        hands=_hands_up(desk, store, hands, accounts),
    )


def _hands_up(
    desk: Desk, store: Store, hands: tuple[Hand, ...], accounts: Mapping[str, Account]
) -> tuple[HandUp, ...]:
    open_for = {}
    if any(hand.taken_by is not None for hand in hands):
        open_for = {
            access.hand_id: access
            for access in store.hands.accesses_to_remove()
            if access.holds(desk.now)
        }
    return tuple(
        HandUp(
            hand,
            accounts[hand.account_id],
            None if hand.taken_by is None else accounts.get(hand.taken_by),
            open_for.get(hand.id),
        )
        for hand in hands
        if hand.account_id in accounts
    )


def note_trouble(desk: Desk, username: str, code: str) -> None:
    """A start of theirs was refused or has failed: the board says so for a while."""
    with desk.database.write() as store:
        store.board.forget_troubles(desk.now - TROUBLES_KEPT)
        store.board.note_trouble(username, Trouble(code, desk.now))


def end_trouble(desk: Desk, username: str, code: str) -> None:
    """It is not so any more."""
    with desk.database.write() as store:
        store.board.end_trouble(username, code)
