"""The line for servers, over HTTP against a real hub, without scripts."""

from __future__ import annotations

import pytest
from crowds import all_start, gather, instant_servers, lost
from hubs import COMMUNITIES, real_hub


def limited(to: int) -> str:
    return f"c.JupyterHub.concurrent_spawn_limit = {to}\n"


def test_twelve_people_start_where_five_may_start_at_once(tmp_path) -> None:
    with instant_servers() as config, real_hub(tmp_path, more=config + limited(5)) as hub:
        people = gather(hub, hub.workshop("Doce").learner_invite.code, 12)
        all_start(people)
        assert lost(hub, people) == []
        assert {status for one in people for status in one.statuses} <= {200, 302, 303}
        assert sum(one.waited for one in people) >= 7
