"""Every page of a community with 2,000 people costs as many statements as with 20, and stays light."""

from __future__ import annotations

import pytest
from large_house import LARGE, NO_PAGES, SMALL, fill, house_to_fill, pages_of
from sql_statements import counted
from tornado.httpclient import AsyncHTTPClient
from tornado.web import RequestHandler

MOST_BYTES = 100_000  # over the wire


@pytest.fixture
def house(tmp_path):
    house = house_to_fill(tmp_path)
    yield house
    house.close()


@pytest.fixture
def look(service, world):
    async def look(path: str, who: str) -> tuple[list[str], int, int]:
        """Statements, status, and bytes over the wire."""
        with counted(world.house) as statements:
            page = await AsyncHTTPClient().fetch(
                service + path,
                headers={"Authorization": f"token {who}", "Accept-Encoding": "gzip"},
                decompress_response=False,
                raise_error=False,
                follow_redirects=False,
            )
        done = [one for one in statements if not one.startswith("BEGIN")]
        return done, page.code, len(page.body)

    return look


@pytest.fixture
def filled(house, world):
    def filled(size):
        found = fill(house, size)
        world.hub.running = found.running
        world.tokens["participant"] = world.model(found.people["participant"])
        world.hub_auth.cache.clear()
        return pages_of(found)

    return filled


async def test_no_page_grows_with_its_community(filled, look) -> None:
    few = {path: await look(path, who) for path, who in filled(SMALL).items()}
    assert {path: status for path, (_, status, _) in few.items() if status != 200} == {}
    grown, heavy = {}, {}
    for before, (path, who) in zip(few.values(), filled(LARGE).items(), strict=True):
        statements, status, size = await look(path, who)
        assert status == 200, path
        if len(statements) != len(before[0]):
            grown[path] = [one for one in statements if one not in before[0]]
        if size > MOST_BYTES:
            heavy[path] = size
    assert (grown, heavy) == ({}, {})


def test_every_page_is_looked_at(filled, world, service) -> None:
    """A new one fails here until it stands in `pages_of`, or in `NO_PAGES` with a reason."""
    routes = [
        (rule.matcher.regex, rule.target)
        for rule in world.application.wildcard_router.rules
        if "/api/v1/" not in rule.matcher.regex.pattern
    ]
    answered = {regex.pattern for regex, handler in routes if handler.get is not RequestHandler.get}
    looked_at = set()
    for path in filled(SMALL):
        address = f"/{service.split('/', 3)[3]}" + path.partition("?")[0]
        looked_at.add(next(regex.pattern for regex, _ in routes if regex.match(address)))
    excused = {
        pattern
        for pattern in answered
        if any(pattern.removesuffix("$").endswith(end) for end in NO_PAGES)
    }
    assert answered - looked_at - excused == set()
    assert looked_at & excused == set(), "what is looked at needs no excuse"
    assert len(excused) == len(NO_PAGES), "an excuse for nothing"
