"""A database that takes nothing while servers are wanted, and what the operator said of that."""

from __future__ import annotations

import sqlite3
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
    """From the page and over the API, while nobody waits and while somebody does."""
    said = "language: en" + (", when_unreachable: admit" if admits else "")
    communities = COMMUNITIES.replace("language: en", said, 1).replace(
        "champions: [ana]", "champions: [ana], quota: {servers: 1}"
    )
    with real_hub(tmp_path, more=instant_servers(0), communities=communities) as hub:
        clicks, asks, first, waits, late, later = people = gather(
            hub, hub.workshop("Rota"), 6, "rota"
        )
        with locked(hub):
            page = clicks.look("/hub/spawn")
            answer = hub.api("POST", f"/users/{asks.username}/server")
        assert answer.status_code in ((201, 202) if admits else (503,))
        if not admits:
            assert page.status_code == 503
            assert "ocupada" in text_of(page)
            first.start(pace=0.2)
        started = [clicks, asks] if admits else [first]
        assert lost(hub, started) == []

        assert "Tu lugar en la fila 1" in text_of(waits.look("/hub/spawn"))
        with locked(hub):
            page = late.look("/hub/spawn")
            answer = hub.api("POST", f"/users/{later.username}/server")
        assert (page.status_code == 503) is not admits
        if admits:
            started += [late, later]
        assert sorted(lost(hub, people)) == sorted(
            {p.username for p in people} - {p.username for p in started}
        )
        assert [one.server.username for one in hub.house.call(tickets_in_line)] == [waits.username]
