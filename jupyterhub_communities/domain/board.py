"""The board: what a workshop's people are doing, as far as their servers show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .leases import Lease, RunningServer
from .line import StartTicket

SLOW_AFTER = timedelta(minutes=5)  # that a start takes
ANSWERS_WITHIN = timedelta(minutes=2)  # of having been started by the Spawner
IDLE_AFTER = timedelta(minutes=15)  # without anything that the Hub has seen
TROUBLE_LASTS = timedelta(hours=2)  # then nobody waits for help with it any more
FAILED = "start.failed"  # the code of a start that was admitted and did not come up
SILENT = "server.silent"  # of a server that runs, as far as the Spawner knows, and does not answer


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
    SILENT = "silent"  # the server was started, and does not answer


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last start of somebody that came to nothing before a lease was held, or failed; or that a
    server does not answer, or was given up for that."""

    code: str  # the refusal's, or `FAILED`, or `SILENT`
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
        return _with_server(now, lease, seen, trouble)
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
        kind = _KINDS.get(trouble.code, StuckBy.REFUSED)
        code = trouble.code if kind is StuckBy.REFUSED else None
        return Condition(PersonState.STUCK, trouble.at, kind, code)
    return Condition(PersonState.JOINED, joined_at)


_KINDS = {FAILED: StuckBy.FAILED, SILENT: StuckBy.SILENT}


def _with_server(
    now: datetime, lease: Lease, seen: RunningServer | None, trouble: Trouble | None
) -> Condition:
    if lease.active_at is None:
        if now - lease.requested_at >= SLOW_AFTER:
            return Condition(PersonState.STUCK, lease.requested_at, StuckBy.SLOW)
        return Condition(PersonState.STARTING, lease.requested_at)
    if seen is not None and seen.is_starting:
        # The Spawner is done with it; the Hub gives it up after the operator's `http_timeout`.
        if now - lease.active_at >= ANSWERS_WITHIN:
            return Condition(PersonState.STUCK, lease.active_at, StuckBy.SILENT)
        return Condition(PersonState.STARTING, lease.requested_at)
    if trouble is not None and trouble.code == SILENT and trouble.at >= lease.active_at:
        return Condition(PersonState.STUCK, trouble.at, StuckBy.SILENT)
    active = None if seen is None else seen.last_activity
    if active is not None and now - max(active, lease.active_at) >= IDLE_AFTER:
        return Condition(PersonState.IDLE, max(active, lease.active_at))
    return Condition(PersonState.RUNNING, lease.active_at)
