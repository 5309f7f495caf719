"""Issuing, looking up and redeeming invites."""

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import NOON, SeededChance, actor_of, make_house, open_taller

from jupyterhub_communities.application import invites, issuing, return_keys, workshops
from jupyterhub_communities.application.ending import plan_ending
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.refusals import (
    CodeMistyped,
    InviteClosed,
    InviteFull,
    InviteNotOpen,
    InviteRedeemed,
    InviteRevoked,
    InviteTimesInvalid,
    InviteUnknown,
    NameEmpty,
    NotFound,
    PermissionDenied,
    RoleTooHigh,
)


def join(house, secret, attempt="attempt-1", name="María", **more):
    return house.call(invites.redeem_invite, JoinRequest(secret, attempt, name, **more))


def seats_taken(house, opened):
    view = house.call(
        workshops.view_workshop, actor_of(house, "ana"), "andes", opened.workshop.slug
    )
    return view.learner_invite.invite.taken


def test_redeeming_gives_an_account_a_grant_and_a_seat(house) -> None:
    opened = open_taller(house)
    joined = join(house, opened.learner_invite.code)
    person = house.call(find_person, joined.account.username)
    assert joined.is_new
    assert person.account.display_name == "María"
    assert [grant.role for grant in person.grants] == [Role.LEARNER]
    assert house.call(plan_ending, joined.account.username).groups == {
        "community-andes",
        "community-andes.taller-de-python",
    }
    assert seats_taken(house, opened) == 1


def test_the_link_opens_the_same_invite_as_the_code(house) -> None:
    opened = open_taller(house)
    by_code = house.call(invites.look_up_invite, opened.learner_invite.code)
    by_link = house.call(invites.look_up_invite, opened.learner_invite.link)
    assert by_code.invite.id == by_link.invite.id


def test_the_same_form_twice_is_one_account_and_one_seat(house) -> None:
    opened = open_taller(house)
    first = join(house, opened.learner_invite.code)
    second = join(house, opened.learner_invite.code)
    assert second.account == first.account
    assert not second.is_new
    assert seats_taken(house, opened) == 1


def test_the_attempt_opens_nothing_once_the_key_is_kept(house) -> None:
    opened = open_taller(house)
    account = join(house, opened.learner_invite.code).account
    house.call(return_keys.show_return_key, account.id)
    house.call(return_keys.confirm_return_key, account.id)
    with pytest.raises(InviteRedeemed):
        join(house, opened.learner_invite.code)
    view = house.call(invites.open_join, opened.learner_invite.code, ["attempt-1"])
    assert view.is_spent
    assert view.before is None


def test_two_people_of_one_name_get_two_accounts(house) -> None:
    opened = open_taller(house)
    one = join(house, opened.learner_invite.code, "a").account
    two = join(house, opened.learner_invite.code, "b").account
    assert one.username != two.username
    assert one.display_name == two.display_name


def test_a_derived_username_that_is_taken_is_drawn_again(house) -> None:
    opened = open_taller(house)
    one = join(house, opened.learner_invite.code, "a", proposed_username="maria-aaaaa").account
    two = join(house, opened.learner_invite.code, "b", proposed_username="maria-aaaaa").account
    assert one.username == "maria-aaaaa"
    assert two.username != one.username


def test_a_full_invite_is_refused_and_nothing_is_written(house) -> None:
    opened = open_taller(house, seats=1)
    join(house, opened.learner_invite.code, "a", "Ana")
    with pytest.raises(InviteFull) as refused:
        join(house, opened.learner_invite.code, "b", "Beto", proposed_username="beto-00000")
    assert refused.value.contact == "hola@andes.example"
    assert house.call(find_person, "beto-00000").account is None


def test_a_bad_name_spends_no_seat(house) -> None:
    opened = open_taller(house)
    with pytest.raises(NameEmpty):
        join(house, opened.learner_invite.code, name="  ")
    assert seats_taken(house, opened) == 0


@pytest.mark.parametrize("typed", ["0000-0000-0001", "nonsense", ""])
def test_a_mistyped_code_touches_no_table(tmp_path, typed) -> None:
    house = make_house(tmp_path)
    house.database.close()

    class Untouchable:
        def read(self):
            raise AssertionError("a table was touched")

        write = read

    house.database = Untouchable()
    with pytest.raises(CodeMistyped):
        house.call(invites.look_up_invite, typed)


def test_an_unknown_code_is_refused(house) -> None:
    from jupyterhub_communities.domain.codes import INVITE_CODE

    unknown = INVITE_CODE.draw(SeededChance(99).choice)
    with pytest.raises(InviteUnknown):
        house.call(invites.look_up_invite, unknown)


def test_a_code_closes_with_the_last_session(house, clock) -> None:
    opened = open_taller(house)
    clock.advance(hours=3)
    with pytest.raises(InviteClosed):
        join(house, opened.learner_invite.code)


def test_a_code_that_is_not_open_yet_says_when_in_the_workshops_zone(house) -> None:
    opened = open_taller(house)
    later = house.call(
        issuing.issue_invite,
        actor_of(house, "ana"),
        "andes",
        NewInvite(workshop=opened.workshop.slug, opens_at=NOON + timedelta(hours=1)),
    )
    with pytest.raises(InviteNotOpen) as refused:
        join(house, later.code)
    assert refused.value.opens_at == NOON + timedelta(hours=1)
    assert refused.value.zone == "America/Lima"


def test_a_code_never_closes_before_it_opens(house) -> None:
    with pytest.raises(InviteTimesInvalid):
        house.call(
            issuing.issue_invite,
            actor_of(house, "ana"),
            "andes",
            NewInvite(opens_at=NOON, closes_at=NOON),
        )


def test_a_revoked_code_opens_nothing_and_those_who_are_in_stay(house) -> None:
    opened = open_taller(house)
    account = join(house, opened.learner_invite.code).account
    invite = opened.learner_invite.invite
    house.call(issuing.revoke_invite, actor_of(house, "ana"), "andes", invite.id)
    with pytest.raises(InviteRevoked):
        join(house, opened.learner_invite.code, "another")
    assert house.call(find_person, account.username).grants


def test_a_signed_in_person_joins_as_themselves_and_only_once(house) -> None:
    first = open_taller(house)
    second = open_taller(house, title="Taller de R")
    account = join(house, first.learner_invite.code).account
    for attempt in ("x", "y"):
        joined = join(house, second.learner_invite.code, attempt, "", username=account.username)
        assert joined.account.id == account.id
    assert len(house.call(find_person, account.username).grants) == 2
    assert seats_taken(house, second) == 1


def test_somebody_of_the_same_name_is_noticed(house) -> None:
    opened = open_taller(house)
    code = opened.learner_invite.code
    join(house, code, "first", name="María")
    assert house.call(invites.open_join, code, ["second"], name="MARÍA ").is_name_known
    assert not house.call(invites.open_join, code, ["second"], name="Mario").is_name_known


def test_a_form_that_was_sent_twice_is_not_taken_for_somebody_of_the_same_name(house) -> None:
    code = open_taller(house).learner_invite.code
    join(house, code, "first", name="María")
    assert not house.call(invites.open_join, code, ["first"], name="María").is_name_known


def test_a_bound_code_gives_a_hub_user_a_key_once(house) -> None:
    issued = house.call(issuing.issue_bound_invite, "operator")
    account = join(house, issued.code, "a", "").account
    assert account.username == "operator"
    assert house.call(return_keys.show_return_key, account.id)
    with pytest.raises(InviteRedeemed):
        join(house, issued.code, "b", "")


def test_a_bound_code_leaves_the_old_key_working_until_the_new_one_is_kept(house) -> None:
    first = house.call(issuing.issue_bound_invite, "operator")
    account = join(house, first.code, "a", "").account
    old = house.call(return_keys.show_return_key, account.id)
    house.call(return_keys.confirm_return_key, account.id)
    second = house.call(issuing.issue_bound_invite, "operator")
    join(house, second.code, "b", "")
    new = house.call(return_keys.show_return_key, account.id)
    assert house.call(return_keys.find_person_by_key, old).account.id == account.id
    house.call(return_keys.confirm_return_key, account.id)
    with pytest.raises(return_keys.KeyUnknown):
        house.call(return_keys.find_person_by_key, old)
    assert house.call(return_keys.find_person_by_key, new).account.id == account.id


@pytest.mark.parametrize("role", list(Role))
def test_nobody_grants_a_role_above_their_own(house, role) -> None:
    opened = open_taller(house)
    helpers = house.call(
        issuing.issue_invite, actor_of(house, "ana"), "andes", NewInvite(role=Role.INSTRUCTOR)
    )
    account = join(house, helpers.code).account
    instructor = actor_of(house, account.username)
    issue = (issuing.issue_invite, instructor, "andes")
    if role > Role.INSTRUCTOR:
        with pytest.raises(RoleTooHigh):
            house.call(*issue, NewInvite(role=role, workshop=opened.workshop.slug))
    else:
        house.call(*issue, NewInvite(role=role, workshop=opened.workshop.slug))


def test_a_code_of_an_operator_who_has_an_account_and_no_role_lets_staff_in(house) -> None:
    """As one has who came in by a bound code, or once chose a language."""
    bound = house.call(issuing.issue_bound_invite, "olga")
    join(house, bound.code, username="olga")
    operator = replace(actor_of(house, "olga"), is_operator=True)
    assert operator.account_id is not None
    issued = house.call(
        issuing.issue_invite, operator, "andes", NewInvite(role=Role.CHAMPION, seats=1)
    )
    joined = join(house, issued.code)
    assert actor_of(house, joined.account.username).role_at("andes") is Role.CHAMPION


def test_a_learner_issues_no_code_and_a_stranger_learns_nothing(house) -> None:
    opened = open_taller(house)
    learner = actor_of(house, join(house, opened.learner_invite.code).account.username)
    with pytest.raises(PermissionDenied):
        house.call(issuing.issue_invite, learner, "andes")
    with pytest.raises(NotFound):
        house.call(
            issuing.show_invite, Actor(account_id=None), "andes", opened.learner_invite.invite.id
        )


def test_what_a_workshop_invite_grants_ends_30_days_after_it(house, clock) -> None:
    account = join(house, open_taller(house).learner_invite.code).account
    clock.advance(days=30)
    assert house.call(find_person, account.username).grants
    clock.advance(hours=3)
    assert not house.call(find_person, account.username).grants


def test_secrets_are_not_in_any_repr(house) -> None:
    issued = open_taller(house).learner_invite
    request = JoinRequest(issued.code, "attempt", "María")
    for shown in (repr(issued), repr(request)):
        assert issued.code not in shown
        assert issued.link not in shown


def test_no_secret_is_readable_in_the_database(house, tmp_path) -> None:
    issued = open_taller(house).learner_invite
    account = join(house, issued.code).account
    key = house.call(return_keys.show_return_key, account.id)
    house.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("communities.sqlite*"))
    for secret in (issued.code, issued.code.replace("-", ""), issued.link, key.replace("-", "")):
        assert secret.encode() not in stored
