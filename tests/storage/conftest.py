"""What the races share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from racing import Racers


@pytest.fixture(scope="session")
def racers():
    racers = Racers()
    yield racers
    racers.close()


@pytest.fixture
def fails_sometimes(request, database, tmp_path):
    """Whether something fails, on the test's database. Chance has a part in it, so it is done up to
    five times, each in a folder whose house nobody has lived in."""

    def attempt(folder: Path, what: Callable[[Path], None]) -> bool:
        folder.mkdir()
        with ExitStack() as cleanup:
            if database == "postgresql":
                server = request.getfixturevalue("postgresql")
                url = server.lend()
                cleanup.callback(server.take_back, url)
                (folder / "database").write_text(url)
            try:
                what(folder)
            except (AssertionError, ValueError):
                return True
        return False

    def fails_sometimes(what: Callable[[Path], None]) -> bool:
        return any(attempt(tmp_path / str(number), what) for number in range(5))

    return fails_sometimes
