"""Every page of a community with 2,000 people costs as many statements as with 20, and stays light."""

from __future__ import annotations

import pytest
from large_house import LARGE, SMALL, fill, pages_of
from sql_statements import counted
from tornado.httpclient import AsyncHTTPClient

MOST_BYTES = 100_000  # over the wire


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


async def test_no_page_grows_with_its_community(house, look) -> None:
    small = fill(house, SMALL)
    few = {path: await look(path, who) for path, who in pages_of(small).items()}
    assert {status for _, status, _ in few.values()} == {200}
    large = fill(house, LARGE)
    for before, (path, who) in zip(few.values(), pages_of(large).items(), strict=True):
        statements, status, size = await look(path, who)
        assert status == 200, path
        assert len(statements) == len(before[0]), (path, statements)
        assert size < MOST_BYTES, (path, size)
