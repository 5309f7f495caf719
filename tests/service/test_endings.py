"""The pass that carries out ends of access: what the Hub is told, and what is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from houses import actor_of
from transactions import writing

from jupyterhub_communities.application.ending import (
    block_person,
    ends_carried_out,
    suspend_community,
)
from jupyterhub_communities.application.leases import StartRequest, admit
from jupyterhub_communities.application.line import take_ticket, tickets_in_line
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.domain.grants import Actor, Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.service.endings import Endings

OPERATOR = Actor(None, is_operator=True)


@pytest.fixture
def endings(world):
    return Endings(world.house, world.hub)


def run_server(world, username) -> ServerKey:
    key = ServerKey(username)
    world.house.call(admit, StartRequest(f"lease-{username}", key))
    world.hub.running[key] = RunningServer(key, ready=True)
    return key


def remove(world, username) -> None:
    world.house.call(remove_member, actor_of(world.house, "ana"), "andes", username)


async def test_whom_nothing_ended_for_is_left_alone(world, endings) -> None:
    server = run_server(world, world.usernames[Role.LEARNER])
    await endings.pass_once()
    assert server in world.hub.running
    assert (world.hub.groups, world.hub.revoked) == ({}, {})


async def test_a_removed_person_keeps_nothing_but_the_way_to_their_files(world, endings) -> None:
    luz = world.usernames[Role.LEARNER]
    run_server(world, luz)
    remove(world, luz)
    await endings.pass_once()
    assert world.hub.groups == {luz: set()}
    assert world.hub.revoked == {luz: True}
    assert world.hub.running == {}


async def test_a_blocked_person_loses_every_server_and_token(world, endings) -> None:
    luz = world.usernames[Role.LEARNER]
    other = ServerKey(luz, "unknown-to-us")
    world.hub.running[other] = RunningServer(other, ready=True)
    world.house.call(block_person, OPERATOR, luz)
    await endings.pass_once()
    assert world.hub.revoked == {luz: False}
    assert world.hub.running == {}


async def test_everybody_of_a_suspended_community_is_out(world, endings) -> None:
    for username in world.usernames.values():
        run_server(world, username)
        if len(world.hub.running) == 3:
            break
    kept = ServerKey("bia")
    world.hub.running[kept] = RunningServer(kept, ready=True)
    world.house.call(suspend_community, OPERATOR, "andes", "mining")
    await endings.pass_once()
    assert list(world.hub.running) == [kept]
    assert all(not groups for groups in world.hub.groups.values())
    learners = {name for role, name in world.usernames.items() if role is not Role.CHAMPION}
    assert learners <= set(world.hub.revoked)


async def test_a_person_for_whom_the_hub_fails_is_tried_again_and_holds_nobody_up(
    world, endings
) -> None:
    luz, other = world.usernames[Role.LEARNER], world.usernames[Role.HELPER]
    world.hub.away_for = {luz}
    remove(world, luz)
    remove(world, other)
    await endings.pass_once()
    assert world.hub.revoked == {other: True}
    assert world.house.call(ends_carried_out) is None, "a service that starts anew begins there"
    world.house.clock.advance(minutes=5)
    await endings.pass_once()
    world.hub.away_for = set()
    await endings.pass_once()
    assert set(world.hub.revoked) == {luz, other}
    assert world.house.call(ends_carried_out) == world.house.clock.now()


async def test_what_ended_while_the_service_was_away_is_carried_out(world, endings) -> None:
    await endings.pass_once()
    luz = world.usernames[Role.LEARNER]
    world.house.clock.advance(days=2)
    remove(world, luz)
    world.house.clock.advance(days=2)
    await Endings(world.house, world.hub).pass_once()
    assert world.hub.revoked == {luz: True}


async def test_each_end_is_carried_out_once(world, endings) -> None:
    luz = world.usernames[Role.LEARNER]
    remove(world, luz)
    await endings.pass_once()
    world.house.clock.advance(seconds=30)
    await endings.pass_once()
    world.hub.revoked.clear()
    world.house.clock.advance(seconds=30)
    await endings.pass_once()
    assert world.hub.revoked == {}


@pytest.mark.parametrize("has_role", [True, False])
async def test_an_admin_without_a_community_keeps_their_place_in_line(
    world, endings, has_role
) -> None:
    house = world.house
    house.settings = replace(house.settings, admits_outside=False, grace=timedelta(0))
    bia = actor_of(house, "bia").account_id
    with writing(house.database) as connection:
        connection.exec_driver_sql(
            f"UPDATE grants SET ends_at = starts_at WHERE account_id = '{bia}'"
        )
    house.clock.advance(minutes=1)
    request = StartRequest("bia", ServerKey("bia"), is_hub_admin=True)
    house.call(take_ticket, request, None)
    world.hub.with_role = {"bia"} if has_role else set()
    await endings.carry_out("bia")
    assert len(house.call(tickets_in_line)) == has_role
