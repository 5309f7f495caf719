"""The Hub's process beside the service's tick: somebody starts, somebody stops."""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import Any

from houses import NOON, SetClock, andes, open_house_in

from jupyterhub_communities.application.leases import StartRequest, admit, settle
from jupyterhub_communities.domain.leases import ServerKey


def start_and_stop(folder: Path, people: list[str], ready: Any, over: Any, answers: Any) -> None:
    """As long as the ticks last; then says how long each start took."""
    house = open_house_in(folder, communities=(andes(servers=None),), clock=SetClock(NOON))
    seconds = []
    number = 0
    ready.set()
    while not over.is_set():
        name = people[number % len(people)]
        number += 1
        asked = StartRequest(f"{os.getpid()}-{number}", ServerKey(name))
        began = perf_counter()
        house.call(admit, asked)
        seconds.append(perf_counter() - began)
        house.call(settle, asked.lease_id)
        over.wait(0.02)
    answers.put(seconds)
    house.close()
