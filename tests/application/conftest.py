from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def on_both(database):
    """Every verb is tried on SQLite and on PostgreSQL."""
