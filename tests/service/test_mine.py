"""My account: what its page shows, and each of its verbs by the API."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from houses import actor_of, open_taller
from sql_statements import counted
from sqlalchemy import select
from tornado.httpclient import AsyncHTTPClient

from jupyterhub_communities.application.identities import LinkRequest, link_identity
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.mine import view_mine
from jupyterhub_communities.application.people import ensure_account
from jupyterhub_communities.application.return_keys import (
    confirm_return_key,
    find_person_by_key,
    show_return_key,
)
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.metering import Bucket
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import KeyUnknown
from jupyterhub_communities.domain.units import SERVER_TIME
from jupyterhub_communities.i18n.messages import use_zone
from jupyterhub_communities.storage.tables import audit

MONTH = timedelta(days=30)


@pytest.fixture
def luz(world):
    """Who joined the workshop with its code, for a month, and has kept her key."""
    world.opened_slug = world.opened.workshop.slug
    wanted = NewInvite(workshop=world.opened_slug, lasts=MONTH)
    issued = world.house.call(issue_invite, actor_of(world.house, "ana"), "andes", wanted)
    joined = world.house.call(redeem_invite, JoinRequest(issued.code, "luz", "Luz"))
    account = joined.account
    world.tokens["luz"] = world.model(account.username)
    world.key = world.house.call(show_return_key, account.id)
    world.house.call(confirm_return_key, account.id)
    return account


@pytest.fixture
def me(call):
    async def me(method, path="", *, token="luz", body=None):
        return await call(method, f"me{path}", token=token, body=body)

    return me


async def test_the_day_on_which_access_ends_is_that_of_the_hub(service, world, luz) -> None:
    """At noon of UTC it is tomorrow already where the hub is."""
    use_zone("Pacific/Kiritimati")
    try:
        page = await page_of(service, "luz")
    finally:
        use_zone("UTC")
    assert "You have access until April 2, 2026." in page


async def test_my_page_asks_as_often_with_many_workshops(service, world, luz) -> None:
    def asked() -> int:
        with counted(world.house) as statements:
            world.house.call(view_mine, luz.username)
        return len(statements)

    few = asked()
    for number in range(12):
        opened = open_taller(world.house, title=f"Otro {number}")
        request = JoinRequest(
            opened.learner_invite.code, f"luz {number}", "", username=luz.username
        )
        world.house.call(redeem_invite, request)
    assert asked() == few
    mine = world.house.call(view_mine, luz.username)
    assert len(mine.places[0].workshops) == 13


async def page_of(service, token, language="en"):
    answer = await AsyncHTTPClient().fetch(
        f"{service}me",
        headers={"Authorization": f"token {token}", "Accept-Language": language},
        raise_error=False,
    )
    return answer.body.decode()


def actions(world, account_id):
    query = select(audit.c.action).where(audit.c.actor == account_id).order_by(audit.c.id)
    with world.house.database.engine.connect() as connection:
        return list(connection.execute(query).scalars())


async def test_the_page_says_where_one_belongs_until_when_and_what_one_can_do(
    service, world, luz
) -> None:
    hour = datetime(2026, 3, 1, 9, tzinfo=UTC)
    place = Scope("andes", world.opened_slug)
    with world.house.database.write() as store:
        charged = Scope(place.community, place.workshop, luz.id)
        store.usage.add({Bucket(hour, charged, "small"): {SERVER_TIME: 3 * 3600}})
    page = await page_of(service, "luz")
    for said in (
        world.opened.workshop.title,
        "You have access until April 1, 2026.",
        "You can take your files along until April 15, 2026.",
        "In the last 30 days: 3 server hours.",
        'href="/hub/key"',
        'action="/services/communities/me/sign-out"',
        'href="/hub/spawn?opt-rescue=yes"',
        'href="/services/communities/communities/andes/leave"',
        'href="/services/communities/api/v1/me/export"',
        "What stays, without your name",
    ):
        assert said in page
    assert 'href="/hub/link"' not in page, "this hub knows no other way in"


async def test_the_account_is_linked_where_the_hub_has_another_way_in(service, world, luz) -> None:
    world.house.settings = replace(world.house.settings, has_upstream=True)
    assert 'href="/hub/link"' in await page_of(service, "luz")
    with world.house.database.write() as store:
        ensure_account(world.house.desk(), store, "rosa")
    world.tokens["rosa"] = world.model("rosa")
    upstream = await page_of(service, "rosa")
    assert "Your access does not end by itself." in upstream
    assert "It has no return key." in upstream
    assert "/hub/link" not in upstream
    assert "/hub/key" not in upstream


async def test_the_same_by_the_api(me, world, luz) -> None:
    _, found, _ = await me("GET")
    assert found["access_until"].startswith("2026-04-01")
    assert found["files_until"].startswith("2026-04-15")
    assert found["erased_at"] is None, "the community keeps people without end"
    _, workshops, _ = await me("GET", "/workshops")
    assert [one["slug"] for one in workshops] == [world.opened_slug]
    assert workshops[0]["sessions"]
    status, usage, _ = await me("GET", "/usage")
    assert (status, usage["amounts"]) == (200, {})


async def test_signing_out_everywhere_is_the_hubs_to_do_and_stands_in_the_trail(
    service, me, world, luz
) -> None:
    assert (await me("DELETE", "/sign-ins"))[0] == 204
    answer = await AsyncHTTPClient().fetch(
        f"{service}me/sign-out",
        method="POST",
        body="",
        headers={"Authorization": "token luz"},
        raise_error=False,
        follow_redirects=False,
    )
    assert (answer.code, answer.headers["Location"]) == (303, "/hub/logout")
    assert world.hub.signed_out == [luz.username] * 2
    assert actions(world, luz.id)[-2:] == ["account:sign-out"] * 2
    world.hub.away_for = {luz.username}
    assert (await me("DELETE", "/sign-ins"))[0] == 502


async def test_a_key_is_replaced_and_the_one_before_works_until_the_new_one_is_kept(
    me, world, luz
) -> None:
    status, found, _ = await me("POST", "/return-key")
    assert status == 200
    new = found["return_key"]
    for key in (world.key, new):
        assert world.house.call(find_person_by_key, key).account.id == luz.id
    assert world.house.call(show_return_key, luz.id) is None, "no other browser is shown it"

    unlike, problem, _ = await me("PUT", "/return-key", body={"return_key": new[:-1]})
    assert (unlike, problem["code"]) == (400, "key.mistyped")
    assert world.hub.signed_out == []
    assert (await me("PUT", "/return-key", body={"return_key": new}))[0] == 204
    assert (await me("PUT", "/return-key", body={"return_key": new}))[0] == 204
    assert world.hub.signed_out == [luz.username], "once"
    with pytest.raises(KeyUnknown):
        world.house.call(find_person_by_key, world.key)


async def test_nobody_elses_key_is_said_to_be_kept(me, call, world, luz) -> None:
    _, found, _ = await call("POST", "me/return-key", token="helper")
    status, problem, _ = await me("PUT", "/return-key", body=found)
    assert (status, problem["code"]) == (403, "key.unknown")


async def test_who_has_no_key_cannot_replace_it(call, world) -> None:
    status, problem, _ = await call("POST", "me/return-key", token="operator")
    assert (status, problem["code"]) == (409, "key.not_needed")


async def test_a_linked_account_is_unlinked_where_a_key_is_kept(me, call, world, luz) -> None:
    helper = world.usernames[Role.HELPER]
    world.house.call(link_identity, LinkRequest(helper, "hugo@github", has_files=False))
    status, problem, _ = await call("DELETE", "me/identities", token="helper")
    assert (status, problem["code"]) == (409, "identity.needs_key")
    world.house.call(link_identity, LinkRequest(luz.username, "luz@github", has_files=False))
    assert (await me("GET", "/identities"))[1] == [{"subject": "luz@github"}]
    assert (await me("DELETE", "/identities"))[0] == 204
    assert (await me("GET", "/identities"))[1] == []
    for token in ("luz", "operator"):  # who has none, or not even an account
        assert (await call("DELETE", "me/identities", token=token))[0] == 204


async def test_a_retention_period_says_when_the_account_is_erased(call, world) -> None:
    issued = world.house.call(
        issue_invite, actor_of(world.house, "bia"), "brasil", NewInvite(lasts=MONTH)
    )
    joined = world.house.call(redeem_invite, JoinRequest(issued.code, "rui", "Rui")).account
    with world.house.database.write() as store:
        found = store.communities.get("brasil")
        store.communities.save(replace(found, retention_days=90), world.house.clock.now())
    world.tokens["rui"] = world.model(joined.username)
    _, mine, _ = await call("GET", "me", token="rui")
    assert mine["erased_at"].startswith("2026-06-30")
