"""Personal codes for a list of names, on both databases: many cost as few statements as two."""

from __future__ import annotations

import pytest
from houses import actor_of, andes, issue_names, make_house, open_taller
from sql_statements import counted
from transactions import writing

from jupyterhub_communities.application import batches, codes, workshops
from jupyterhub_communities.application.heirs import hand_on_invites
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.waiting import view_lines, wait_in_line
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.paging import Page
from jupyterhub_communities.domain.refusals import InviteByHand
from jupyterhub_communities.storage.tables import audit, invites, notices

NAMES = [
    "Zoé",
    "ángel",
    "Ana",
    "ana",
    "日本",
    "Bo",
    "Bo",
    "فاطمة",
    "Ñusta",
    'O"; --',
    "Ana \U0001f600",
]


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, communities=(andes(champions=("ana", "sol")),))
    yield house
    house.close()


@pytest.fixture
def ana(house):
    return actor_of(house, "ana")


@pytest.fixture
def taller(house):
    return open_taller(house)


def issue(house, ana, taller, names, **more):
    wanted = NewInvite(workshop=taller.workshop.slug, **more)
    return issue_names(house, ana, "andes", names, wanted)


def many(count: int) -> list[str]:
    return [f"Persona {number:05}" for number in range(count)]


def entries(house, action: str) -> list:
    with house.database.engine.connect() as connection:
        return connection.execute(audit.select().where(audit.c.action == action)).all()


def subjects(house, action: str) -> list[str]:
    return [row.subject for row in entries(house, action)]


def test_a_batch_is_written_as_a_single_code_is(house, ana, taller) -> None:
    """In one statement, and to the letter what one of its own would be."""
    drawn = issue(house, ana, taller, NAMES)
    one = house.call(issue_invite, ana, "andes", NewInvite(workshop=taller.workshop.slug, seats=1))
    with house.database.engine.connect() as connection:
        rows = {row.id: row._mapping for row in connection.execute(invites.select())}
    single = rows[one.invite.id]
    own = {"id", "batch", "label", "kind", "code_digest", "code_sealed", "link_digest"}
    for kept in drawn.kept:
        row = rows[kept.id]
        assert (row["label"], row["batch"], row["kind"]) == (kept.label, drawn.id, "personal")
        assert row["link_sealed"] == kept.secrets.link_sealed
        for name in row.keys() - own - {"link_sealed"}:
            assert row[name] == single[name], name
    assert sorted(row["label"] for row in rows.values() if row["batch"]) == sorted(NAMES)
    told = {row.subject: row for row in entries(house, "invite:issue")}
    assert set(told) > {f"invite/{kept.id}" for kept in drawn.kept}
    alike = told[f"invite/{one.invite.id}"]
    for kept in drawn.kept:
        row = told[f"invite/{kept.id}"]
        assert (row.at, row.actor, row.community, row.before, row.after) == (
            alike.at,
            alike.actor,
            alike.community,
            alike.before,
            alike.after,
        )


def test_each_code_opens_what_it_says(house, ana, taller) -> None:
    drawn = issue(house, ana, taller, NAMES)
    for name, code in zip(NAMES, drawn.codes, strict=True):
        if name != 'O"; --':
            joined = house.call(redeem_invite, JoinRequest(code, code, name))
            assert joined.account.display_name == name
    left = house.call(batches.page_of_batch, ana, "andes", drawn.id, Page()).entries
    assert [one.invite.label for one in left] == ['O"; --']


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_are_the_whole_and_so_are_the_slips(house, ana, taller, limit) -> None:
    drawn = issue(house, ana, taller, NAMES)
    with writing(house.database) as connection:  # as an erasure leaves it, with a free seat
        connection.execute(
            invites.update().where(invites.c.id == drawn.kept[3].id).values(label=None)
        )
    found, page = [], Page(limit)
    while True:
        part = house.call(batches.page_of_batch, ana, "andes", drawn.id, page)
        found += part.entries
        if part.after is None:
            break
        page = Page(limit, part.after)
    assert sorted(one.code for one in found) == sorted(drawn.codes)
    slips = house.call(batches.view_slips, ana, "andes", drawn.id, first=1)
    assert list(slips.shown) == found
    rest = house.call(batches.view_slips, ana, "andes", drawn.id, first=4)
    assert (list(rest.shown), rest.last) == (found[3:], len(NAMES))


def test_ten_thousand_cost_the_statements_of_two(house, ana, taller) -> None:
    def cost(verb, *asked) -> int:
        with counted(house) as statements:
            house.call(verb, *asked)
        return len(statements)

    costs = []
    for count in (2, 10_000):
        drawn = house.call(batches.draw_batch, many(count))
        wanted = NewInvite(workshop=taller.workshop.slug)
        batch = ("andes", drawn.id)
        costs.append(
            [
                cost(batches.issue_batch, ana, "andes", drawn, wanted),
                cost(batches.page_of_batch, ana, *batch, Page(200)),
                cost(codes.view_codes, ana, "andes", taller.workshop.slug),
                cost(workshops.view_workshop, ana, "andes", taller.workshop.slug),
                cost(batches.release_batch, ana, *batch),
            ]
        )
    assert costs[0] == costs[1]
    assert max(costs[0]) < 16, costs
    assert len(subjects(house, "invite:revoke")) == 10_002
    seen = house.call(codes.view_codes, ana, "andes", taller.workshop.slug).batches
    assert {batch.size for batch in seen} == {2, 10_000}


def test_a_champion_who_leaves_hands_a_batch_on_whole(house, ana, taller) -> None:
    learners = issue(house, ana, taller, many(1_000))
    staff = issue(house, ana, taller, many(3), role=Role.HELPER)
    sol = actor_of(house, "sol")
    with house.database.write() as store:  # the file names them: their end is the file's
        for grant in store.grants.of_community("andes", house.clock.now()):
            if grant.account_id == ana.account_id:
                store.grants.revoke([grant.id], house.clock.now())

    def hand_on(desk) -> None:
        with desk.database.write() as store:
            hand_on_invites(desk, store, ana.account_id)

    with counted(house) as statements:
        house.call(hand_on)
    assert len(statements) < 40
    with house.database.engine.connect() as connection:
        rows = connection.execute(invites.select()).all()
        told = connection.execute(notices.select()).all()
    assert {row.made_by for row in rows if row.batch == learners.id} == {sol.account_id}
    assert {row.closes_at for row in rows if row.batch == staff.id} == {house.clock.now()}
    assert len(told) == 2, "one for the batch, one for the workshop's own code"
    inherited = subjects(house, "invite:inherit")
    assert len(inherited) == 1_001
    assert {f"invite/{kept.id}" for kept in learners.kept} < set(inherited)


def test_who_waits_at_a_code_of_a_batch_is_seen_and_let_go(house, ana, taller) -> None:
    """By hand, so that each newcomer waits."""
    drawn = issue(house, ana, taller, ["Luz", "Sol"], is_by_hand=True)
    with pytest.raises(InviteByHand):
        house.call(redeem_invite, JoinRequest(drawn.codes[0], "a", "Luz"))
    house.call(wait_in_line, JoinRequest(drawn.codes[0], "a", "Luz"))
    (line,) = house.call(view_lines, ana, "andes", taller.workshop.slug)
    assert line.invite.label == "Luz"
    house.call(workshops.close_workshop, ana, "andes", taller.workshop.slug)
    with house.database.read() as store:
        assert store.waiting.of_invite(line.invite.id) == []
        assert store.invites.get(line.invite.id).closes_at == house.clock.now()
