"""A database that takes nothing while servers are wanted, and what the operator said of that."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager

import pytest
from crowds import COMMUNITIES, gather, instant_servers, lost
from hubs import real_hub, text_of

from jupyterhub_communities.application.line import tickets_in_line


@contextmanager
def locked(hub):
    """Another process writes, and does not end."""
    path = hub.folder / "communities.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("admits", [False, True], ids=["refuse", "admit"])
def test_servers_start_or_do_not_as_the_operator_said(tmp_path, admits) -> None:
    """From the page, while nobody waits and while somebody does, and over the API."""
    said = "language: en" + (", when_unreachable: admit" if admits else "")
    communities = COMMUNITIES.replace("language: en", said, 1).replace(
        "champions: [ana]", "champions: [ana], quota: {servers: 1}"
    )
    with real_hub(tmp_path, more=instant_servers(0), communities=communities) as hub:
        people = gather(hub, hub.workshop("Rota"), 5, "rota")
        first, clicks, asks, waits, late = people
        first.start(pace=0.2)  # and takes the one place

        with locked(hub):
            page = ended(clicks)
            answer = hub.api("POST", f"/users/{asks.username}/server")
        if admits:
            assert answer.status_code in (201, 202)
        else:
            assert answer.status_code == page.status_code == 503
            assert "ocupada" in text_of(page)

        assert "Tu lugar en la fila 1" in text_of(waits.look("/hub/spawn"))
        with locked(hub):
            page = ended(late)
        if not admits:
            assert page.status_code == 503
        started = [first, clicks, asks, late] if admits else [first]
        without = sorted(one.username for one in people if one not in started)
        assert sorted(lost(hub, people)) == without
        assert [one.server.username for one in hub.house.call(tickets_in_line)] == [waits.username]


def ended(learner):
    """What a click leads to, when the start is over."""
    page = learner.look("/hub/spawn")
    until = time.monotonic() + 20
    while "/spawn-pending/" in page.url and page.ok:
        assert time.monotonic() < until, page.text[-3000:]
        time.sleep(0.2)
        page = learner.look(page.url.removeprefix(learner.device.hub.url))
    return page
