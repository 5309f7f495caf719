"""The board of a workshop: who does what, what its staff may do about it, and rehearsals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import NOON, actor_of, open_taller
from newcomers import add_people
from sqlalchemy import event

from jupyterhub_communities.application.attendance import attendance
from jupyterhub_communities.application.board import HandUp, end_trouble, note_trouble
from jupyterhub_communities.application.board_pages import BoardView, page_of_board
from jupyterhub_communities.application.changing import WorkshopChange, change_workshop
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import (
    InviteChange,
    NewInvite,
    change_invite,
    issue_invite,
)
from jupyterhub_communities.application.leases import StartRequest, activate, admit, settle
from jupyterhub_communities.application.line import take_ticket
from jupyterhub_communities.application.live import look_at_board
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.rehearsals import (
    begin_rehearsal,
    end_rehearsal,
    tick,
    view_rehearsal,
)
from jupyterhub_communities.application.servers import take_servers
from jupyterhub_communities.application.workshops import close_workshop, view_workshop
from jupyterhub_communities.domain.board import SILENT, PersonState, StuckBy
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import (
    ChoiceInvalid,
    NotFound,
    PermissionDenied,
    ServerNotThere,
    WorkshopClosed,
)
from jupyterhub_communities.domain.rehearsals import Step


class Place:
    def __init__(self, house) -> None:
        self.house = house
        self.opened = open_taller(house, seats=20)
        self.slug = self.opened.workshop.slug
        self.at = ("andes", self.slug)
        issued = house.call(
            issue_invite, self.ana, "andes", NewInvite(role=Role.HELPER, workshop=self.slug)
        )
        self.helper = self.join("Hugo", issued.code)

    @property
    def ana(self):
        return actor_of(self.house, "ana")

    def join(self, name, code=None) -> str:
        code = code or self.opened.learner_invite.code
        return self.house.call(redeem_invite, JoinRequest(code, name, name)).account.username

    def start(self, username, *, runs=True) -> None:
        lease_id = f"of {username}"
        self.house.call(admit, StartRequest(lease_id, ServerKey(username)))
        if runs:
            self.house.call(activate, lease_id)

    def board(self, **more):
        return self.house.call(view_workshop, self.ana, *self.at, **more).live

    def row(self, username, **more):
        return next(r for r in self.board(**more).rows if r.account.username == username)

    def said(self, username, **more):
        condition = self.row(username, **more).condition
        return condition.state, condition.stuck_by, condition.code


@pytest.fixture
def place(house):
    return Place(house)


def test_the_board_tells_apart_who_works_who_is_idle_and_who_is_stuck(place, house, clock) -> None:
    names = ("Luz", "Inés", "Rosa", "Killa", "Wayra")
    works, idle, waits, refused, joined = map(place.join, names)
    place.start(works)
    place.start(idle)
    house.call(take_ticket, StartRequest("t", ServerKey(waits)), None)
    house.call(note_trouble, refused, "profile.not_offered")
    house.call(note_trouble, "nobody-of-this-name", "profile.not_offered")
    clock.advance(minutes=30)
    seen = {
        ServerKey(name): RunningServer(ServerKey(name), ready=True, last_activity=at)
        for name, at in ((works, clock.time), (idle, NOON))
    }
    assert place.said(works, seen=seen) == (PersonState.RUNNING, None, None)
    assert place.said(idle, seen=seen) == (PersonState.IDLE, None, None)
    assert place.said(idle) == (PersonState.RUNNING, None, None), "the Hub does not answer"
    assert place.said(waits) == (PersonState.STUCK, StuckBy.LINE, None)
    assert place.said(refused) == (PersonState.STUCK, StuckBy.REFUSED, "profile.not_offered")
    assert place.said(joined) == (PersonState.JOINED, None, None)
    counts = {state.value: n for state, n in place.board(seen=seen).counts.items()}
    assert counts == {"joined": 2, "starting": 0, "running": 1, "idle": 1, "stuck": 2, "left": 0}


def test_a_server_that_does_not_answer_is_seen_and_restarted(place, house, clock) -> None:
    luz, hugo = place.join("Luz"), actor_of(house, place.helper)
    place.start(luz)
    clock.advance(minutes=20)
    house.call(note_trouble, luz, SILENT)
    assert place.said(luz) == (PersonState.STUCK, StuckBy.SILENT, None)
    assert place.row(luz).may_be_restarted
    house.call(end_trouble, luz, "quota.exceeded")
    assert place.said(luz)[0] is PersonState.STUCK, "of another kind"
    house.call(end_trouble, luz, SILENT)
    assert place.said(luz) == (PersonState.RUNNING, None, None)
    # The Hub gives it up: there is no server, and the next start may well answer.
    house.call(note_trouble, luz, SILENT)
    house.call(settle, f"of {luz}")
    row = place.row(luz)
    assert (row.condition.stuck_by, row.has_server_here) == (StuckBy.SILENT, False)
    assert house.call(take_servers, hugo, *place.at, luz, "restart") == (ServerKey(luz),)
    with pytest.raises(ServerNotThere):
        house.call(take_servers, hugo, *place.at, luz, "stop")
    house.call(end_trouble, luz, SILENT)
    with pytest.raises(ServerNotThere):
        house.call(take_servers, hugo, *place.at, luz, "restart")


def test_a_start_that_came_to_nothing_is_seen_until_the_next_one(place, house, clock) -> None:
    luz = place.join("Luz")
    place.start(luz, runs=False)
    assert place.said(luz)[0] is PersonState.STARTING
    clock.advance(minutes=1)
    house.call(settle, f"of {luz}")
    assert place.said(luz) == (PersonState.STUCK, StuckBy.FAILED, None)
    clock.advance(minutes=1)
    house.call(admit, StartRequest("again", ServerKey(luz)))
    house.call(activate, "again")
    house.call(settle, "again")
    assert place.said(luz) == (PersonState.JOINED, None, None)


def test_who_has_left_is_counted_and_stands_apart(place, house) -> None:
    luz = place.join("Luz")
    grants = house.call(find_person, luz).grants
    with house.database.write() as store:
        store.grants.revoke([grant.id for grant in grants], NOON)
    board = place.board()
    assert [one.account.username for one in board.left] == [luz]
    assert board.counts[PersonState.LEFT] == 1
    assert luz not in {row.account.username for row in board.rows}


def test_one_look_costs_the_same_for_many_people_and_many_who_watch(place, house) -> None:
    def count(watching) -> int:
        statements = []

        def note(*arguments) -> None:
            statements.append(arguments[2])

        engine = house.database.engine
        event.listen(engine, "before_cursor_execute", note)
        assert house.call(look_at_board, *place.at, watching) is not None
        event.remove(engine, "before_cursor_execute", note)
        return len([one for one in statements if not one.startswith("BEGIN")])

    first = place.join("Luz")
    few = count([place.ana.account_id])
    people = [first, *(place.join(f"Persona {n}") for n in range(12))]
    for name in people[:3]:
        place.start(name)
    assert count([actor_of(house, name).account_id for name in people]) == few
    assert few <= 18


def seen_by(look, actor):
    sight = look.sight_of(actor)
    return None if sight is None else look.board.within(sight)


def test_a_look_tells_each_who_watches_what_is_theirs(place, house) -> None:
    helper, learner = actor_of(house, place.helper), actor_of(house, place.join("Luz"))
    look = house.call(look_at_board, *place.at, [helper.account_id, place.ana.account_id])
    assert seen_by(look, place.ana).seats_left == 19
    assert seen_by(look, helper).seats_left is None, "the code is not theirs to show"
    assert len(seen_by(look, helper).rows) == 2
    assert seen_by(look, learner) is None
    grants = house.call(find_person, place.helper).grants
    with house.database.write() as store:
        store.grants.revoke([grant.id for grant in grants], NOON)
    later = house.call(look_at_board, *place.at, [helper.account_id])
    assert seen_by(later, helper) is None, "whatever they were when they began to watch"


# Servers


def test_the_staff_take_the_workshops_servers_and_no_others(place, house) -> None:
    luz, inés = place.join("Luz"), place.join("Inés")
    place.start(luz)
    hugo = actor_of(house, place.helper)
    assert house.call(take_servers, hugo, *place.at, luz, "restart") == (ServerKey(luz),)
    with pytest.raises(ServerNotThere):
        house.call(take_servers, hugo, *place.at, inés, "stop")
    with pytest.raises(NotFound):
        house.call(take_servers, hugo, *place.at, "ana", "stop")
    with pytest.raises(PermissionDenied):
        house.call(take_servers, actor_of(house, luz), *place.at, inés, "stop")
    other = open_taller(house, title="Otro")
    request = JoinRequest(other.learner_invite.code, "again", "Inés", username=inés)
    house.call(redeem_invite, request)
    elsewhere = StartRequest("other", ServerKey(inés), Scope("andes", other.workshop.slug))
    house.call(admit, elsewhere)
    with pytest.raises(ServerNotThere):
        house.call(take_servers, hugo, *place.at, inés, "stop")


def test_a_helper_stops_no_instructors_server(place, house) -> None:
    issued = house.call(
        issue_invite, place.ana, "andes", NewInvite(role=Role.INSTRUCTOR, workshop=place.slug)
    )
    rosa = place.join("Rosa", issued.code)
    place.start(rosa)
    with pytest.raises(PermissionDenied) as refused:
        house.call(take_servers, actor_of(house, place.helper), *place.at, rosa, "stop")
    assert refused.value.needs == "instructor"
    assert house.call(take_servers, place.ana, *place.at, rosa, "stop") == (ServerKey(rosa),)


# Rehearsals


def test_a_rehearsal_takes_no_seat_and_ends_within_a_day(place, house, clock) -> None:
    left = place.board().seats_left
    begun = house.call(begin_rehearsal, place.ana, *place.at)
    assert begun.ends_at == place.opened.workshop.ends_at, "never longer than the workshop"
    assert house.call(begin_rehearsal, place.ana, *place.at).issued.code == begun.issued.code
    tester = place.join("Prueba", begun.issued.code)
    place.join("Luz")
    board = place.board()
    marked = {row.account.username: row.is_rehearsal for row in board.rows}
    assert marked[tester]
    assert sum(marked.values()) == 1
    assert board.seats_left == left - 1, "Luz has it"
    found = house.call(attendance, place.ana, *place.at)
    assert tester not in {one.account.username for one in found.people}
    change = WorkshopChange(seats=2)
    house.call(change_workshop, place.ana, *place.at, change)
    clock.time = begun.ends_at
    assert house.call(find_person, tester).grants == ()
    assert tester not in {one.account.username for one in place.board().left}


def test_a_longer_workshop_makes_no_rehearsal_longer(place, house, clock) -> None:
    begun = house.call(begin_rehearsal, place.ana, *place.at)
    tester = place.join("Prueba", begun.issued.code)
    (session,) = place.opened.workshop.sessions
    longer = replace(session, ends_at=session.ends_at + timedelta(days=9))
    house.call(change_workshop, place.ana, *place.at, WorkshopChange(sessions=(longer,)))
    house.call(
        change_invite,
        place.ana,
        "andes",
        begun.issued.invite.id,
        InviteChange(seats=99, closes_at=longer.ends_at),
    )
    assert house.call(view_rehearsal, place.ana, *place.at).issued.invite.seats == 5
    clock.time = begun.ends_at
    assert house.call(find_person, tester).grants == ()
    assert house.call(view_rehearsal, place.ana, *place.at) is None


def test_its_list_knows_what_has_worked(place, house) -> None:
    with pytest.raises(NotFound):
        house.call(tick, place.ana, *place.at, "lesson")
    begun = house.call(begin_rehearsal, place.ana, *place.at)
    assert begun.done == frozenset()
    tester = place.join("Prueba", begun.issued.code)
    assert house.call(view_rehearsal, place.ana, *place.at).done == {Step.CODE}
    place.start(tester, runs=False)
    assert house.call(view_rehearsal, place.ana, *place.at).done == {Step.CODE}
    house.call(activate, f"of {tester}")
    house.call(tick, place.ana, *place.at, "lesson")
    done = house.call(tick, place.ana, *place.at, "language").done
    assert done == set(Step)
    with pytest.raises(ChoiceInvalid):
        house.call(tick, place.ana, *place.at, "server")
    assert house.call(end_rehearsal, place.ana, *place.at) == (tester,)
    assert house.call(end_rehearsal, place.ana, *place.at) == ()
    assert house.call(find_person, tester).grants == ()
    assert house.call(begin_rehearsal, place.ana, *place.at).done == frozenset(), "a new one"


def test_a_rehearsal_is_for_who_may_show_codes_and_before_the_end(place, house) -> None:
    for verb in (view_rehearsal, begin_rehearsal, end_rehearsal):
        with pytest.raises(PermissionDenied):
            house.call(verb, actor_of(house, place.helper), *place.at)
    house.call(close_workshop, place.ana, *place.at)
    with pytest.raises(WorkshopClosed):
        house.call(begin_rehearsal, place.ana, *place.at)


# What is drawn of it


def test_a_page_of_the_board_holds_fifty_and_the_next_begins_behind_them(
    place, house, clock
) -> None:
    add_people(house, 120, workshop=place.slug)
    board = place.board()
    first = page_of_board(board, BoardView())
    assert (first.people, len(first.rows.entries)) == (121, 50)
    assert sum(first.counts.values()) == 121, "the counts are of all"
    gone = first.rows.entries[-1].account
    with house.database.write() as store:
        grants = house.call(find_person, gone.username).grants
        store.grants.revoke([grant.id for grant in grants], NOON)
    listed, after = list(first.rows.entries), first.rows.after
    while after is not None:
        part = page_of_board(place.board(), BoardView(after=after)).rows
        listed, after = [*listed, *part.entries], part.after
    assert [row.account.id for row in listed] == [row.account.id for row in board.rows]


def test_a_board_lists_just_those_who_are_asked_for(place, house) -> None:
    add_people(house, 60, workshop=place.slug, names=60)
    stuck, other = place.join("Zoé Kamau"), place.join("zoé  kamau")
    house.call(note_trouble, stuck, "profile.not_offered")
    grants = house.call(find_person, place.helper).grants
    with house.database.write() as store:
        store.grants.revoke([grant.id for grant in grants], NOON)
    board = place.board()

    def names(**view):
        return [
            row.account.username for row in page_of_board(board, BoardView(**view)).rows.entries
        ]

    assert names(only="stuck") == [stuck]
    assert set(names(only="doubles")) == set(names(sought=" ZOÉ ")) == {stuck, other}
    assert names(sought="nobody") == []
    assert names(only="stuck", sought="nobody") == []
    left = page_of_board(board, BoardView(only="left"))
    assert left.rows.entries == ()
    assert [one.account.username for one in left.left.entries] == [place.helper]


def test_long_lists_of_hands_are_cut_and_say_so(place) -> None:
    board = place.board()
    hand = HandUp(None, board.rows[0].account)
    page = page_of_board(replace(board, hands=(hand,) * 53), BoardView())
    assert (len(page.hands), page.more_hands) == (50, 3)
