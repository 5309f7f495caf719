"""What the races share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, islice
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
    """Folders for houses that nobody has lived in, on the test's database."""
    with ExitStack() as cleanup:

        def new_folders() -> Iterator[Path]:
            for number in count():
                folder = tmp_path / str(number)
                folder.mkdir()
                if database == "postgresql":
                    server = request.getfixturevalue("postgresql")
                    url = server.lend()
                    cleanup.callback(server.take_back, url)
                    (folder / "database").write_text(url)
                yield folder

        yield new_folders()


@pytest.fixture
def happens(new_folders):
    """Whether something happens. Chance has a part in it, so it is tried up to five times."""

    def happens(what: Callable[[Path], bool]) -> bool:
        return any(what(folder) for folder in islice(new_folders, 5))

    return happens
