from __future__ import annotations

import pytest
from hubs import real_hub


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """One hub for all tests here; each opens its own workshop."""
    with real_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


def pytest_collection_modifyitems(items):
    for item in items:
        if "hub_integration" in item.path.parts:
            item.add_marker(pytest.mark.hub)
    # What is asked of the log comes after everything that writes to it.
    items.sort(key=lambda item: item.path.name == "test_zz_log.py")
