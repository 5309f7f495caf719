"""What was held, added up by the database: the same as by hand, on both databases."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from houses import NOON, make_house

from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.timelines import held_at_ends, most_held

MINUTE = timedelta(minutes=1)
STEP, STEPS = 15 * MINUTE, 8
START = NOON - 2 * STEPS * STEP
PLACES = (Scope("andes"), Scope("andes", "maps"), Scope("brasil"))


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path)
    yield house
    house.close()


def test_each_step_has_the_most_of_its_moments(house) -> None:
    chance = random.Random(7)
    leases = []
    for number in range(120):
        began = START + chance.randrange(-90, 150) * MINUTE
        ended = began + chance.randrange(-3, 90) * MINUTE  # a clock may have been set back
        leases.append((chance.choice(PLACES), began, None if ended > NOON else ended, number % 3))
    with house.database.write() as store:
        for number, (place, began, ended, servers) in enumerate(leases):
            held = {"servers": servers, "memory": servers * 2**40} if servers else {"cpu": 500}
            store.leases.add(
                Lease(
                    id=f"{number}",
                    server=ServerKey(f"{number}"),
                    account_id=None,
                    scope=place,
                    profile=None,
                    requested_at=began,
                    amounts=held,
                )
            )
            if ended is not None:
                store.leases.settle(f"{number}", ended)

    def at(moment, scope) -> int:
        return sum(
            servers
            for place, began, ended, servers in leases
            if scope in place.path() and began <= moment and (ended is None or moment < ended)
        )

    end = START + STEPS * STEP
    with house.database.read() as store:
        both = [Scope("andes"), Scope("brasil")]
        found = dict(store.leases.changes(both, "servers", START, end, STEP))
        for alone in (HUB, Scope("andes", "maps")):
            found |= store.leases.changes([alone], "servers", START, end, STEP)
        memory = store.leases.changes([HUB], "memory", START, end, STEP)
        nothing = store.leases.changes([HUB], "gpu.a100", START, end, STEP)
    assert set(found) == {HUB, *both, Scope("andes", "maps")}
    for scope, changes in found.items():
        by_minute = [at(START + n * MINUTE, scope) for n in range(STEPS * 15)]
        steps = [by_minute[n * 15 : n * 15 + 15] for n in range(STEPS)]
        assert most_held(changes, START, STEP, STEPS) == [max(step) for step in steps]
        assert held_at_ends(changes, STEPS) == [step[-1] for step in steps]
        assert max(map(max, steps)) > 1
    assert held_at_ends(memory[HUB], STEPS) == [n * 2**40 for n in held_at_ends(found[HUB], STEPS)]
    assert nothing == {HUB: []}
