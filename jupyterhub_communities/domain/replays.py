"""Replays: what other limits would have done to the leases that there were.

A dry run. Who would have been refused holds nothing afterwards in the replay, so later starts meet
what would have been there. It is told nothing about people who would then have tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from .leases import Lease
from .ledger import Ledger, Request, Rules
from .quotas import Claim
from .reservations import LOOK_AHEAD
from .stops import RunningRules
from .units import Amounts


@dataclass(frozen=True, slots=True)
class RefusedStart:
    """A start that there was, and would not have been."""

    lease: Lease
    exceeded: tuple[Claim, ...]  # every limit that it would have broken
    would_fit: str | None  # slug of the largest profile that would have started

    @property
    def at(self) -> datetime:
        return self.lease.requested_at


@dataclass(frozen=True, slots=True)
class Replay:
    """What would have become of a stretch of history."""

    admitted: int
    refused: tuple[RefusedStart, ...]  # in the order in which they came


def replay(
    history: Iterable[Lease],
    rules: Rules,
    profiles: Mapping[str, Amounts],
    running: RunningRules | None = None,
) -> Replay:
    """Starts and stops in the order in which they were; of one moment, stops go first. Leases that
    still run are held to the end. `profiles` are what would have been offered, by slug."""
    running = running or RunningRules()
    lasts = running.max_session or LOOK_AHEAD
    leases = sorted(history, key=lambda lease: (lease.requested_at, lease.id))
    ends = sorted(
        (lease.settled_at, number)
        for number, lease in enumerate(leases)
        if lease.settled_at is not None
    )
    ledger = Ledger(rules)
    holding: set[int] = set()
    refused = []
    coming = iter([*ends, None])
    end = next(coming)
    for number, lease in enumerate(leases):
        now = lease.requested_at
        while end is not None and end[0] <= now:
            if end[1] in holding:
                holding.remove(end[1])
                ledger.release(leases[end[1]].scope, leases[end[1]].amounts, end[0])
            end = next(coming)
        if lease.settled_at is not None and lease.settled_at <= now:
            continue  # it held nothing for any time
        verdict = ledger.judge(Request(lease.scope, lease.amounts, lasts), now)
        if verdict.fits:
            holding.add(number)
            ledger.hold(lease.scope, lease.amounts, now)
        else:
            would_fit = ledger.largest(profiles, lease.scope, now, lasts)
            refused.append(RefusedStart(lease, verdict.exceeded, would_fit))
    return Replay(admitted=len(leases) - len(refused), refused=tuple(refused))
