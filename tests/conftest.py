"""What all tests share: the order of the tiers, and what a missing program means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("tests", deadline=None)  # a busy machine is no mistake
settings.load_profile("tests")

TIERS = [
    "domain",
    "application",
    "i18n",
    "pages",
    "storage",
    "config",
    "docs",
    "cli",
    "service",
    "hub",
    "hub_integration",
    "demo",
    "faults",
    "browser",
]
# Of its tier it comes first: begun last, it would be what all workers wait for at the end.
LONGEST = "test_tour.py"
STRICT = os.environ.get("STRICT") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tiers first."""
    root = Path(__file__).parent

    def tier(item: pytest.Item) -> tuple[int, bool]:
        name = item.path.relative_to(root).parts[0]
        return TIERS.index(name) if name in TIERS else 0, item.path.name != LONGEST

    items.sort(key=tier)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """With STRICT=1 nothing may be skipped."""
    report = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"STRICT=1, and this was skipped: {reason}"
    return report


@pytest.fixture(scope="session")
def postgresql():
    """A server of PostgreSQL for the whole session."""
    from postgres import Postgresql

    server = Postgresql()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The test runs on both: `make_house(tmp_path)` builds on what stands in the folder."""
    if request.param == "sqlite":
        yield request.param
        return
    server = request.getfixturevalue("postgresql")
    url = server.lend()
    (tmp_path / "database").write_text(url)
    yield request.param
    server.take_back(url)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A demo that runs for the whole session: the real hub, proxy, service and servers."""
    from demos import start_demo, stop_demo

    running = start_demo(tmp_path_factory.mktemp("demo") / "data")
    yield running
    stop_demo(running)
