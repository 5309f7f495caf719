from __future__ import annotations

import pytest
from houses import SetClock, make_house


@pytest.fixture(autouse=True)
def on_both(database):
    """Every verb is tried on SQLite and on PostgreSQL."""


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def house(tmp_path, clock):
    """With the community `andes` alone. A file of tests that needs another one has its own."""
    house = make_house(tmp_path, clock=clock)
    yield house
    house.close()
