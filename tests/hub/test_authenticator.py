"""Who is let in, with which groups: the authenticator without a hub around it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from houses import actor_of, make_house, most_servers, open_taller
from hub_users import HubUser
from jupyterhub import orm
from jupyterhub.auth import Authenticator, PAMAuthenticator
from traitlets import Bool, Dict
from traitlets.config import Config

from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.identities import LinkRequest, link_identity
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import issue_bound_invite
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.return_keys import show_return_key
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.provenance import Match, Rule
from jupyterhub_communities.domain.refusals import (
    AccessEnded,
    InviteFull,
    UpstreamFailed,
    UsernameReserved,
    UsernameUnusable,
)
from jupyterhub_communities.hub.authenticator import (
    CommunityAuthenticator,
    CommunityAuthenticatorMixin,
)
from jupyterhub_communities.hub.pages import PageMixin
from jupyterhub_communities.hub.refused import SignInRefused
from jupyterhub_communities.hub.sign_in import SIGN_IN, KeySignIn
from jupyterhub_communities.hub.wrapping import with_communities


class Upstream(Authenticator):
    """Believes whom the form names, and says of them what it was configured to."""

    answers = Dict(config=True)
    refreshed = Bool(True, config=True)

    async def authenticate(self, handler, data):
        return {"name": data["username"], **self.answers}

    async def refresh_user(self, user, handler=None):
        return (
            {"name": user.name, **self.answers}
            if self.refreshed and self.answers
            else self.refreshed
        )


class OurPage(PageMixin):
    """A handler of ours, as far as the authenticator looks at one."""

    def __init__(self, *users):
        self._known = {user.name: user for user in users}

    @property
    def db(self):
        user = next(iter(self._known.values()), None) or HubUser("nobody")
        return user.db

    def find_user(self, name):
        return self._known.get(name)

    def get_secure_cookie(self, name, **more):
        return None


class ForeignPage:
    """A handler of the upstream Authenticator's."""

    def find_user(self, name):
        return None

    def get_secure_cookie(self, name, **more):
        return None


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path)
    yield house
    house.close()


def community_authenticator(house, upstream=None, **config):
    settings = Config()
    settings.Authenticator.update(config.pop("Authenticator", {}))
    settings.Upstream.update(config)
    settings.CommunityAuthenticatorMixin.house = house
    return (with_communities(upstream) if upstream else CommunityAuthenticator)(config=settings)


def sign_in(authenticator, data, handler=None):
    return asyncio.run(authenticator.get_authenticated_user(handler or OurPage(), data))


def refresh(authenticator, user):
    return asyncio.run(authenticator.refresh_user(user, None))


def learner(house, name="Rosa", **workshop):
    """An invite account: username and key."""
    opened = open_taller(house, **workshop)
    request = JoinRequest(secret=opened.learner_invite.code, attempt=f"a-{name}", name=name)
    account = house.call(redeem_invite, request).account
    return account.username, house.call(show_return_key, account.id)


def taken(house, opened) -> int:
    with house.database.read() as store:
        return store.invites.get(opened.learner_invite.invite.id).taken


# Joining


def test_joining_makes_an_account_whose_groups_and_name_reach_the_hub(house) -> None:
    opened = open_taller(house)
    request = JoinRequest(secret=opened.learner_invite.code, attempt="a", name="Rosa 李")
    model = sign_in(community_authenticator(house), {SIGN_IN: request})
    assert model["name"].startswith("rosa-")
    assert model["groups"] == ["community-andes", "community-andes.taller-de-python"]
    assert model["user_info"]["display_name"] == "Rosa 李"
    assert SIGN_IN not in model
    assert not model["admin"]


def test_a_newcomer_never_gets_the_name_of_somebody_the_hub_knows(house, monkeypatch) -> None:
    names = iter(["operator", "operator", "rosa-new"])
    monkeypatch.setattr(
        "jupyterhub_communities.hub.authenticator.derive_username", lambda *_: next(names)
    )
    request = JoinRequest(secret=open_taller(house).learner_invite.code, attempt="a", name="Rosa")
    handler = OurPage(HubUser("operator"))
    model = sign_in(community_authenticator(house), {SIGN_IN: request}, handler)
    assert model["name"] == "rosa-new"


def test_people_with_a_code_need_no_account_of_the_operating_system(house) -> None:
    authenticator = community_authenticator(house, PAMAuthenticator)
    username, _ = learner(house)
    asyncio.run(authenticator.add_user(orm.User(name=username)))
    assert authenticator.normalize_username(username) == username
    with pytest.raises(KeyError, match="nobody-of-ours"):
        asyncio.run(authenticator.add_user(orm.User(name="nobody-of-ours")))


def test_a_blocked_person_is_refused_and_nothing_is_consumed(house) -> None:
    invite = house.call(issue_bound_invite, "bea")
    authenticator = community_authenticator(house, Authenticator={"blocked_users": {"bea"}})
    request = JoinRequest(secret=invite.code, attempt="a")
    assert sign_in(authenticator, {SIGN_IN: request}) is None
    with house.database.read() as store:
        assert store.invites.get(invite.invite.id).taken == 0


def test_an_invalid_username_is_refused_and_nothing_is_consumed(house) -> None:
    opened = open_taller(house)
    authenticator = community_authenticator(house, Authenticator={"username_pattern": r"\d+"})
    request = JoinRequest(secret=opened.learner_invite.code, attempt="a", name="Rosa")
    assert sign_in(authenticator, {SIGN_IN: request}) is None
    assert taken(house, opened) == 0


def test_a_bound_code_signs_in_as_that_user_with_their_admin_flag(house) -> None:
    invite = house.call(issue_bound_invite, "operator")
    authenticator = community_authenticator(house, Authenticator={"admin_users": {"operator"}})
    model = sign_in(authenticator, {SIGN_IN: JoinRequest(secret=invite.code, attempt="a")})
    assert model["name"] == "operator"
    assert model["admin"] is True
    assert model["groups"] == []


# Return keys


def test_a_key_signs_in(house) -> None:
    username, key = learner(house)
    model = sign_in(community_authenticator(house), {SIGN_IN: KeySignIn(key)})
    assert model["name"] == username
    assert "community-andes" in model["groups"]


def test_a_key_opens_nothing_once_every_grant_has_ended(house) -> None:
    username, key = learner(house)
    house.call(remove_member, actor_of(house, "ana"), "andes", username)
    assert sign_in(community_authenticator(house), {SIGN_IN: KeySignIn(key)})["groups"] == []
    house.clock.advance(days=15)  # the days of grace are over
    with pytest.raises(AccessEnded) as refused:
        sign_in(community_authenticator(house), {SIGN_IN: KeySignIn(key)})
    assert refused.value.contact == "hola@andes.example"


def test_a_bound_user_needs_no_grant(house) -> None:
    invite = house.call(issue_bound_invite, "operator")
    request = JoinRequest(secret=invite.code, attempt="a")
    account = house.call(redeem_invite, request).account
    key = house.call(show_return_key, account.id)
    model = sign_in(community_authenticator(house), {SIGN_IN: KeySignIn(key)})
    assert model["name"] == "operator"


def test_secrets_are_not_shown_where_data_is_printed(house) -> None:
    request = JoinRequest(secret="S3CRET-CODE", attempt="S3CRET-ATTEMPT")
    assert "S3CRET" not in repr({SIGN_IN: request}) + repr(KeySignIn("S3CRET"))


# Upstream


@pytest.mark.parametrize(
    ("name", "config", "is_in"),
    [
        ("uma", {"allow_all": True}, True),
        ("uma", {"allowed_users": {"uma"}}, True),
        ("uma", {"allowed_users": {"otto"}}, False),
        ("uma", {}, False),
        ("ana", {"allowed_users": {"otto"}}, True),  # a champion: has a grant
        ("ana", {"allow_all": True, "blocked_users": {"ana"}}, False),
    ],
)
def test_upstreams_people_need_upstreams_leave_or_a_grant(house, name, config, is_in) -> None:
    authenticator = community_authenticator(house, Upstream, Authenticator=config)
    model = sign_in(authenticator, {"username": name})
    assert (model is not None) == is_in


def test_upstream_cannot_sign_in_as_an_invite_account(house) -> None:
    username, _ = learner(house)
    authenticator = community_authenticator(house, Upstream, Authenticator={"allow_all": True})
    with pytest.raises(UsernameReserved):
        sign_in(authenticator, {"username": username.upper()})


def test_on_a_page_of_upstreams_a_refusal_is_an_error_that_the_hub_can_show(house) -> None:
    username, _ = learner(house)
    authenticator = community_authenticator(house, Upstream, Authenticator={"allow_all": True})
    with pytest.raises(SignInRefused) as refused:
        sign_in(authenticator, {"username": username}, ForeignPage())
    assert refused.value.status_code == 403
    assert refused.value.jupyterhub_message == "This username belongs to somebody else."


def test_a_plain_username_signs_nobody_in_without_an_upstream(house) -> None:
    authenticator = community_authenticator(house, Authenticator={"allow_all": True})
    assert sign_in(authenticator, {"username": "ana", "password": ""}) is None


def test_a_subclass_that_lists_the_mixin_first_has_its_upstream(house) -> None:
    class Ours(CommunityAuthenticatorMixin, Upstream):
        pass

    class OursStill(Ours):
        pass

    assert Ours.upstream is OursStill.upstream is Upstream
    assert CommunityAuthenticator.upstream is None


# Groups


@pytest.mark.parametrize(
    ("managed", "answer", "before", "after"),
    [
        # Upstream manages no groups: whatever it says, the others stay as they stand.
        (False, {}, ["chemistry", "community-old"], {"chemistry"}),
        (False, {"groups": []}, ["chemistry"], {"chemistry"}),
        (False, {"groups": ["physics"]}, ["chemistry"], {"chemistry"}),
        # Upstream manages groups: the others are as it says.
        (True, {"groups": ["physics"]}, ["chemistry"], {"physics"}),
        (True, {"groups": []}, ["chemistry"], set()),
        (True, {"groups": None}, ["chemistry"], {"chemistry"}),
        (True, {"groups": ["community-selva"]}, [], set()),
    ],
)
def test_groups_of_others_stay_or_are_as_upstream_says(
    house, managed, answer, before, after
) -> None:
    config = {"allow_all": True, "manage_groups": managed}
    authenticator = community_authenticator(
        house, Upstream, Authenticator=config, answers={"auth_state": {}, **answer}
    )
    ours = {"community-andes"}
    user = HubUser("ana", before)
    model = sign_in(authenticator, {"username": "ana"}, OurPage(user))
    assert set(model["groups"]) == ours | after
    refreshed = refresh(authenticator, user)
    assert set(refreshed["groups"]) == ours | after


def test_groups_are_always_managed(house) -> None:
    config = {"manage_groups": False}
    assert community_authenticator(house, Upstream, Authenticator=config).manage_groups
    assert community_authenticator(house).manage_groups


# Refresh


def test_a_refresh_that_changes_nothing_writes_nothing(house) -> None:
    authenticator = community_authenticator(house)
    username, _ = learner(house)
    groups = ["community-andes", "community-andes.taller-de-python"]
    assert refresh(authenticator, HubUser(username, groups)) is True


def test_an_invite_account_is_answered_for_by_us(house) -> None:
    username, _ = learner(house)
    authenticator = community_authenticator(house, Upstream, refreshed=False)
    assert refresh(authenticator, HubUser(username))["groups"]
    house.call(remove_member, actor_of(house, "ana"), "andes", username)
    assert refresh(authenticator, HubUser(username)) is True, "in the days of grace"
    house.clock.advance(days=15)
    assert refresh(authenticator, HubUser(username)) is False


def test_whom_upstream_signs_out_is_out_unless_they_have_a_key(house) -> None:
    authenticator = community_authenticator(house, Upstream, refreshed=False)
    assert refresh(authenticator, HubUser("uma")) is False
    invite = house.call(issue_bound_invite, "uma")
    house.call(redeem_invite, JoinRequest(secret=invite.code, attempt="a"))
    assert refresh(authenticator, HubUser("uma")) is True


def test_somebody_whom_we_do_not_know_keeps_their_groups(house) -> None:
    assert refresh(community_authenticator(house), HubUser("uma", ["chemistry"])) is True


def test_a_champion_who_was_taken_from_the_file_loses_the_group(house) -> None:
    authenticator = community_authenticator(house)
    user = HubUser("ana", ["community-andes", "chemistry"])
    assert refresh(authenticator, user) is True
    with house.database.read() as store:
        community = store.communities.get("andes")
    house.call(
        apply_declarations, (Declaration(community, quota=most_servers(3)),), most_servers(None)
    )
    assert refresh(authenticator, user)["groups"] == ["chemistry"]


def test_the_last_seat_goes_once_even_when_both_were_looked_at_before(house) -> None:
    opened = open_taller(house, seats=1)
    authenticator = community_authenticator(house)
    code = opened.learner_invite.code

    async def both():
        return await asyncio.gather(
            *(
                authenticator.get_authenticated_user(
                    OurPage(), {SIGN_IN: JoinRequest(secret=code, attempt=str(n), name=f"N{n}")}
                )
                for n in range(2)
            ),
            return_exceptions=True,
        )

    answers = asyncio.run(both())
    assert sorted(type(answer).__name__ for answer in answers) == ["InviteFull", "dict"]
    assert taken(house, opened) == 1
    assert any(isinstance(answer, InviteFull) for answer in answers)


# What upstream may answer


class Broken(Upstream):
    """Fails as it is told."""

    failure = Dict(config=True)

    async def authenticate(self, handler, data):
        if data["username"] == "hang":
            await asyncio.sleep(60)
        if data["username"] == "crash":
            raise OSError("connection to 10.0.0.1?secret=hunter2 refused")
        return {"name": self.answers.get("name")}

    async def refresh_user(self, user, handler=None):
        raise OSError("down")


@pytest.mark.parametrize("name", [None, "", 7, "a/b", "x" * 256, ["ana"]])
def test_a_name_that_the_hub_cannot_have_is_refused(house, name) -> None:
    authenticator = community_authenticator(
        house, Broken, answers={"name": name}, Authenticator={"allow_all": True}
    )
    with pytest.raises(UsernameUnusable):
        sign_in(authenticator, {"username": "x"})


def test_upper_case_and_blanks_are_upstreams_affair_but_stay_one_person(house) -> None:
    authenticator = community_authenticator(house, Upstream, Authenticator={"allow_all": True})
    assert sign_in(authenticator, {"username": "UMA López"})["name"] == "uma lópez"


@pytest.mark.parametrize("name", ["hang", "crash"])
def test_an_upstream_that_fails_is_a_sentence_and_is_logged_once(house, name, caplog) -> None:
    authenticator = community_authenticator(house, Broken)
    authenticator.upstream_timeout = 1
    for _ in range(2):
        with pytest.raises(UpstreamFailed):
            sign_in(authenticator, {"username": name})
    said = [record for record in caplog.records if "failed" in record.getMessage()]
    assert len(said) == 1
    assert "hunter2" not in caplog.text
    assert not said[0].exc_info


def test_a_provider_that_is_down_drops_nothing(house) -> None:
    authenticator = community_authenticator(house, Broken)
    assert refresh(authenticator, HubUser("ana", ["community-andes"])) is True


# Rules


def rules_of(house, *rules, **more) -> None:
    house.settings = replace(house.settings, rules=rules, **more)


PERU = Rule("groups", Match.EQUALS, "/research/peru", "andes", role=Role.HELPER)


@pytest.mark.parametrize("managed", [True, False])
def test_claims_give_grants_and_let_in(house, managed) -> None:
    rules_of(house, PERU)
    groups = ["/research/peru", "/research/chile"]
    authenticator = community_authenticator(
        house,
        Upstream,
        Authenticator={"manage_groups": managed},
        answers={"groups": groups, "auth_state": {"oauth_user": {"groups": groups}}},
    )
    authenticator.user_auth_state_key = "oauth_user"
    model = sign_in(authenticator, {"username": "uma"})
    assert set(model["groups"]) == {"community-andes"} | (set(groups) if managed else set())
    assert not any(key.startswith("communities") for key in model)
    assert house.call(find_person, "uma").actor().role_at("andes") is Role.HELPER


def test_a_refresh_takes_what_upstream_took_and_nothing_else(house) -> None:
    rules_of(house, PERU)
    authenticator = community_authenticator(
        house, Upstream, answers={"auth_state": {"groups": ["/research/peru"]}}
    )
    opened = open_taller(house)
    sign_in(authenticator, {"username": "uma"})
    house.call(
        redeem_invite,
        JoinRequest(secret=opened.learner_invite.code, attempt="a", username="uma"),
    )
    both = {"community-andes", "community-andes.taller-de-python"}
    authenticator.answers = {"auth_state": {"other": 1}}  # the claim is missing
    assert set(refresh(authenticator, HubUser("uma"))["groups"]) == both
    assert len(house.call(find_person, "uma").grants) == 2
    authenticator.answers = {"auth_state": {"groups": []}}  # the claim is empty
    assert set(refresh(authenticator, HubUser("uma"))["groups"]) == both
    assert [grant.source.value for grant in house.call(find_person, "uma").grants] == ["invite"]


def test_a_missing_claim_is_logged_once(house, caplog) -> None:
    rules_of(house, PERU)
    authenticator = community_authenticator(
        house, Upstream, Authenticator={"allow_all": True}, answers={"auth_state": {}}
    )
    for name in ("uma", "otto", "uma"):
        sign_in(authenticator, {"username": name})
    assert caplog.text.count("no claim groups") == 1


def test_allowed_groups_of_upstream_never_meet_our_names(house) -> None:
    class Grouped(Upstream):
        """Lets in whoever is in a group, as OAuthenticator does."""

        async def check_allowed(self, username, auth_model):
            return "community-andes" in auth_model.get("groups", [])

    authenticator = community_authenticator(
        house,
        Grouped,
        Authenticator={"manage_groups": True},
        answers={"groups": ["community-andes"]},
    )
    assert sign_in(authenticator, {"username": "uma"}) is None


def test_no_list_of_upstreams_readmits_an_ended_invite_account(house) -> None:
    username, key = learner(house)
    authenticator = community_authenticator(
        house, Upstream, Authenticator={"allowed_users": {username, "uma"}}
    )
    assert authenticator.allow_existing_users
    account = house.call(find_person, username).account
    house.call(link_identity, LinkRequest(username, "uma", has_files=False))
    assert sign_in(authenticator, {"username": "uma"})["name"] == username
    house.call(remove_member, actor_of(house, "ana"), "andes", account.username)
    house.clock.advance(days=15)
    with pytest.raises(AccessEnded):
        sign_in(authenticator, {"username": "uma"})
    with pytest.raises(AccessEnded):
        sign_in(authenticator, {SIGN_IN: KeySignIn(key)})


# Which upstream


def named(house, section, wanted):
    settings = Config()
    settings.CommunityAuthenticatorMixin.house = house
    settings[section].upstream_class = wanted
    return settings


@pytest.mark.parametrize("wanted", ["dummy", "jupyterhub.auth.DummyAuthenticator", Upstream])
def test_an_upstream_is_named_by_entry_point_import_or_class(house, wanted) -> None:
    authenticator = CommunityAuthenticator(config=named(house, "CommunityAuthenticator", wanted))
    assert isinstance(authenticator, CommunityAuthenticator)
    assert authenticator.upstream.__name__ in ("DummyAuthenticator", "Upstream")
    assert isinstance(authenticator, authenticator.upstream)


def test_the_upstreams_own_traits_are_configured_as_usual(house) -> None:
    settings = named(house, "CommunityAuthenticator", "dummy")
    settings.DummyAuthenticator.password = "abc"
    assert CommunityAuthenticator(config=settings).password == "abc"


@pytest.mark.parametrize("wanted", ["no-such", "os.path", "os.no_such"])
def test_an_upstream_that_is_none_stops_the_hub(house, wanted) -> None:
    with pytest.raises((ImportError, TypeError), match=wanted):
        CommunityAuthenticator(config=named(house, "CommunityAuthenticator", wanted))
