"""The board: a workshop's people with what their servers do, and the hands that are up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..domain.accounts import Account, Named
from ..domain.board import Condition, PersonState, StuckBy, Trouble, condition_of
from ..domain.grants import LOWEST_ROLE, Actor, Role, Verb, may
from ..domain.hands import Hand, ServerAccess
from ..domain.invites import Invite
from ..domain.leases import Lease, LeaseState, RunningServer, ServerKey
from ..domain.quotas import Scope
from ..domain.workshops import Workshop
from .ports import Desk, Store
from .ports.board import Placed
from .waiting import Line, lines_at

Seen = Mapping[ServerKey, RunningServer]  # what the Hub knows of servers
NOTHING_SEEN: Seen = {}
TROUBLES_KEPT = timedelta(days=1)
_RESTARTED = (StuckBy.FAILED, StuckBy.SILENT)  # a start like the one before may well succeed
_ANYBODY = Actor(account_id=None, is_operator=True)  # whose looks are cut down for each reader


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One person of a workshop, as the board shows them."""

    account: Named
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

    account: Named
    site: str | None
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Sight:
    """How much of a board somebody sees."""

    sites: frozenset[str] | None = None  # None: all of the workshop
    has_seats: bool = True  # also how many are left


@dataclass(frozen=True, slots=True)
class Board:
    """All of a workshop's people, a thin row each; what is drawn of it: `board_pages`."""

    rows: tuple[BoardRow, ...]  # in the order of joining
    left: tuple[Left, ...] = ()  # likewise
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

    def within(self, sight: Sight) -> Board:
        """As far as somebody sees it."""
        sites = sight.sites
        if sites is None:
            return self if sight.has_seats else replace(self, seats_left=None)
        return replace(
            self,
            rows=tuple(row for row in self.rows if row.site in sites),
            left=tuple(one for one in self.left if one.site in sites),
            hands=tuple(one for one in self.hands if one.hand.site in sites),
            lines=tuple(line for line in self.lines if line.invite.site in sites),
            seats_left=None,
        )


def sight_of(actor: Actor, community: str, workshop: str) -> Sight | None:
    """How much of it is for them. None: nothing."""
    if may(actor, Verb.SHOW_CODE, community, workshop):
        return Sight()
    if may(actor, Verb.VIEW_BOARD, community, workshop):
        return Sight(has_seats=False)
    sites = actor.sites_of(community, workshop, LOWEST_ROLE[Verb.VIEW_BOARD])
    return Sight(sites, has_seats=False) if sites else None


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
    given: dict[Named, list[Placed]] = {}
    rehearsing = store.rehearsals.grant_ids(*place)
    for placed in store.board.people(*place, desk.now):
        given.setdefault(placed.account, []).append(placed)
    is_over = workshop.state(desk.now).is_over
    hands = () if is_over else tuple(store.hands.of_workshop(*place))
    holding = {
        account: [placed for placed in ever if placed.holds] for account, ever in given.items()
    }
    inside = [account for account, held in holding.items() if held]
    leases: dict[str | None, Lease] = {}
    here = Scope(community, slug)
    for lease in sorted(
        store.board.unsettled(*place), key=lambda one: (one.scope == here, one.requested_at)
    ):
        leases[lease.account_id] = lease
    failed, tickets = store.board.failed(*place), store.board.tickets(*place)
    troubles = store.board.troubles(*place)
    names = Counter(account.folded_name for account in inside)
    doubles = {account.id for account in inside if names[account.folded_name] > 1}
    used = store.leases.had_any(doubles)
    rows = []
    for account in inside:
        held = holding[account]
        highest = held[0] if len(held) == 1 else sorted(held, key=lambda one: one.role)[-1]
        current = leases.get(account.id)
        condition = condition_of(
            desk.now,
            highest.starts_at,
            lease=current,
            seen=None if current is None else seen.get(current.server),
            ticket=tickets.get(account.id),
            last=failed.get(account.id),
            trouble=troubles.get(account.id),
        )
        role = Role(highest.role)
        started = failed.get(account.id)
        rows.append(
            BoardRow(
                account,
                role,
                highest.starts_at,
                None if current is None else current.state,
                condition,
                highest.site,
                is_double=account.id in doubles,
                is_empty=account.id in doubles and account.id not in used and role is Role.LEARNER,
                has_server_here=current is not None and current.scope == here,
                came_to_nothing=started.server
                if current is None and started is not None and condition.stuck_by in _RESTARTED
                else None,
                is_rehearsal=bool(rehearsing)
                and rehearsing.issuperset(one.grant_id for one in held),
            )
        )
    return Board(
        rows=tuple(sorted(rows, key=lambda row: (row.joined_at, row.account.id))),
        left=tuple(
            Left(account, given[account][-1].site, given[account][0].starts_at)
            for account, held in holding.items()
            if not held and not rehearsing.issuperset(one.grant_id for one in given[account])
        ),
        hands=_hands_up(desk, store, hands),
    )


def _hands_up(desk: Desk, store: Store, hands: tuple[Hand, ...]) -> tuple[HandUp, ...]:
    helpers = [hand.taken_by for hand in hands if hand.taken_by is not None]
    accounts = store.accounts.names([*(hand.account_id for hand in hands), *helpers])
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
