"""Erasure over a real database: at once, planned, by a period; and never half-done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import actor_of, andes, make_house, most_servers, open_taller
from sqlalchemy import insert, select, text, update
from transactions import writing

from jupyterhub_communities.application import erasure
from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.ending import block_person
from jupyterhub_communities.application.identities import LinkRequest, link_identity
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_bound_invite, issue_invite
from jupyterhub_communities.application.leases import StartRequest, admit, settle_server
from jupyterhub_communities.application.line import take_ticket
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.application.people import find_person
from jupyterhub_communities.application.repeating import Request, once
from jupyterhub_communities.application.return_keys import confirm_return_key, show_return_key
from jupyterhub_communities.application.waiting import leave_line, wait_in_line
from jupyterhub_communities.application.workshops import view_workshop
from jupyterhub_communities.domain.access import Access
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.refusals import (
    AccessErased,
    Declared,
    ErasureNotYours,
    LastChampion,
    NotConfirmed,
    NotFound,
    PermissionDenied,
)
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage.personal import PERSONAL
from jupyterhub_communities.storage.tables import (
    asks,
    feedback_marks,
    hands,
    invites,
    key_requests,
    metadata,
    notices,
    redemptions,
    role_offers,
    server_accesses,
    start_troubles,
    trainings,
    waiting,
)

OPERATOR = Actor(None, is_operator=True)
NEXT = iter(range(10_000))


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(
        tmp_path, clock=clock, communities=(andes(), andes(slug="brasil", champions=("bia",)))
    )
    yield house
    house.close()


@pytest.fixture
def opened(house):
    return open_taller(house)


def join(house, opened, name="Luz", username=None) -> str:
    request = JoinRequest(opened.learner_invite.code, f"{name}-{next(NEXT)}", name, username)
    return house.call(redeem_invite, request).account.username


def champion(house, name="Sol") -> str:
    issued = house.call(
        issue_invite, actor_of(house, "ana"), "andes", NewInvite(role=Role.CHAMPION)
    )
    return house.call(redeem_invite, JoinRequest(issued.code, name, name)).account.username


def account_of(house, username):
    return house.call(find_person, username).account


def due(house) -> list[str]:
    return [account.username for account in house.call(erasure.due_erasures)]


def everything(house) -> str:
    """All that stands in the database, as text."""
    with house.database.read() as store:
        connection = store.accounts._connection
        return "\n".join(
            repr(tuple(row))
            for table in metadata.sorted_tables
            for row in connection.execute(text(f"SELECT * FROM {table.name}"))
        )


def taken(house, opened) -> int:
    slug = opened.workshop.slug
    return house.call(
        view_workshop, actor_of(house, "ana"), "andes", slug
    ).learner_invite.invite.taken


# At once


def test_erasing_oneself_ends_access_at_once_and_leaves_only_opaque_ids(house, opened) -> None:
    luz = join(house, opened, "Luz Marina")
    account = account_of(house, luz)
    house.call(show_return_key, account.id)
    house.call(confirm_return_key, account.id)
    house.call(link_identity, LinkRequest(luz, "marina@upstream", has_files=False))
    house.call(admit, StartRequest("lease", ServerKey(luz)))
    assert luz in everything(house)

    house.call(erasure.erase_me, luz, f" {luz} ")
    assert house.call(find_person, luz).access is Access.NONE
    with pytest.raises(AccessErased):
        house.call(admit, StartRequest("other", ServerKey(luz, "again")))
    assert taken(house, opened) == 0
    assert due(house) == [luz]

    house.call(erasure.finish_erasure, account.id)
    house.call(erasure.finish_erasure, account.id)  # repeating it changes nothing
    left = everything(house)
    for trace in (luz, "Luz Marina", "marina@upstream"):
        assert trace not in left
    assert account.id in left, "the audit trail keeps the opaque id"
    assert due(house) == []
    with house.database.read() as store:
        assert store.balances.get(HUB, SERVERS).held == 0
        assert store.leases.get("lease") is not None, "what was used stays, without whom"


def test_what_stood_under_the_name_of_a_linked_identity_goes_along(house, opened) -> None:
    luz = join(house, opened)
    join(house, open_taller(house, title="Otro"), username="marina@upstream")
    house.call(link_identity, LinkRequest(luz, "marina@upstream", has_files=False))
    house.call(erasure.erase_me, luz, luz)
    assert sorted(due(house)) == sorted([luz, "marina@upstream"])
    for account in house.call(erasure.due_erasures):
        house.call(erasure.finish_erasure, account.id)
    assert "marina@upstream" not in everything(house)


def test_the_username_must_be_typed_again(house, opened) -> None:
    luz = join(house, opened)
    for typed in ("", luz[:-1], luz.upper()):
        with pytest.raises(NotConfirmed):
            house.call(erasure.erase_me, luz, typed)
    assert house.call(find_person, luz).access is Access.FULL


def test_who_waits_in_a_personal_code_or_is_bound_to_one_is_forgotten_too(house) -> None:
    code = house.call(issue_bound_invite, "uma").code
    house.call(redeem_invite, JoinRequest(code, "a"))
    house.call(issue_bound_invite, "uma")  # another one, never used
    house.call(erasure.erase_person, OPERATOR, "uma")
    (account,) = house.call(erasure.due_erasures)
    house.call(erasure.finish_erasure, account.id)
    assert "uma" not in everything(house)


def test_a_last_champion_cannot_be_erased_and_another_one_can(tmp_path) -> None:
    house = make_house(tmp_path)
    sol = champion(house)
    house.call(apply_declarations, (andes(champions=()),), most_servers(None))
    with pytest.raises(LastChampion):
        house.call(erasure.erase_me, sol, sol)
    assert house.call(find_person, sol).access is Access.FULL, "nothing is half-done"
    house.call(apply_declarations, (andes(),), most_servers(None))
    house.call(erasure.erase_me, sol, sol)
    with pytest.raises(Declared):
        house.call(erasure.erase_person, OPERATOR, "ana")
    house.close()


def test_only_the_operator_erases_somebody_at_once(house, opened) -> None:
    luz = join(house, opened)
    with pytest.raises(PermissionDenied):
        house.call(erasure.erase_person, actor_of(house, "ana"), luz)
    with pytest.raises(NotFound):
        house.call(erasure.erase_person, OPERATOR, "nobody")


# Planned


def test_a_champion_plans_and_after_seven_days_it_begins(house, opened, clock) -> None:
    luz = join(house, opened)
    planned = house.call(erasure.plan_erasure, actor_of(house, "ana"), "andes", luz)
    again = house.call(erasure.plan_erasure, actor_of(house, "ana"), "andes", luz)
    assert planned.erase_at == again.erase_at == clock.now() + timedelta(days=7)
    with house.database.read() as store:
        (notice,) = store.notices.of_account(planned.id)
    assert (notice.kind, notice.data["community"]) == ("erasure.planned", "andes")
    clock.advance(days=6)
    assert due(house) == []
    assert house.call(find_person, luz).access is Access.FULL
    clock.advance(days=1)
    assert due(house) == [luz]
    assert house.call(find_person, luz).access is Access.NONE
    assert taken(house, opened) == 0


@pytest.mark.parametrize("by", ["the person", "the champion"])
def test_a_planned_erasure_is_stopped(house, opened, clock, by) -> None:
    luz = join(house, opened)
    house.call(erasure.plan_erasure, actor_of(house, "ana"), "andes", luz)
    if by == "the person":
        house.call(erasure.stop_erasure, luz)
    else:
        house.call(erasure.withdraw_erasure, actor_of(house, "ana"), "andes", luz)
    clock.advance(days=8)
    assert due(house) == []
    with house.database.read() as store:
        assert store.notices.of_account(account_of(house, luz).id) == []


def test_one_that_has_begun_cannot_be_stopped(house, opened) -> None:
    luz = join(house, opened)
    house.call(erasure.erase_me, luz, luz)
    house.call(erasure.stop_erasure, luz)
    assert due(house) == [luz]


def test_somebody_removed_long_ago_may_still_come_in_to_stop_it(house, opened, clock) -> None:
    luz = join(house, opened)
    house.call(remove_member, actor_of(house, "ana"), "andes", luz)
    clock.advance(days=100)
    assert house.call(find_person, luz).access is Access.NONE
    house.call(erasure.plan_erasure, actor_of(house, "ana"), "andes", luz)
    assert house.call(find_person, luz).access is Access.GRACE


def test_a_champion_erases_nobody_of_another_community_and_no_user_of_the_hub(house, opened):
    ana = actor_of(house, "ana")
    luz = join(house, opened)
    join(house, open_taller(house, community="brasil", by="bia"), username=luz)
    uma = join(house, opened, username="uma")
    for username in (luz, uma):
        with pytest.raises(ErasureNotYours):
            house.call(erasure.plan_erasure, ana, "andes", username)
    for username in ("bia", "nobody"):
        with pytest.raises(NotFound):
            house.call(erasure.plan_erasure, ana, "andes", username)
    with pytest.raises(PermissionDenied):
        house.call(erasure.plan_erasure, actor_of(house, luz), "andes", luz)


def test_a_plan_that_would_leave_no_champion_is_withdrawn(tmp_path, clock) -> None:
    house = make_house(tmp_path, clock=clock)
    sol = champion(house)
    house.call(erasure.plan_erasure, actor_of(house, "ana"), "andes", sol)
    house.call(apply_declarations, (andes(champions=()),), most_servers(None))
    clock.advance(days=8)
    house.call(erasure.due_erasures)
    assert account_of(house, sol).erase_at is None
    assert due(house) == []
    house.close()


# By a retention period


def keep_for(house, **days) -> None:
    house.call(
        apply_declarations,
        tuple(
            replace(d, community=replace(d.community, retention_days=days.get(d.community.slug)))
            for d in (andes(), andes(slug="brasil", champions=("bia",)))
        ),
        most_servers(None),
    )


def retire_all(house) -> list[str]:
    after = ""
    while after is not None:
        after = house.call(erasure.begin_retention, after=after, limit=2)
    return due(house)


def test_a_community_keeps_nobody_longer_than_it_says(house, opened, clock) -> None:
    keep_for(house, andes=30)
    people = [join(house, opened, f"Persona {n}") for n in range(5)]
    stays = join(house, opened, "Sigue")
    for username in people:
        house.call(remove_member, actor_of(house, "ana"), "andes", username)
    clock.advance(days=29)
    assert retire_all(house) == []
    clock.advance(days=1)
    assert sorted(retire_all(house)) == sorted(people)
    assert stays not in retire_all(house)


@pytest.mark.parametrize(
    ("periods", "after", "erased"),
    [
        ({"andes": 3}, 13, False),  # never before the days of grace are over
        ({"andes": 3}, 14, True),
        ({}, 3000, False),
    ],
)
def test_the_days_of_grace_come_first(house, opened, clock, periods, after, erased) -> None:
    keep_for(house, **periods)
    luz = join(house, opened)
    house.call(remove_member, actor_of(house, "ana"), "andes", luz)
    clock.advance(days=after)
    assert retire_all(house) == ([luz] if erased else [])


def test_the_longest_period_of_somebodys_communities_counts(house, opened, clock) -> None:
    luz = join(house, opened)
    join(house, open_taller(house, community="brasil", by="bia"), username=luz)
    house.call(remove_member, actor_of(house, "ana"), "andes", luz)
    house.call(remove_member, actor_of(house, "bia"), "brasil", luz)
    keep_for(house, andes=20)  # brasil keeps
    clock.advance(days=500)
    assert retire_all(house) == []
    keep_for(house, andes=20, brasil=600)
    assert retire_all(house) == []
    clock.advance(days=100)
    assert retire_all(house) == [luz]


def test_users_of_the_hub_and_blocked_people_are_kept(house, opened, clock) -> None:
    keep_for(house, andes=20)
    uma, luz = join(house, opened, username="uma"), join(house, opened)
    for username in (uma, luz):
        house.call(remove_member, actor_of(house, "ana"), "andes", username)
    house.call(block_person, OPERATOR, luz)
    clock.advance(days=500)
    assert retire_all(house) == [], "upstream lets uma in, and luz must stay blocked"


# What is held


def test_the_export_has_all_tables_and_no_secret(house, opened) -> None:
    luz = join(house, opened)
    house.call(admit, StartRequest("lease", ServerKey(luz)))
    house.call(settle_server, ServerKey(luz))
    found = house.call(erasure.export_me, luz)
    assert found["accounts"][0]["display_name"] == "Luz"
    assert found["grants"][0]["workshop"] == opened.workshop.slug
    assert found["leases"][0]["profile"] == "small"
    assert found["audit"][0]["action"] == "invite:redeem"
    for rows in found.values():
        for row in rows:
            assert not any(name.endswith(("digest", "sealed")) for name in row)
    assert house.call(erasure.export_me, "nobody") == {}


def test_the_export_shows_all_that_the_list_of_personal_columns_names(house, opened) -> None:
    sol = champion(house)
    mine = account_of(house, sol).id
    join(house, opened, "Sol", sol)
    open_taller(house, title="De Sol", by=sol)
    house.call(issue_bound_invite, sol)
    house.call(link_identity, LinkRequest(sol, "sol@upstream", has_files=False))
    house.call(take_ticket, StartRequest("line", ServerKey(sol, "line")), {"profile": "small"})
    house.call(admit, StartRequest("lease", ServerKey(sol)))
    house.call(once, Request(sol, mine, key="1", asked="nothing"), lambda _: "Sol")
    house.clock.advance(minutes=5)
    house.call(meter_leases)
    now = house.clock.now()
    with writing(house.database) as connection:
        offered = {"id": "own", "community": "andes", "username": sol, "role": 1, "made_by": mine}
        connection.execute(insert(role_offers).values(**offered, made_at=now, ends_at=now))
        connection.execute(update(invites).where(invites.c.made_by == mine).values(label="Otra"))
        one = connection.execute(
            select(redemptions).where(redemptions.c.account_id == mine)
        ).first()
        own = {"id": "own", "account_id": mine, "created_at": now}
        digest = {"attempt_digest": one.attempt_digest, "invite_id": one.invite_id}
        connection.execute(
            insert(waiting).values(id="own", number=1, name="Sol", created_at=now, **digest)
        )
        connection.execute(insert(key_requests).values(**own, number="1", browser_digest=b"b"))
        connection.execute(insert(notices).values(**own, kind="linked", data={}))
        place = {"account_id": mine, "community": "andes", "workshop": opened.workshop.slug}
        connection.execute(insert(feedback_marks).values(**place))
        connection.execute(insert(trainings).values(**place, id="own", role=2, at=now))
        trouble = {"hub": "hub", "account_id": mine, "code": "start.failed", "at": now}
        connection.execute(insert(start_troubles).values(**trouble))
        place = {"id": "own", "community": "andes", "workshop": "de-sol"}
        asked = {"account_id": mine, "raised_at": now, "taken_by": mine, "taken_at": now}
        connection.execute(insert(hands).values(**place, **asked, question="¿Dónde?"))
        given = {"owner_id": mine, "helper_id": "x", "starts_at": now, "ends_at": now}
        server = {"hub": "hub", "hand_id": "own", "username": sol, "server_name": ""}
        connection.execute(insert(server_accesses).values(**place, **given, **server))
        wanted = {"quota": "cpu", "amount": 1, "had": 1, "reason": "Más", "state": "open"}
        who = {"id": "own", "community": "andes", "asked_by": mine, "asked_at": now}
        connection.execute(insert(asks).values(**wanted, **who))
    found = house.call(erasure.export_me, sol)
    assert set(found) == set(PERSONAL)
    for table, columns in PERSONAL.items():
        shown = {name for name in columns if not name.endswith(("digest", "sealed"))}
        assert found[table], table
        assert shown <= set(found[table][0]), table
    made = [one for one in found["invites"] if one["made_by"] == mine]
    assert made
    assert all(one["label"] is None for one in made), "whom a code is for is that person's"
    assert [one["bound_username"] for one in found["invites"] if one["made_by"] != mine].count(sol)
    assert "server_time" in found["usage"][0]
    others = house.call(erasure.export_me, join(house, opened, "Luz"))
    assert not any(others[table] for table in ("usage", "leases", "workshops", "waiting"))
    assert sol not in repr(others)


def test_what_somebody_was_answered_goes_with_them(house, opened) -> None:
    luz = join(house, opened)
    mine = account_of(house, luz).id
    house.call(once, Request(luz, mine, key="1", asked="nothing"), lambda _: "Luz")
    assert house.call(erasure.export_me, luz)["kept_answers"]
    erasure_of = house.call(erasure.erase_me, luz, luz)
    house.call(erasure.finish_erasure, erasure_of.id)
    with house.database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM kept_answers")).scalar_one() == 0


def test_names_of_people_who_waited_are_forgotten_after_a_week(house, clock) -> None:
    full = open_taller(house, title="Lleno", seats=1)
    join(house, full)
    request = JoinRequest(full.learner_invite.code, "waits", "Quien Espera")
    house.call(wait_in_line, request)
    house.call(leave_line, request.secret, request.attempt)
    house.call(erasure.forget_tickets)
    assert "Quien Espera" in everything(house)
    clock.advance(days=8)
    house.call(erasure.forget_tickets)
    assert "Quien Espera" not in everything(house)
