"""Lost keys: told as a number, approved by somebody of theirs, used in one browser."""

from __future__ import annotations

import pytest
from houses import actor_of, andes, make_house, open_taller

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.key_requests import (
    approve_key,
    ask_for_key,
    find_approved_account,
    use_approval,
    view_asked_key,
)
from jupyterhub_communities.application.notices import list_notices, put_notice_away
from jupyterhub_communities.application.return_keys import (
    confirm_return_key,
    find_person_by_key,
    show_return_key,
    use_return_key,
)
from jupyterhub_communities.application.trail import view_trail
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.refusals import (
    InviteRedeemed,
    KeyApprovalRefused,
    KeyRequestUnknown,
    KeyUnknown,
    NotFound,
    PermissionDenied,
)


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, communities=(andes(), andes(slug="brasil", champions=("bia",))))
    yield house
    house.close()


class Place:
    """A workshop with a helper, and Maria, who has kept a key."""

    def __init__(self, house) -> None:
        self.house = house
        self.opened = open_taller(house)
        self.slug = self.opened.workshop.slug
        self.maria = self.join("María")
        self.key = house.call(show_return_key, self.maria.id)
        house.call(confirm_return_key, self.maria.id)
        self.helper = self.staff("Hugo", Role.HELPER, self.slug)

    def join(self, name, code=None):
        request = JoinRequest(code or self.opened.learner_invite.code, f"attempt {name}", name)
        return self.house.call(redeem_invite, request).account

    def staff(self, name, role, workshop=None):
        issued = self.house.call(
            issue_invite,
            actor_of(self.house, "ana"),
            "andes",
            NewInvite(role=role, workshop=workshop),
        )
        return self.join(name, issued.code)

    def approve(self, number, *, who=None, by=None, workshop=..., has_hub_role=False):
        return self.house.call(
            approve_key,
            by or actor_of(self.house, self.helper.username),
            "andes",
            self.slug if workshop is ... else workshop,
            (who or self.maria).username,
            number,
            has_hub_role=has_hub_role,
        )

    def ask(self, browser="browser") -> str:
        return self.house.call(ask_for_key, browser).number

    def kept(self, key, *, sign_ins_end) -> None:
        assert self.house.call(use_return_key, key) is sign_ins_end


@pytest.fixture
def place(house):
    return Place(house)


# The way


def test_a_lost_key_is_replaced_in_the_browser_that_asked(house, place) -> None:
    number = place.ask()
    assert len(number) == 6
    place.approve(f"{number[:3]} {number[3:]}")
    asked = house.call(view_asked_key, "browser")
    assert (asked.account.id, asked.approved_by) == (place.maria.id, "Hugo")
    assert house.call(find_approved_account, "browser").id == place.maria.id
    house.call(use_approval, "browser")
    new = house.call(show_return_key, place.maria.id, "browser")
    assert new not in (None, place.key)
    assert house.call(find_person_by_key, place.key).account.id == place.maria.id, (
        "until the new is kept"
    )
    assert house.call(confirm_return_key, place.maria.id, "browser") is True
    with pytest.raises(KeyUnknown):
        house.call(find_person_by_key, place.key)
    assert house.call(find_person_by_key, new).account.id == place.maria.id


def test_the_new_key_is_shown_in_no_other_browser_and_kept_from_none(house, place) -> None:
    place.approve(place.ask())
    house.call(use_approval, "browser")
    for other in (None, "another"):
        assert house.call(show_return_key, place.maria.id, other) is None
        assert house.call(confirm_return_key, place.maria.id, other) is False
    assert house.call(find_person_by_key, place.key).account.id == place.maria.id


def test_typing_the_new_key_is_keeping_it(house, place) -> None:
    place.approve(place.ask())
    house.call(use_approval, "browser")
    new = house.call(show_return_key, place.maria.id, "browser")
    place.kept(place.key, sign_ins_end=False)
    place.kept(new, sign_ins_end=True)
    place.kept(new, sign_ins_end=False)
    with pytest.raises(KeyUnknown):
        house.call(find_person_by_key, place.key)


def test_a_key_that_was_never_confirmed_works_until_the_new_one_is_kept(house, place) -> None:
    rosa = place.join("Rosa")
    old = house.call(show_return_key, rosa.id)  # photographed, and no button pressed
    place.approve(place.ask(), who=rosa)
    house.call(use_approval, "browser")
    assert house.call(find_person_by_key, old).account.id == rosa.id
    with pytest.raises(InviteRedeemed):  # the form of the old device gives no key any more
        place.join("Rosa")
    assert house.call(confirm_return_key, rosa.id, "browser") is True


def test_sign_ins_end_also_where_the_first_key_was_never_seen(house, place) -> None:
    rosa = place.join("Rosa")
    place.approve(place.ask(), who=rosa)
    house.call(use_approval, "browser")
    assert house.call(confirm_return_key, rosa.id, "browser") is True


def test_a_first_key_ends_nothing(house, place) -> None:
    rosa = place.join("Rosa")
    house.call(show_return_key, rosa.id)
    assert house.call(confirm_return_key, rosa.id) is False


def test_sending_the_forms_twice_changes_nothing(house, place) -> None:
    assert place.ask() == place.ask()
    number = place.ask()
    place.approve(number)
    place.approve(number)
    assert len(house.call(list_notices, place.maria.username)) == 1
    house.call(use_approval, "browser")
    first = house.call(show_return_key, place.maria.id, "browser")
    house.call(use_approval, "browser")  # the answer was lost on its way
    assert house.call(show_return_key, place.maria.id, "browser") == first


# Numbers


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abc def", "9" * 1_000_000])
def test_a_wrong_number_is_refused(house, place, typed) -> None:
    place.ask()
    with pytest.raises(KeyRequestUnknown):
        place.approve(typed)


def test_a_number_in_the_digits_of_any_script_is_read(house, place) -> None:
    number = place.ask()
    arabic = "".join(chr(ord("٠") + int(digit)) for digit in number)
    assert place.approve(arabic).id == place.maria.id


def test_a_number_lives_fifteen_minutes(house, place) -> None:
    number = place.ask()
    house.clock.advance(minutes=15)
    with pytest.raises(KeyRequestUnknown):
        place.approve(number)
    assert not house.call(view_asked_key, "browser").is_alive


def test_what_was_approved_ends_fifteen_minutes_after_the_number(house, place) -> None:
    number = place.ask()
    house.clock.advance(minutes=14)
    place.approve(number)
    house.clock.advance(minutes=1)
    for verb in (find_approved_account, use_approval):
        with pytest.raises(KeyRequestUnknown):
            house.call(verb, "browser")


def test_what_was_approved_opens_for_the_browser_that_asked_and_once(house, place) -> None:
    place.approve(place.ask())
    with pytest.raises(KeyRequestUnknown):
        house.call(find_approved_account, "another")
    house.call(use_approval, "browser")
    house.call(confirm_return_key, place.maria.id, "browser")
    with pytest.raises(KeyRequestUnknown):
        house.call(find_approved_account, "browser")


def test_an_approved_number_is_for_one_person(house, place) -> None:
    number = place.ask()
    place.approve(number)
    with pytest.raises(KeyRequestUnknown):
        place.approve(number, who=place.join("Rosa"))
    assert house.call(view_asked_key, "browser").account.id == place.maria.id


def test_two_people_who_ask_at_once_see_different_numbers(house, place) -> None:
    assert len({place.ask(f"browser {number}") for number in range(200)}) == 200


def test_old_requests_are_forgotten(house, place) -> None:
    place.ask()
    house.clock.advance(days=1, minutes=1)
    place.ask("another")
    assert house.call(view_asked_key, "browser") is None


# Who may


def test_nobody_approves_for_people_who_are_more_than_learners_but_those_above(house, place):
    number = place.ask()
    instructor = place.staff("Inti", Role.INSTRUCTOR)
    for by in (place.helper, instructor):
        with pytest.raises(KeyApprovalRefused) as refused:
            place.approve(number, who=place.helper, by=actor_of(house, by.username))
        assert refused.value.needs == "champion"
    champion = actor_of(house, "ana")
    with pytest.raises(KeyApprovalRefused) as refused:
        place.approve(number, who=house.call(find, "ana"), by=champion, workshop=None)
    assert refused.value.needs == "operator"
    assert place.approve(number, who=place.helper, by=champion, workshop=None).id == place.helper.id


def test_somebody_with_a_role_on_the_hub_needs_the_operator(house, place) -> None:
    number = place.ask()
    for by in (None, actor_of(house, "ana")):
        with pytest.raises(KeyApprovalRefused) as refused:
            place.approve(number, by=by, has_hub_role=True)
        assert refused.value.needs == "operator"
    operator = Actor(account_id=None, is_operator=True)
    place.approve(number, by=operator, has_hub_role=True)
    assert house.call(view_asked_key, "browser").approved_by is None


def test_somebody_who_also_belongs_elsewhere_needs_a_champion(house, place) -> None:
    number = place.ask()
    other = open_taller(house, title="Otro")
    request = JoinRequest(other.learner_invite.code, "continue", username=place.maria.username)
    house.call(redeem_invite, request)
    with pytest.raises(KeyApprovalRefused) as refused:
        place.approve(number)
    assert refused.value.needs == "champion"
    place.approve(number, by=actor_of(house, "ana"))


def test_nobody_approves_for_people_of_another_community(house, place) -> None:
    number = place.ask()
    with pytest.raises(NotFound):
        place.approve(number, by=actor_of(house, "bia"))
    with pytest.raises(NotFound):
        place.approve(number, who=house.call(find, "bia"))


def test_a_learner_approves_for_nobody(house, place) -> None:
    number = place.ask()
    rosa = place.join("Rosa")
    for who in (rosa, place.maria):
        with pytest.raises(PermissionDenied):
            place.approve(number, who=who, by=actor_of(house, rosa.username))


# What stays of it


def test_it_is_audited_as_what_it_is_without_the_number(house, place) -> None:
    number = place.ask()
    place.approve(number)
    entry = house.call(view_trail, actor_of(house, "ana"), "andes").entries[0]
    assert (entry.actor, entry.action) == (place.helper.id, "return-key:approve")
    assert (entry.subject, entry.community) == (f"account/{place.maria.id}", "andes")
    assert number not in str(entry)


def test_the_person_has_a_notice_until_they_put_it_away(house, place) -> None:
    place.approve(place.ask())
    (notice,) = house.call(list_notices, place.maria.username)
    assert (notice.kind, notice.data) == ("key.approved", {"by": "Hugo"})
    house.call(put_notice_away, place.helper.username, notice.id)  # not theirs
    assert house.call(list_notices, place.maria.username)
    house.call(put_notice_away, place.maria.username, notice.id)
    assert not house.call(list_notices, place.maria.username)


def find(desk, username):
    with desk.database.read() as store:
        return store.accounts.by_username(username)
