"""The line for servers, over HTTP against a real hub, without scripts."""

from __future__ import annotations

from crowds import COMMUNITIES, all_start, gather, instant_servers, lost
from hubs import real_hub


def a_hub(folder, more):
    return real_hub(folder, more=more, communities=COMMUNITIES)


def limited(to: int) -> str:
    return f"c.JupyterHub.concurrent_spawn_limit = {to}\n"


def test_three_hundred_click_at_once_and_nobody_is_lost(tmp_path) -> None:
    """With the Hub's default limit of 100 starts at a time, and two communities."""
    with instant_servers() as config, a_hub(tmp_path, config) as hub:
        many = gather(hub, hub.workshop("Grande", seats=400), 290, "grande")
        few = gather(hub, hub.workshop("Petit", "sahel", by="awa"), 10, "petit")
        all_start([*many, *few])
        assert lost(hub, [*many, *few]) == []
        assert {status for one in [*many, *few] for status in one.statuses} <= {200, 302, 303}
        assert sum(one.waited for one in [*many, *few]) >= 100


def test_twelve_people_start_where_five_may_start_at_once(tmp_path) -> None:
    with instant_servers() as config, a_hub(tmp_path, config + limited(5)) as hub:
        people = gather(hub, hub.workshop("Doce"), 12, "doce")
        all_start(people)
        assert lost(hub, people) == []
        assert {status for one in people for status in one.statuses} <= {200, 302, 303}
        assert sum(one.waited for one in people) >= 7
