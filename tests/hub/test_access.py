"""Ends of access at the Hub's door, and how seldom the upstream provider hears of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from houses import actor_of, make_house, open_taller
from hub_users import HubUser
from jupyterhub.auth import Authenticator
from traitlets import Int
from traitlets.config import Config

from jupyterhub_communities.application.ending import (
    block_person,
    resume_community,
    suspend_community,
    unblock_person,
)
from jupyterhub_communities.application.erasure import erase_me
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import issue_bound_invite
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.return_keys import show_return_key
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.provenance import Match, Rule
from jupyterhub_communities.domain.refusals import (
    AccessBlocked,
    AccessEnded,
    AccessErased,
    CommunitySuspended,
    OutsideCommunities,
)
from jupyterhub_communities.hub.pages import PageMixin
from jupyterhub_communities.hub.sign_in import SIGN_IN, KeySignIn
from jupyterhub_communities.hub.wrapping import with_communities

OPERATOR = Actor(None, is_operator=True)


class Counting(Authenticator):
    """Believes whom the form names, and counts how often it is asked about somebody again."""

    asked = Int()

    async def authenticate(self, handler, data):
        return {
            "name": data["username"],
            "auth_state": {"groups": data.get("groups", [])},
        }

    async def refresh_user(self, user, handler=None):
        self.asked += 1
        return True


class OurPage(PageMixin):
    def __init__(self):
        pass

    def find_user(self, name):
        return None

    def get_secure_cookie(self, name, **more):
        return None


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path)
    yield house
    house.close()


def authenticator_of(house, **traits):
    config = Config()
    config.Authenticator.update({"allow_all": True, **traits})
    config.CommunityAuthenticatorMixin.house = house
    return with_communities(Counting)(config=config)


def sign_in(authenticator, data):
    return asyncio.run(authenticator.get_authenticated_user(OurPage(), data))


def refresh(authenticator, user):
    answer = asyncio.run(authenticator.refresh_user(user, None))
    return answer if isinstance(answer, bool) else True


def learner(house) -> tuple[str, str]:
    request = JoinRequest(open_taller(house).learner_invite.code, "a", "Luz")
    account = house.call(redeem_invite, request).account
    return account.username, house.call(show_return_key, account.id)


def refuse_outside(house) -> None:
    house.settings = replace(house.settings, admits_outside=False)


# How often upstream is asked


@pytest.mark.parametrize(
    ("configured", "ours", "after", "asked"),
    [
        (300, 30, 299, 0),
        (300, 30, 300, 1),
        (20, 20, 20, 1),
        (3600, 30, 400, 0),
        (0, 30, 10_000, 0),  # switched off: upstream is never asked
    ],
)
def test_upstream_is_asked_no_more_often_than_the_operator_says(
    house, monkeypatch, configured, ours, after, asked
) -> None:
    authenticator = authenticator_of(house, auth_refresh_age=configured)
    assert authenticator.auth_refresh_age == ours
    sign_in(authenticator, {"username": "uma"})
    began = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: began + after)
    user = HubUser("uma", refreshed=began)
    assert refresh(authenticator, user) is True
    assert refresh(authenticator, user) is True
    assert authenticator.asked == asked


def test_a_refresh_before_a_start_is_upstreams_too(house) -> None:
    authenticator = authenticator_of(house)
    sign_in(authenticator, {"username": "uma"})
    refresh(authenticator, HubUser("uma", refreshed=time.monotonic()))
    assert authenticator.asked == 1


def test_after_a_restart_of_the_hub_upstream_is_asked_once(house) -> None:
    authenticator = authenticator_of(house)
    refresh(authenticator, HubUser("uma", refreshed=None))
    refresh(authenticator, HubUser("uma", refreshed=None))
    assert authenticator.asked == 1


# Who is let in, and who stays


def test_a_block_ends_the_session_and_every_way_in(house) -> None:
    authenticator = authenticator_of(house)
    luz, key = learner(house)
    code = open_taller(house, title="Otro").learner_invite.code
    house.call(block_person, OPERATOR, luz)
    assert refresh(authenticator, HubUser(luz, refreshed=None)) is False
    assert authenticator.asked == 0
    for asked in (KeySignIn(key), JoinRequest(code, "b", username=luz)):
        with pytest.raises(AccessBlocked) as refused:
            sign_in(authenticator, {SIGN_IN: asked})
        assert refused.value.contact == "hola@andes.example"
    house.call(unblock_person, OPERATOR, luz)
    assert sign_in(authenticator, {SIGN_IN: KeySignIn(key)})["name"] == luz


@pytest.mark.parametrize("username", ["uma", "root"])
def test_whom_upstream_would_let_in_is_blocked_too(house, username) -> None:
    authenticator = authenticator_of(house, admin_users={"root"})
    house.call(block_person, OPERATOR, username)
    with pytest.raises(AccessBlocked):
        sign_in(authenticator, {"username": username})
    assert (
        refresh(authenticator, HubUser(username, admin=username == "root", refreshed=None)) is False
    )


def test_a_suspended_community_lets_nobody_in_and_keeps_the_rest(house) -> None:
    authenticator = authenticator_of(house)
    luz, key = learner(house)
    house.call(suspend_community, OPERATOR, "andes", "mining")
    assert refresh(authenticator, HubUser(luz, refreshed=None)) is False
    with pytest.raises(CommunitySuspended):
        sign_in(authenticator, {SIGN_IN: KeySignIn(key)})
    assert sign_in(authenticator, {"username": "uma"})["groups"] == []
    house.call(resume_community, OPERATOR, "andes")
    assert "community-andes" in sign_in(authenticator, {SIGN_IN: KeySignIn(key)})["groups"]


def test_who_is_being_erased_comes_in_no_more(house) -> None:
    authenticator = authenticator_of(house)
    luz, key = learner(house)
    house.call(erase_me, luz, luz)
    with pytest.raises(AccessErased):
        sign_in(authenticator, {SIGN_IN: KeySignIn(key)})


# People of the hub who belong to no community


def test_where_they_are_refused_a_code_or_a_claim_still_lets_them_in(house) -> None:
    refuse_outside(house)
    house.settings = replace(
        house.settings, rules=(Rule("groups", Match.EQUALS, "peru", "andes", None, Role.LEARNER),)
    )
    authenticator = authenticator_of(house)
    with pytest.raises(OutsideCommunities):
        sign_in(authenticator, {"username": "uma"})
    assert house.call(find_person, "uma").account is None, "nothing is written for a refused person"
    assert sign_in(authenticator, {"username": "uma", "groups": ["peru"]})["groups"]
    code = open_taller(house).learner_invite.code
    assert sign_in(authenticator, {SIGN_IN: JoinRequest(code, "a", username="otto")})["groups"]


def test_a_claim_for_a_suspended_community_lets_nobody_in(house) -> None:
    refuse_outside(house)
    house.settings = replace(
        house.settings, rules=(Rule("groups", Match.EQUALS, "peru", "andes", None, Role.LEARNER),)
    )
    authenticator = authenticator_of(house)
    sign_in(authenticator, {"username": "uma", "groups": ["peru"]})
    house.call(suspend_community, OPERATOR, "andes", "mining")
    with pytest.raises(CommunitySuspended):
        sign_in(authenticator, {"username": "uma", "groups": ["peru"]})
    house.call(resume_community, OPERATOR, "andes")
    sign_in(authenticator, {"username": "uma", "groups": ["peru"]})
    assert len(house.call(find_person, "uma").grants) == 1, "given once"


def test_admins_of_the_hub_need_no_community(house) -> None:
    refuse_outside(house)
    authenticator = authenticator_of(house, admin_users={"root"})
    assert sign_in(authenticator, {"username": "root"})["name"] == "root"
    assert refresh(authenticator, HubUser("root", admin=True, refreshed=None)) is True
    assert refresh(authenticator, HubUser("uma", refreshed=None)) is False


def test_a_key_without_a_community_opens_nothing_where_a_community_is_needed(house) -> None:
    code = house.call(issue_bound_invite, "uma").code
    authenticator = authenticator_of(house)
    sign_in(authenticator, {SIGN_IN: JoinRequest(code, "a")})
    key = house.call(show_return_key, house.call(find_person, "uma").account.id)
    assert sign_in(authenticator, {SIGN_IN: KeySignIn(key)})["name"] == "uma"
    refuse_outside(house)
    with pytest.raises(OutsideCommunities):
        sign_in(authenticator, {SIGN_IN: KeySignIn(key)})


def test_an_upstream_member_keeps_the_days_of_grace_where_a_community_is_needed(house) -> None:
    refuse_outside(house)
    authenticator = authenticator_of(house, allow_all=False)
    code = open_taller(house).learner_invite.code
    sign_in(authenticator, {SIGN_IN: JoinRequest(code, "a", username="uma")})
    house.call(remove_member, actor_of(house, "ana"), "andes", "uma")
    assert sign_in(authenticator, {"username": "uma"})["groups"] == []
    house.clock.advance(days=15)
    with pytest.raises(AccessEnded):
        sign_in(authenticator, {"username": "uma"})
