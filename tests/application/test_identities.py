"""Linking an account to an upstream identity, and taking the link away."""

from __future__ import annotations

import pytest
from houses import actor_of, open_taller

from jupyterhub_communities.application.identities import (
    LinkRequest,
    account_behind,
    check_link,
    link_identity,
    linked_identities,
    unlink_identities,
)
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import issue_bound_invite
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.members import set_role
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.provenance import sync_idp_grants
from jupyterhub_communities.application.return_keys import confirm_return_key, show_return_key
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.provenance import Place, Wanted
from jupyterhub_communities.domain.refusals import (
    IdentityHasFiles,
    IdentityLinked,
    LinkNotPossible,
    UnlinkNeedsKey,
    UsernameReserved,
)


@pytest.fixture
def rosa(house):
    return join(house, "Rosa")


def join(house, name):
    opened = open_taller(house)
    request = JoinRequest(secret=opened.learner_invite.code, attempt=f"a-{name}", name=name)
    return house.call(redeem_invite, request).account


def upstream_person(house, username):
    """Somebody who has signed in through upstream and joined as themselves."""
    opened = open_taller(house)
    request = JoinRequest(
        secret=opened.learner_invite.code, attempt=f"a-{username}", username=username
    )
    return house.call(redeem_invite, request).account


def link(house, username, subject, *, has_files=False):
    house.call(link_identity, LinkRequest(username, subject, has_files))


def test_a_linked_identity_opens_the_account(house, rosa) -> None:
    assert house.call(account_behind, "rosa@github") is None
    link(house, rosa.username, "rosa@github")
    assert house.call(account_behind, "rosa@github").username == rosa.username
    assert house.call(linked_identities, rosa.username) == ["rosa@github"]


def test_without_a_link_a_name_alone_opens_no_invite_account(house, rosa) -> None:
    with pytest.raises(UsernameReserved):
        house.call(account_behind, rosa.username)


def test_an_identity_opens_one_account_only(house, rosa) -> None:
    other = join(house, "Otra")
    link(house, rosa.username, "shared")
    link(house, rosa.username, "shared")  # again: nothing happens
    with pytest.raises(IdentityLinked):
        link(house, other.username, "shared")


@pytest.mark.parametrize("who", ["hub", "lease"])
def test_an_identity_with_files_of_its_own_is_refused(house, rosa, who) -> None:
    account = upstream_person(house, "uma")
    if who == "lease":
        house.call(admit, StartRequest("l" * 32, ServerKey(account.username, "")))
    with pytest.raises(IdentityHasFiles):
        house.call(check_link, LinkRequest(rosa.username, "uma", has_files=who == "hub"))
    with pytest.raises(IdentityHasFiles):
        link(house, rosa.username, "uma", has_files=who == "hub")
    assert house.call(account_behind, "uma").username == "uma"


def test_an_identity_without_files_brings_its_grants_along(house, rosa) -> None:
    upstream_person(house, "uma")
    house.call(set_role, actor_of(house, "ana"), "andes", "uma", Role.INSTRUCTOR)
    link(house, rosa.username, "uma")
    assert house.call(find_person, rosa.username).actor().role_at("andes") is Role.INSTRUCTOR
    assert not house.call(find_person, "uma").grants


def test_people_with_a_key_of_their_own_are_not_merged(house, rosa) -> None:
    invite = house.call(issue_bound_invite, "carla")
    house.call(redeem_invite, JoinRequest(secret=invite.code, attempt="c"))
    with pytest.raises(IdentityLinked):
        link(house, rosa.username, "carla")


def test_an_upstream_account_has_nothing_to_link(house, rosa) -> None:
    upstream_person(house, "uma")
    for username, subject in (("uma", "other"), (rosa.username, rosa.username)):
        with pytest.raises(LinkNotPossible):
            link(house, username, subject)


def test_unlinking_needs_a_kept_key(house, rosa) -> None:
    link(house, rosa.username, "rosa@github")
    with pytest.raises(UnlinkNeedsKey):
        house.call(unlink_identities, rosa.username)
    house.call(show_return_key, rosa.id)
    house.call(confirm_return_key, rosa.id)
    house.call(unlink_identities, rosa.username)
    assert house.call(account_behind, "rosa@github") is None


# What upstream's claims give


def test_what_upstream_gives_and_takes_is_its_own(house, rosa) -> None:
    helper = Place("andes", None, Role.HELPER)
    house.call(sync_idp_grants, rosa.username, Wanted(frozenset({helper})))
    house.call(sync_idp_grants, rosa.username, Wanted(frozenset({helper})))
    grants = house.call(find_person, rosa.username).grants
    assert sorted(grant.source.value for grant in grants) == ["idp", "invite"]
    house.call(sync_idp_grants, rosa.username, Wanted())
    grants = house.call(find_person, rosa.username).grants
    assert [grant.source.value for grant in grants] == ["invite"]


def test_somebody_new_to_us_gets_an_account_only_with_a_grant(house) -> None:
    house.call(sync_idp_grants, "uma", Wanted())
    assert house.call(find_person, "uma").account is None
    nowhere = Place("nowhere", None, Role.LEARNER)
    house.call(sync_idp_grants, "uma", Wanted(frozenset({nowhere})))
    assert house.call(find_person, "uma").account is None
    place = Place("andes", None, Role.LEARNER)
    house.call(sync_idp_grants, "uma", Wanted(frozenset({place, nowhere})))
    assert [g.community for g in house.call(find_person, "uma").grants] == ["andes"]
