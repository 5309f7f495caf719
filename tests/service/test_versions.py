"""Versions in the API: what is known already is not sent again, and nobody undoes a change unseen."""

from __future__ import annotations

import pytest
from houses import andes, most_servers

from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.domain.grants import Role


@pytest.fixture
def things(world):
    """Path → the changes of two people, who both have looked at it before."""
    taller = world.opened.workshop.slug
    learner = world.usernames[Role.LEARNER]
    return {
        "me": ("PATCH", {"language": "es"}, {"language": "fr"}),
        "communities/andes": ("PATCH", {"shows_people": True}, {"shows_people": False}),
        f"communities/andes/members/{learner}": ("PUT", {"role": "helper"}, {"role": "instructor"}),
        f"communities/andes/workshops/{taller}": ("PATCH", {"reserved": True}, {"reserved": False}),
        f"communities/andes/invites/{world.opened.learner_invite.invite.id}": (
            "PATCH",
            {"seats": 3},
            {"seats": 4},
        ),
        f"communities/andes/quotas?workshop={taller}": (
            "PUT",
            {"workshop": taller, "limits": {"servers": "2"}},
            {"workshop": taller, "limits": {"servers": "1"}},
        ),
    }


async def test_of_two_changes_to_one_version_the_second_is_refused_and_nothing_is_lost(
    call, world, things
) -> None:
    world.house.call(apply_declarations, (andes(servers=None),), most_servers(None))
    for path, (method, first, second) in things.items():
        _, _, seen = await call("GET", path)
        tag = {"If-Match": seen["Etag"]}
        at = path.partition("?")[0]
        status, changed, headers = await call(method, at, body=first, headers=tag)
        assert status == 200, (path, changed)
        status, problem, _ = await call(method, at, body=second, headers=tag)
        assert (status, problem["code"]) == (412, "version.outdated"), path
        _, now, later = await call("GET", path)
        for key in first:
            if key in now and key != "reserved":
                assert now[key] == first[key], "the first change stands"
        # Whoever looks again, or goes on from the answer to their own change, may change it.
        assert later["Etag"].partition(".")[0] == headers["Etag"].partition(".")[0]
        both = {"If-Match": f'"other", {headers["Etag"]}'}
        assert (await call(method, at, body=second, headers=both))[0] == 200
        assert (await call(method, at, body=first))[0] == 200, "without a version as ever"
        assert (await call(method, at, body=second, headers={"If-Match": "*"}))[0] == 200


@pytest.mark.parametrize("tag", ['"x"', "x", "", 'W/"x"', ","])
async def test_a_tag_that_names_no_version_changes_nothing(call, things, tag) -> None:
    for path, (method, first, _) in things.items():
        found = await call(method, path.partition("?")[0], body=first, headers={"If-Match": tag})
        assert (found[0], found[1]["code"]) == (412, "version.outdated")


async def test_a_weak_tag_is_no_promise(call, world) -> None:
    path = f"communities/andes/members/{world.usernames[Role.LEARNER]}"
    _, _, seen = await call("GET", path)
    weak = {"If-Match": f"W/{seen['Etag']}"}
    assert (await call("PUT", path, body={"role": "helper"}, headers=weak))[0] == 412


async def test_what_ends_is_compared_too(call, world) -> None:
    path = f"communities/andes/members/{world.usernames[Role.LEARNER]}"
    _, _, before = await call("GET", path)
    await call("PUT", path, body={"role": "helper"})
    _, _, after = await call("GET", path)
    old, new = ({"If-Match": seen["Etag"]} for seen in (before, after))
    assert (await call("DELETE", path, headers=old))[0] == 412
    assert (await call("GET", path))[0] == 200
    assert (await call("DELETE", path, headers=new))[0] == 204
    _, me, seen = await call("GET", "me", token="helper")
    await call("PATCH", "me", token="helper", body={"language": "ar"})
    body, tag = {"username": me["username"]}, {"If-Match": seen["Etag"]}
    assert (await call("DELETE", "me", token="helper", body=body, headers=tag))[0] == 412
    assert (await call("GET", "me", token="helper"))[0] == 200


async def test_a_seat_that_is_taken_outdates_no_change(call, world) -> None:
    issued = world.opened.learner_invite
    path = f"communities/andes/invites/{issued.invite.id}"
    _, before, seen = await call("GET", path)
    world.house.call(redeem_invite, JoinRequest(issued.code, "r", "Rosa"))
    _, after, _ = await call("GET", path, headers={"If-None-Match": seen["Etag"]})
    assert after["taken"] == before["taken"] + 1, "it is another representation"
    tag = {"If-Match": seen["Etag"]}
    assert (await call("PATCH", path, body={"seats": 20}, headers=tag))[0] == 200


async def test_what_is_compared_nowhere_is_not_done_for_a_version(call, world) -> None:
    path = f"communities/andes/invites/{world.opened.learner_invite.invite.id}"
    _, _, seen = await call("GET", path)
    for tag, status in ((seen["Etag"], 412), ("*", 200)):
        assert (await call("POST", f"{path}/revoke", headers={"If-Match": tag}))[0] == status


async def test_what_is_known_already_is_not_sent_again(call, things) -> None:
    for path in [*things, "communities", "communities/andes/members", "openapi.json"]:
        _, _, seen = await call("GET", path)
        tag = seen["Etag"]
        assert tag.startswith('"')
        status, nothing, headers = await call("GET", path, headers={"If-None-Match": tag})
        assert (status, nothing, headers["Etag"]) == (304, None, tag), path
        assert (await call("GET", path, headers={"If-None-Match": '"other"'}))[0] == 200
