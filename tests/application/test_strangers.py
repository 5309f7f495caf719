"""What a stranger can learn from an answer, and what a clock that steps back changes."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta

import pytest
from houses import actor_of, open_taller
from sqlalchemy import event

from jupyterhub_communities.application import invites, issuing, return_keys, workshops
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.domain.codes import INVITE_CODE, RETURN_KEY
from jupyterhub_communities.domain.refusals import InviteRedeemed, Refusal


@contextmanager
def statements(house):
    said: list[str] = []

    def note(connection, cursor, statement, *more):
        said.append(statement)

    event.listen(house.database.engine, "before_cursor_execute", note)
    yield said
    event.remove(house.database.engine, "before_cursor_execute", note)


def codes_that_open_nothing(house) -> dict[str, str]:
    ana = actor_of(house, "ana")
    closed, revoked = open_taller(house, title="Uno"), open_taller(house, title="Dos")
    house.call(workshops.close_workshop, ana, "andes", closed.workshop.slug)
    house.call(issuing.revoke_invite, ana, "andes", revoked.learner_invite.invite.id)
    community_wide = house.call(issuing.issue_invite, ana, "andes")
    house.call(issuing.revoke_invite, ana, "andes", community_wide.invite.id)
    return {
        "unknown": INVITE_CODE.draw(lambda symbols: "Z"),
        "closed": closed.learner_invite.code,
        "revoked": revoked.learner_invite.code,
        "revoked, of the whole community": community_wide.code,
    }


def test_unknown_closed_and_revoked_codes_take_the_same_statements(house) -> None:
    asked = {}
    for name, code in codes_that_open_nothing(house).items():
        with statements(house) as asked[name], pytest.raises(Refusal):
            house.call(invites.look_up_invite, code)
    assert len(asked["unknown"]) == 2, "BEGIN, and the invite with its place"
    for name, said in asked.items():
        assert said == asked["unknown"], name


def test_a_mistyped_code_or_key_takes_no_statement(house) -> None:
    with statements(house) as said:
        for verb, typed in (
            (invites.look_up_invite, "0000-0000-0001"),
            (return_keys.find_person_by_key, "0000-0000-0000-0001"),
        ):
            with pytest.raises(Refusal):
                house.call(verb, typed)
    assert said == []


def test_an_unknown_key_takes_one_statement(house) -> None:
    with statements(house) as said, pytest.raises(Refusal):
        house.call(return_keys.find_person_by_key, RETURN_KEY.draw(lambda symbols: "Z"))
    assert len(said) == 2, "BEGIN, and the account"


# The clock


def join(house, code):
    return house.call(invites.redeem_invite, JoinRequest(code, "attempt", "María")).account


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(hours=2)])
def test_a_kept_key_ends_its_attempt_although_the_clock_steps_back(house, clock, back) -> None:
    opened = open_taller(house, starts_in=timedelta(hours=-5), lasts=timedelta(hours=9))
    account = join(house, opened.learner_invite.code)
    house.call(return_keys.show_return_key, account.id)
    clock.time -= back
    house.call(return_keys.confirm_return_key, account.id)
    view = house.call(invites.open_join, opened.learner_invite.code, ["attempt"])
    assert view.is_spent
    assert view.before is None
    with pytest.raises(InviteRedeemed):
        join(house, opened.learner_invite.code)


def test_who_has_just_joined_stays_in_although_the_clock_steps_back(house, clock) -> None:
    opened = open_taller(house)
    account = join(house, opened.learner_invite.code)
    clock.advance(minutes=-4)
    (grant,) = house.call(find_person, account.username).grants
    assert grant.holds(clock.now())
