"""Ends of access, over a real database: what is refused at once, and what the Hub is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from houses import SMALL, actor_of, andes, make_house, most_servers, open_taller

from jupyterhub_communities.application.communities import apply_declarations
from jupyterhub_communities.application.ending import (
    block_person,
    blocked_people,
    people_to_look_at,
    plan_ending,
    resume_community,
    suspend_community,
    unblock_person,
)
from jupyterhub_communities.application.invites import JoinRequest, look_up_invite, redeem_invite
from jupyterhub_communities.application.issuing import revoke_invite
from jupyterhub_communities.application.leases import StartRequest, admit, start_choices
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.people import find_person, find_refusal
from jupyterhub_communities.domain.access import Access
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import (
    AccessBlocked,
    AccessEnded,
    CommunitySuspended,
    InviteClosed,
    NotFound,
    OneServerInGrace,
    PermissionDenied,
)
from jupyterhub_communities.domain.units import SERVERS

OPERATOR = Actor(None, is_operator=True)
NEXT = iter(range(10_000))


@pytest.fixture
def house(tmp_path, clock):
    house = make_house(
        tmp_path,
        clock=clock,
        communities=(andes(), andes(slug="brasil", champions=("bia",))),
        hub_servers=10,
    )
    yield house
    house.close()


@pytest.fixture
def opened(house):
    return open_taller(house)


def join(house, opened, name="Luz", username=None) -> str:
    request = JoinRequest(opened.learner_invite.code, f"{name}-{next(NEXT)}", name, username)
    return house.call(redeem_invite, request).account.username


def start(house, username, server_name="", **more):
    key = ServerKey(username, server_name)
    return house.call(admit, StartRequest(f"lease-{next(NEXT)}", key, **more))


def access(house, username) -> Access:
    return house.call(find_person, username).access


def held(house, scope) -> int:
    with house.database.read() as store:
        return store.balances.get(scope, SERVERS).held


def remove(house, username) -> None:
    house.call(remove_member, actor_of(house, "ana"), "andes", username)


def names_since(house, since) -> list[str]:
    people = house.call(people_to_look_at, since, house.clock.now())
    return [person.display_name for person in people]


# Days of grace


def test_in_the_days_of_grace_one_small_server_is_charged_to_nobody_but_the_hub(
    house, opened, clock
) -> None:
    luz = join(house, opened)
    remove(house, luz)
    assert access(house, luz) is Access.GRACE
    assert house.call(find_person, luz).grace_until == clock.now() + timedelta(days=14)
    assert house.call(start_choices, luz) == []
    scope = Scope("andes", opened.workshop.slug)
    plan = start(house, luz, scope=scope, profile="medium")  # whatever was asked for
    assert (plan.scope, plan.profile) == (HUB, SMALL)
    assert (held(house, HUB), held(house, Scope("andes"))) == (1, 0)
    with pytest.raises(OneServerInGrace):
        start(house, luz, "second")
    start(house, luz)  # the same server again: its stale lease is settled
    assert held(house, HUB) == 1


def test_after_the_days_of_grace_nothing_starts_and_the_contact_is_told(
    house, opened, clock
) -> None:
    luz = join(house, opened)
    remove(house, luz)
    clock.advance(days=14)
    with pytest.raises(AccessEnded) as refused:
        start(house, luz)
    assert refused.value.contact == "hola@andes.example"


def test_a_new_code_opens_everything_again(house, opened, clock) -> None:
    luz = join(house, opened)
    remove(house, luz)
    clock.advance(days=20)
    join(house, open_taller(house, title="Otro"), username=luz)
    assert access(house, luz) is Access.FULL
    assert start(house, luz).scope.community == "andes"


# Block


def test_whom_the_operator_blocks_is_out_and_comes_back_as_they_were(house, opened) -> None:
    luz = join(house, opened)
    house.call(block_person, OPERATOR, luz)
    assert house.call(find_person, luz).grants == ()
    assert isinstance(house.call(find_refusal, luz), AccessBlocked)
    with pytest.raises(AccessBlocked):
        start(house, luz)
    assert [account.username for account in house.call(blocked_people, OPERATOR)] == [luz]
    house.call(unblock_person, OPERATOR, luz)
    assert start(house, luz).scope.workshop == opened.workshop.slug


def test_a_blocked_admin_is_out_too(house) -> None:
    house.call(block_person, OPERATOR, "root")
    with pytest.raises(AccessBlocked):
        start(house, "root", is_hub_admin=True)


@pytest.mark.parametrize("verb", [block_person, unblock_person])
def test_only_the_operator_blocks(house, opened, verb) -> None:
    with pytest.raises(PermissionDenied):
        house.call(verb, actor_of(house, "ana"), join(house, opened))


def test_nobody_unknown_is_unblocked(house) -> None:
    with pytest.raises(NotFound):
        house.call(unblock_person, OPERATOR, "nobody")


# Suspension


def test_a_suspended_community_opens_nothing_until_it_is_resumed(house, opened) -> None:
    luz = join(house, opened)
    house.call(suspend_community, OPERATOR, "andes", "mining")
    assert access(house, luz) is Access.NONE
    with pytest.raises(CommunitySuspended):
        start(house, luz)
    with pytest.raises(InviteClosed):
        house.call(look_up_invite, opened.learner_invite.code)
    with pytest.raises(InviteClosed):
        join(house, opened, "Sol")
    assert actor_of(house, "ana").grants == ()
    assert access(house, "bia") is Access.FULL, "another community goes on"
    house.call(resume_community, OPERATOR, "andes")
    assert start(house, luz).scope.community == "andes"
    join(house, opened, "Sol")


def test_applying_the_file_leaves_a_suspended_community_suspended(house) -> None:
    house.call(suspend_community, OPERATOR, "andes", "mining")
    declared = (andes(), andes(slug="brasil", champions=("bia",)))
    assert house.call(apply_declarations, declared, most_servers(10)) == []
    house.call(apply_declarations, (andes(servers=9),), most_servers(10))
    with house.database.read() as store:
        assert store.communities.get("andes").suspended_at is not None
        assert len(store.grants.of_community("andes", house.clock.now())) == 1, "ana, once"


def test_only_the_operator_suspends(house) -> None:
    for verb, more in ((suspend_community, ("x",)), (resume_community, ())):
        with pytest.raises(PermissionDenied):
            house.call(verb, actor_of(house, "ana"), "andes", *more)
    with pytest.raises(NotFound):
        house.call(suspend_community, OPERATOR, "nowhere", "x")


def test_everything_is_audited_without_names(house, opened) -> None:
    luz = join(house, opened)
    house.call(suspend_community, OPERATOR, "andes", "mining")
    house.call(suspend_community, OPERATOR, "andes", "again")  # changes nothing
    house.call(resume_community, OPERATOR, "andes")
    with house.database.read() as store:
        entries = store.audit.of_community("andes")
    assert [(e.actor, e.action, dict(e.after)) for e in entries[:2]] == [
        ("operator", "community:resume", {}),
        ("operator", "community:suspend", {"because": "mining"}),
    ]
    house.call(block_person, OPERATOR, luz)


# What the Hub is told


def test_a_removed_persons_server_stops_and_a_lapsed_ones_if_the_community_says_so(
    tmp_path, clock
) -> None:
    house = make_house(tmp_path, clock=clock, communities=(andes(servers=None),), hub_servers=None)
    opened = open_taller(house)
    luz, sol = join(house, opened), join(house, opened, "Sol")
    start(house, luz)
    start(house, sol)
    assert house.call(plan_ending, luz).stop == ()
    remove(house, luz)
    ending = house.call(plan_ending, luz)
    assert (ending.access, ending.groups) == (Access.GRACE, frozenset())
    assert ending.stop == (ServerKey(luz),)
    clock.advance(days=31)
    assert house.call(plan_ending, sol).access is Access.GRACE
    assert house.call(plan_ending, sol).stop == ()
    house.close()


def test_whose_access_ended_is_found_by_its_time(house, opened, clock) -> None:
    luz, sol = join(house, opened), join(house, opened, "Sol")
    other = open_taller(house, community="brasil", by="bia")
    join(house, other, "Mar")
    before = clock.now()
    assert names_since(house, before) == []
    clock.advance(seconds=5)
    remove(house, luz)
    assert names_since(house, before) == ["Luz"]
    before = clock.now()
    clock.advance(seconds=5)
    house.call(block_person, OPERATOR, sol)
    assert names_since(house, before) == ["Sol"]
    before = clock.now()
    clock.advance(seconds=5)
    house.call(suspend_community, OPERATOR, "brasil", "x")
    assert sorted(names_since(house, before)) == ["Mar", "bia"]
    before = clock.now()
    clock.advance(days=40)
    assert sorted(names_since(house, before)) == ["Mar", "Sol"], "lapsed by time"


def test_revoking_an_invite_with_what_it_granted_ends_access(house, opened, clock) -> None:
    luz = join(house, opened)
    before = clock.now()
    clock.advance(seconds=1)
    revoked = house.call(
        revoke_invite,
        actor_of(house, "ana"),
        "andes",
        opened.learner_invite.invite.id,
        with_grants=True,
    )
    assert revoked.usernames == (luz,)
    assert names_since(house, before) == ["Luz"]
    assert access(house, luz) is Access.GRACE


def test_people_are_found_in_batches_in_the_order_of_their_ids(house, opened, clock) -> None:
    before = clock.now()
    names = {join(house, opened, f"Persona {n}") for n in range(7)}
    clock.advance(days=40)
    found, after = [], ""
    while batch := house.call(people_to_look_at, before, clock.now(), after=after, limit=3):
        assert len(batch) <= 3
        found += [person.username for person in batch]
        after = batch[-1].id
    assert len(found) == 7
    assert set(found) == names
