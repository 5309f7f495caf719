"""Doubles: marked on the board, the empty one retired, its seat given back."""

from __future__ import annotations

import pytest
from houses import actor_of, open_taller

from jupyterhub_communities.application.doubles import retire_double, view_double
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.return_keys import (
    confirm_return_key,
    find_person_by_key,
    show_return_key,
)
from jupyterhub_communities.application.workshops import view_workshop
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.refusals import (
    AccountUsed,
    InviteRedeemed,
    KeyUnknown,
    NotADouble,
    NotFound,
    PermissionDenied,
)


class Place:
    """A workshop with one seat left, and a helper; María has joined twice."""

    def __init__(self, house) -> None:
        self.house = house
        self.opened = open_taller(house, seats=3)
        self.slug = self.opened.workshop.slug
        self.first = self.join("María Quispe", "one")
        self.second = self.join("maría  quispe", "two")
        self.other = self.join("Rosa", "three")
        issued = house.call(
            issue_invite,
            actor_of(house, "ana"),
            "andes",
            NewInvite(role=Role.HELPER, workshop=self.slug),
        )
        self.helper = self.join("Hugo", "helper", issued.code)

    def join(self, name, attempt, code=None):
        request = JoinRequest(code or self.opened.learner_invite.code, attempt, name)
        return self.house.call(redeem_invite, request).account

    def start_server(self, account) -> None:
        request = StartRequest(
            lease_id=f"lease {account.username}", server=ServerKey(account.username, "")
        )
        self.house.call(admit, request)

    def view(self):
        return self.house.call(view_workshop, actor_of(self.house, "ana"), "andes", self.slug)

    def row(self, account):
        return next(row for row in self.view().board if row.account.id == account.id)

    def seats_left(self) -> int:
        return self.view().learner_invite.invite.seats_left

    def retire(self, account, *, by=None):
        actor = actor_of(self.house, (by or self.helper).username)
        return self.house.call(retire_double, actor, "andes", self.slug, account.username)


@pytest.fixture
def place(house):
    return Place(house)


def test_the_board_marks_doubles_and_the_empty_ones(place) -> None:
    place.start_server(place.first)
    first, second, other = map(place.row, (place.first, place.second, place.other))
    assert (first.is_double, first.is_empty) == (True, False)
    assert (second.is_double, second.is_empty) == (True, True)
    assert (other.is_double, other.is_empty) == (False, False)


def test_retiring_the_empty_one_gives_its_seat_back(house, place) -> None:
    key = house.call(show_return_key, place.second.id)
    house.call(confirm_return_key, place.second.id)
    assert place.seats_left() == 0
    place.retire(place.second)
    assert place.seats_left() == 1
    assert not house.call(find_person, place.second.username).grants
    with pytest.raises(KeyUnknown):
        house.call(find_person_by_key, key)
    assert not place.row(place.first).is_double
    place.join("Nueva", "four")


def test_the_device_of_a_retired_account_is_told_to_sign_in_with_the_key(place) -> None:
    place.retire(place.second)
    with pytest.raises(InviteRedeemed):
        place.join("maría quispe", "two")
    assert place.seats_left() == 1


def test_an_account_that_ever_had_a_server_is_never_retired(house, place) -> None:
    place.start_server(place.second)
    for verb in (view_double, retire_double):
        actor = actor_of(house, place.helper.username)
        with pytest.raises(AccountUsed):
            house.call(verb, actor, "andes", place.slug, place.second.username)
    assert place.seats_left() == 0


def test_an_account_without_a_double_is_never_retired(place) -> None:
    with pytest.raises(NotADouble):
        place.retire(place.other)
    place.retire(place.second)
    with pytest.raises(NotADouble):
        place.retire(place.first)


def test_an_account_that_is_more_than_a_learner_here_is_never_retired(house, place) -> None:
    code = open_taller(house, title="Otro").learner_invite.code
    house.call(redeem_invite, JoinRequest(code, "again", username=place.second.username))
    with pytest.raises(NotADouble):
        place.retire(place.second)


def test_learners_retire_nobody_and_strangers_are_not_found(place) -> None:
    with pytest.raises(PermissionDenied):
        place.retire(place.second, by=place.first)
    place.retire(place.second)
    with pytest.raises(NotFound):
        place.retire(place.second)
