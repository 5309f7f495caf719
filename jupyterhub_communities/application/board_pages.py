"""What is drawn of a board: the counts of everybody, and of each list as much as a page holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from ..domain.board import PersonState
from ..domain.invites import Invite
from ..domain.names import same_name
from ..domain.paging import Key, Page, Part, part_of
from ..domain.waiting import Ticket
from .board import Board, BoardRow, HandUp, Left

ROWS = 50  # of each list on one page
DOUBLES = "doubles"  # those with the same name
LISTS = (*(state.value for state in PersonState), DOUBLES)
T = TypeVar("T", BoardRow, Left)


@dataclass(frozen=True, slots=True)
class BoardView:
    """Which of its people are to be listed."""

    only: str = ""  # one of `LISTS`; else everybody who is in
    sought: str = ""  # a part of name or username
    after: Key | None = None  # when who has joined; see `Page`


@dataclass(frozen=True, slots=True)
class ShownLine:
    """Who waits at one invite."""

    invite: Invite
    tickets: tuple[Ticket, ...]  # the first
    in_line: int  # that wait for a seat
    more: int  # that are not shown


@dataclass(frozen=True, slots=True)
class BoardPage:
    """However many people there are, no more than this is drawn, and sent."""

    view: BoardView
    people: int  # that are in
    counts: dict[PersonState, int]
    doubles: int
    rows: Part[BoardRow]
    left: Part[Left]
    hands: tuple[HandUp, ...]
    more_hands: int
    lines: tuple[ShownLine, ...]
    seats_left: int | None


def page_of_board(board: Board, view: BoardView) -> BoardPage:
    rows: Part[BoardRow] = Part((), None)
    of_left = view if view.only == PersonState.LEFT else BoardView()
    if view.only != PersonState.LEFT:
        rows = _part((row for row in board.rows if _is_among(row, view.only)), view)
    return BoardPage(
        view=view,
        people=len(board.rows),
        counts=board.counts,
        doubles=board.doubles,
        rows=rows,
        left=_part(board.left, of_left),
        hands=board.hands[:ROWS],
        more_hands=max(0, len(board.hands) - ROWS),
        lines=tuple(
            ShownLine(
                line.invite,
                line.tickets[:ROWS],
                sum(one.admitted_at is not None and not one.offered_until for one in line.tickets),
                max(0, len(line.tickets) - ROWS),
            )
            for line in board.lines
        ),
        seats_left=board.seats_left,
    )


def _is_among(row: BoardRow, only: str) -> bool:
    if only == DOUBLES:
        return row.is_double
    return not only or row.condition.state == only


def _part(people: Iterable[T], view: BoardView) -> Part[T]:
    """Of people in the order of joining."""
    wanted = same_name(" ".join(view.sought.split()))
    if wanted:
        people = (
            one
            for one in people
            if wanted in one.account.folded_name or wanted in one.account.username.lower()
        )
    if view.after is not None:
        joined_at, account_id = view.after
        last = (datetime.fromisoformat(joined_at), account_id)
        people = (one for one in people if (one.joined_at, one.account.id) > last)
    page = Page(ROWS, view.after)
    return part_of(list(islice(people, ROWS + 1)), key_of, page)


def key_of(one: BoardRow | Left) -> Key:
    """Where somebody stands in the order of joining."""
    return (one.joined_at.isoformat(), one.account.id)
