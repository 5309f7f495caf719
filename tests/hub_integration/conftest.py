from __future__ import annotations

import pytest
from hubs import codes_in, real_hub, text_of, tracebacks_in


@pytest.fixture(scope="session")
def hub(tmp_path_factory):
    """One hub for all tests here; each opens its own workshop. At the end its log is looked through."""
    with real_hub(tmp_path_factory.mktemp("hub")) as hub:
        hub.said_at_first = text_of(hub.browser().get("/hub/login"))
        yield hub
        log = hub.log()
    assert not tracebacks_in(log), tracebacks_in(log)[0]
    assert not codes_in(log)


def pytest_collection_modifyitems(items):
    for item in items:
        if "hub_integration" in item.path.parts:
            item.add_marker(pytest.mark.hub)
