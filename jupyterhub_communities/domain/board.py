"""The board: what a workshop's people are doing, as far as their servers show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .leases import Lease, RunningServer
from .line import StartTicket

SLOW_AFTER = timedelta(minutes=5)  # that a start takes
IDLE_AFTER = timedelta(minutes=15)  # without anything that the Hub has seen
TROUBLE_LASTS = timedelta(hours=2)  # then nobody waits for help with it any more
FAILED = "start.failed"  # the code of a start that was admitted and did not come up


class PersonState(StrEnum):
    JOINED = "joined"  # has no server
    STARTING = "starting"
    RUNNING = "running"
    IDLE = "idle"
    STUCK = "stuck"
    LEFT = "left"  # nothing that they were granted here holds any more


class StuckBy(StrEnum):
    LINE = "line"  # waits until a server can be started
    SLOW = "slow"  # the start takes long
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last start of somebody that came to nothing before a lease was held, or failed."""

    code: str  # the refusal's, or `FAILED`
    at: datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """What somebody is doing, since when, and what is in their way."""

    state: PersonState
    since: datetime
    stuck_by: StuckBy | None = None
    code: str | None = None  # of the refusal


def condition_of(
    now: datetime,
    joined_at: datetime,
    *,
    lease: Lease | None = None,
    seen: RunningServer | None = None,
    ticket: StartTicket | None = None,
    last: Lease | None = None,
    trouble: Trouble | None = None,
) -> Condition:
    """Of somebody who is in. `lease` is the unsettled one, `seen` its server as the Hub knows it, and
    `last` the lease that was asked for last, settled or not."""
    if lease is not None:
        if lease.active_at is None or (seen is not None and not seen.ready):
            if now - lease.requested_at >= SLOW_AFTER:
                return Condition(PersonState.STUCK, lease.requested_at, StuckBy.SLOW)
            return Condition(PersonState.STARTING, lease.requested_at)
        active = None if seen is None else seen.last_activity
        if active is not None and now - max(active, lease.active_at) >= IDLE_AFTER:
            return Condition(PersonState.IDLE, max(active, lease.active_at))
        return Condition(PersonState.RUNNING, lease.active_at)
    if ticket is not None:
        return Condition(PersonState.STUCK, ticket.taken_at, StuckBy.LINE)
    if last is not None and last.settled_at is not None and last.active_at is None:
        failed = Trouble(FAILED, last.settled_at)
        trouble = failed if trouble is None or trouble.at < last.requested_at else trouble
    if (
        trouble is not None
        and now - trouble.at < TROUBLE_LASTS
        and (last is None or trouble.at >= last.requested_at)
    ):
        kind = StuckBy.FAILED if trouble.code == FAILED else StuckBy.REFUSED
        code = None if kind is StuckBy.FAILED else trouble.code
        return Condition(PersonState.STUCK, trouble.at, kind, code)
    return Condition(PersonState.JOINED, joined_at)
