"""What the races share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from racing import Racers


@pytest.fixture(scope="session")
def racers():
    racers = Racers()
    yield racers
    racers.close()


@pytest.fixture
def new_folders(request, database, tmp_path):
    """Up to five folders for houses that nobody has lived in, on the test's database. For what chance
    has a part in: guards that are missing, and how busy the machine is."""

    def new_folders() -> Iterator[Path]:
        for number in range(5):
            folder = tmp_path / str(number)
            folder.mkdir()
            with ExitStack() as cleanup:
                if database == "postgresql":
                    server = request.getfixturevalue("postgresql")
                    url = server.lend()
                    cleanup.callback(server.take_back, url)
                    (folder / "database").write_text(url)
                yield folder

    return new_folders


@pytest.fixture
def fails_sometimes(new_folders):
    """Whether something fails in one of these folders."""

    def fails_sometimes(what: Callable[[Path], None]) -> bool:
        with closing(new_folders()) as folders:
            for folder in folders:
                try:
                    what(folder)
                except (AssertionError, ValueError):
                    return True
        return False

    return fails_sometimes
