"""Long lists of the API, a page at a time: all of it, each entry once, whatever happens meanwhile."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from houses import actor_of, open_taller
from newcomers import add_people
from sqlalchemy import Engine, event

from jupyterhub_communities.application import invites, issuing, waiting
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.application.notices import notify
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.notices import KEY_APPROVED


@pytest.fixture
def walk(call):
    """The pages of a list, by the links that they give."""

    async def walk(path, limit=2, **more):
        pages, query = [], f"?limit={limit}"
        while True:
            status, page, headers = await call("GET", path + query, **more)
            assert status == 200, page
            pages.append(page)
            link = headers.get("Link")
            if link is None:
                return pages
            address = link.removeprefix("<").removesuffix('>; rel="next"')
            assert address.partition("?")[0].endswith(f"/api/v1/{path}")
            query = "?" + address.partition("?")[2]

    return walk


async def test_every_list_is_given_whole_by_pages(call, walk, world) -> None:
    house = world.house
    taller = world.opened.workshop.slug
    for name in ("Ana", "Bo", "Che"):
        request = JoinRequest(world.opened.learner_invite.code, name, name)
        house.call(invites.redeem_invite, request)
        open_taller(house, title=name)
        by_hand = NewInvite(workshop=taller, is_by_hand=True)
        issued = house.call(issuing.issue_invite, actor_of(house, "ana"), "andes", by_hand)
        house.call(waiting.wait_in_line, JoinRequest(issued.code, name, name))
        with house.database.write() as store:
            ana = store.accounts.by_username("ana")
            notify(house.desk(), store, ana.id, KEY_APPROVED, by=name)
    _, batch, _ = await call(
        "POST", "communities/andes/batches", body={"names": ["Luz", "Sol", "Paz", "Luz"]}
    )
    for path, key in (
        ("communities/andes/members", "username"),
        ("communities/andes/workshops", "slug"),
        ("communities/andes/invites", "id"),
        (f"communities/andes/workshops/{taller}/board", "username"),
        (f"communities/andes/workshops/{taller}/waiting", "id"),
        (f"communities/andes/batches/{batch[0]['batch']}", "id"),
        ("communities/andes/audit", None),
        ("me/notices", "id"),
    ):
        (whole,) = await walk(path, limit=200)
        pages = await walk(path)
        assert len(pages) > 1, path
        assert [entry for page in pages for entry in page] == whole, path
        assert all(len(page) == 2 for page in pages[:-1])
        if key is not None:
            assert len({entry[key] for entry in whole}) == len(whole)
    (communities,) = await walk("communities", token="operator")
    assert await walk("communities", limit=1, token="operator") == [[one] for one in communities]


async def test_what_is_added_or_gone_meanwhile_shifts_nothing(call, world) -> None:
    path = "communities/andes/workshops"
    for number in range(5):
        open_taller(world.house, title=f"Mapas {number}")
        world.house.clock.advance(minutes=1)
    _, first, headers = await call("GET", f"{path}?limit=2")
    open_taller(world.house, title="Newer")
    query = headers["Link"].partition("?")[2].partition(">")[0]
    _, second, _ = await call("GET", f"{path}?{query}")
    assert [one["slug"] for one in first + second] == ["mapas-4", "mapas-3", "mapas-2", "mapas-1"]


async def test_who_belongs_to_one_workshop_finds_it_and_no_other(call, world) -> None:
    rosa = world.house.call(
        invites.redeem_invite, JoinRequest(world.opened.learner_invite.code, "x", "Rosa")
    ).account.username
    world.tokens["rosa"] = world.model(rosa)
    open_taller(world.house, title="Mapas")
    _, found, _ = await call("GET", "communities/andes/workshops", token="rosa")
    assert [one["slug"] for one in found] == [world.opened.workshop.slug]


async def test_two_thousand_people_cost_as_much_as_two(call, walk, world) -> None:
    statements: list[str] = []

    def count(_connection, _cursor, statement, parameters, *_more) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    async def cost() -> int:
        statements.clear()
        await call("GET", "communities/andes/members?limit=50")
        return len(statements)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        few = await cost()
        add_people(world.house, 2000)
        assert await cost() == few
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    pages = await walk("communities/andes/members", limit=200)
    assert [len(page) for page in pages[:-1]] == [200] * 10
    everybody = [member for page in pages for member in page]
    assert len({member["username"] for member in everybody}) == len(everybody) == 2004
    ranks = [-Role.from_label(member["role"]) for member in everybody]
    assert ranks == sorted(ranks)
    helpers = [member["display_name"] for member in everybody if member["role"] == "helper"]
    assert helpers == sorted(helpers, key=str.casefold)
    assert len((await call("GET", "communities/andes/members"))[1]) == 100, "unless asked for more"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=", "after=x", "after="]
)
async def test_a_page_that_there_is_not_is_refused(call, query) -> None:
    status, problem, _ = await call("GET", f"communities/andes/members?{query}")
    assert (status, problem["code"]) == (400, "page.invalid")


async def test_a_page_of_one_list_is_none_of_another_and_names_nobody(call, world) -> None:
    _, _, headers = await call("GET", "communities/andes/members?limit=1")
    assert "ana" not in headers["Link"].partition("?")[2]
    after = headers["Link"].partition("after=")[2].partition(">")[0]
    status, problem, _ = await call("GET", f"communities/andes/invites?after={after}")
    assert (status, problem["code"]) == (400, "page.invalid")
    broken = quote(after[:-8] + "AAAAAAAA")
    assert (await call("GET", f"communities/andes/members?after={broken}"))[0] == 400
