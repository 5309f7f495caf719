"""The operator's pages, and what many communities, people and workshops cost them and the others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from houses import actor_of, andes, most_servers, open_taller
from newcomers import add_people
from sqlalchemy import event
from visiting import Visitor

from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import SERVERS

OPERATOR = Actor(account_id=None, is_operator=True)
NEW = {
    "name": "La Costa",
    "slug": "costa",
    "language": "es",
    "champions": "mar rio",
    "contact": "hola@costa.example",
}


@pytest.fixture
def visit(service):
    return Visitor(service, who="operator").read


async def test_a_community_is_founded_on_a_form_that_is_drawn_again_when_wrong(
    visit, world
) -> None:
    page = "hub/communities/new"
    assert (await visit(page))[0] == 200
    for field, value, said in (
        ("slug", "La Costa", "Please write a short name of small letters"),
        ("slug", "andes", "The short name andes is taken."),
        ("name", " ", "Please write a name in at least one language"),
        ("language", "klingon!", "klingon! is not a language tag."),
        ("champions", "", "A community needs at least one champion."),
    ):
        code, text = await visit(page, data={**NEW, field: value})
        assert (code in (400, 409), said in text) == (True, True), (field, code)
        assert "hola@costa.example" in text, "nothing that was typed is lost"
    world.hub.other_groups = {"community-costa"}
    code, text = await visit(page, data=NEW)
    assert code == 409
    assert "The hub has a group called community-costa already" in text
    world.hub.other_groups = set()
    assert (await visit(page, data=NEW))[0] == 303
    assert world.hub.groups["rio"] == {"community-costa"}
    assert actor_of(world.house, "mar").role_at("costa") is Role.CHAMPION


async def test_the_operator_appoints_suspends_and_archives_on_a_communitys_page(
    visit, world
) -> None:
    await visit("hub/communities/new", data=NEW)
    page = "hub/communities/costa"
    code, text = await visit(page)
    assert code == 200
    assert "Limits: try and set them" in text
    assert (await visit(page, data={"action": "appoint", "username": " "}))[0] == 400
    assert (await visit(page, data={"action": "appoint", "username": "luna"}))[0] == 303
    assert world.hub.groups["luna"] == {"community-costa"}
    for because in ("", "  ", "x" * 501):
        code, text = await visit(page, data={"action": "suspend", "because": because})
        assert (code, "Please write a text" in text) == (400, True), "the trail says why"
    assert f'value="{because}"' in text
    assert (await visit(page, data={"action": "suspend", "because": "x"}))[0] == 303
    assert "Suspended since" in (await visit(page))[1]
    assert (await visit(page, data={"action": "archive"}))[0] == 303
    assert 'id="archived"' in (await visit("hub"))[1]
    assert (await visit(page, data={"action": "resume"}))[0] == 303
    assert 'id="archived"' not in (await visit("hub"))[1]
    code, text = await visit("hub/communities/andes")
    assert "The operator’s file names this community" in text
    assert 'value="archive"' not in text
    assert (await visit("hub/communities/andes", data={"action": "archive"}))[0] == 409
    for one in ("hub", page, "hub/communities/new"):
        code, text = await visit(one, who="champion")
        assert code == 403
        assert "Only the operator of this hub may do this." in text


async def test_the_hub_page_says_who_is_over_and_where_nobody_acts(visit, world) -> None:
    world.house.call(admit, StartRequest("one", ServerKey("ana"), profile="small"))
    assert "Over the limit" not in (await visit("hub"))[1]
    declared = andes(servers=0, champions=())
    world.house.call(apply_declarations, (declared,), most_servers(None))
    _, text = await visit("hub")
    assert "Over the limit" in text
    assert 'id="missing"' in text
    assert "It answers at once." in text


async def test_the_operators_api_does_the_same(call, world) -> None:
    body = {"slug": "costa", "names": {"es": "La Costa"}, "champions": ["mar"]}
    status, made, headers = await call("POST", "communities", token="operator", body=body)
    assert (status, made["declared"]) == (201, False)
    assert headers["Location"].endswith("/api/v1/communities/costa")
    assert (await call("POST", "communities", body=body))[0] == 403
    assert (await call("POST", "communities", token="operator", body=body))[0] == 409
    status, _, _ = await call("PUT", "communities/costa/champions/luna", token="operator")
    assert status == 200
    status, found, _ = await call("GET", "hub", token="operator")
    assert status == 200
    costa = next(one for one in found["communities"] if one["slug"] == "costa")
    assert costa["champions"] == ["luna", "mar"]
    assert {one["name"] for one in found["timers"]} == {"metering", "ends", "audit"}
    status, archived, _ = await call("POST", "communities/costa/archive", token="operator")
    assert archived["archived_at"]


def found_many(house, number: int) -> None:
    """Communities that own, lend and spend, beside `andes`."""
    quota = Quota({SERVERS: Limit(share=Share(3, None, None))})
    with house.database.write() as store:
        for n in range(number):
            store.communities.save(andes(slug=f"c{n:03}").community, house.clock.now())
            store.limits.set_quota(Scope(f"c{n:03}"), quota)


async def test_2000_people_and_200_workshops_cost_no_more_statements_than_20(visit, world) -> None:
    house, engine = world.house, world.house.database.engine
    learner = world.usernames[Role.LEARNER]
    pages = [
        ("communities/andes", "champion", 20),
        ("communities/andes/people", "champion", 10),
        ("communities/andes/people?q=rosa", "champion", 10),
        (f"communities/andes/people/{learner}", "champion", 12),
        ("communities/andes/settings", "champion", 8),
        ("communities/andes/leave", "learner", 8),
        ("hub", "operator", 25),
        ("hub/communities/andes", "operator", 15),
    ]

    async def counts() -> dict[str, int]:
        statements: list[str] = []

        def note(*arguments) -> None:
            statements.append(arguments[2])

        found = {}
        for path, who, _ in pages:
            statements.clear()
            event.listen(engine, "before_cursor_execute", note)
            code, text = await visit(path, who=who)
            event.remove(engine, "before_cursor_execute", note)
            assert code == 200, path
            assert len(text.encode()) < 400_000, path
            found[path] = len([s for s in statements if not s.startswith("BEGIN")])
        return found

    add_people(house, 20)
    found_many(house, 2)
    few = await counts()
    for path, _, most in pages:
        assert few[path] <= most, (path, few[path])
    add_people(house, 2000, begin=20)
    found_many(house, 60)
    for number in range(200):
        open_taller(house, title=f"Taller {number}", starts_in=timedelta(days=1 + number))
    assert await counts() == few
