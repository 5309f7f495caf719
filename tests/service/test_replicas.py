"""Several services of one hub over one PostgreSQL: one of them does what the clock asks."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from houses import make_house

from jupyterhub_communities.service.erasures import Erasures
from jupyterhub_communities.service.timers import keep_chained, keep_reconciled


class CountingHub:
    """The port `Hub`, as far as reconciling asks it."""

    def __init__(self) -> None:
        self.asked = 0

    async def servers(self) -> dict:
        self.asked += 1
        return {}


@pytest.fixture
def houses(postgresql, tmp_path):
    url = postgresql.lend()
    (tmp_path / "database").write_text(url)
    houses = [make_house(tmp_path) for _ in range(2)]
    yield houses
    for house in houses:
        house.close()
    postgresql.take_back(url)


async def test_one_of_two_services_reconciles_and_the_other_takes_over(houses) -> None:
    hubs = [CountingHub(), CountingHub()]
    first = asyncio.create_task(keep_reconciled(houses[0], hubs[0], every=0.05))
    await asyncio.sleep(0.5)
    second = asyncio.create_task(keep_reconciled(houses[1], hubs[1], every=0.05))
    await asyncio.sleep(0.5)
    assert hubs[0].asked > 1
    assert hubs[1].asked == 0
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    houses[0].close()  # the first service has ended
    async with asyncio.timeout(10):
        while not hubs[1].asked:
            await asyncio.sleep(0.05)
    second.cancel()


async def test_who_does_not_hold_the_timers_erases_nothing(houses) -> None:
    assert await houses[0].run(lambda desk: desk.database.holds_timers())
    for house, expected in ((houses[1], False), (houses[0], True)):
        erasures = Erasures(house, CountingHub())
        passes = []

        async def note(passes=passes) -> None:
            passes.append(1)

        erasures.pass_once = note
        task = asyncio.create_task(erasures.keep_carried_out(every=0.05))
        await asyncio.sleep(0.4)
        task.cancel()
        assert bool(passes) is expected


async def test_who_does_not_hold_the_timers_chains_nothing(houses) -> None:
    assert await houses[0].run(lambda desk: desk.database.holds_timers())

    def links(house) -> int:
        with house.database.read() as store:
            return store.audit.last_link().number

    for house, expected in ((houses[1], 0), (houses[0], 1)):
        task = asyncio.create_task(keep_chained(house, every=0.05))
        await asyncio.sleep(0.4)
        task.cancel()
        assert links(house) == expected
