"""While servers run: which of them must be warned and stopped, and what their people are told.

Looked at by the service's timer, for all servers of the hub at one time. What was found is kept with
the leases, so that a service that starts anew goes on where the last one was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from ..domain.access import access_ends_at, place_ends_at
from ..domain.leases import Lease
from ..domain.quotas import Scope
from ..domain.stops import Course, RunningRules, Stop, StopReason, course, known_end, runs_out_at
from ..domain.units import spent_each_second
from .admission import lasts_in, running_rules
from .places import workshop_at, zone_of
from .ports import Desk, Store

_AT_ONE_TIME = 500  # leases written in one transaction


@dataclass(frozen=True, slots=True)
class Plan:
    """What a look at the running servers found."""

    due: tuple[Lease, ...]  # to be stopped now, until they are settled
    next_at: datetime | None  # when the next one is to be warned or stopped, as far as is known


@dataclass(frozen=True, slots=True)
class ComingStop:
    """What the person of a server is told."""

    server_name: str
    at: datetime
    zone: str
    reason: StopReason | None  # None: no warning yet, only how long it runs at most


def plan_stops(desk: Desk) -> Plan:
    """Looks at every server of this hub: keeps known ends, warns, and takes back warnings whose
    reason is gone. Safe to repeat at any time."""
    with desk.database.read() as store:
        found = list(_courses(desk, store))
    changed = [planned for lease, planned, _ in found if planned != lease]
    for start in range(0, len(changed), _AT_ONE_TIME):
        with desk.database.write() as store:
            store.leases.plan_stops(changed[start : start + _AT_ONE_TIME])
    turns = [turn for _, planned, what in found if (turn := _next_turn(desk, planned, what))]
    return Plan(
        due=tuple(planned for _, planned, what in found if what.stops),
        next_at=min(turns, default=None),
    )


def is_due(desk: Desk, lease_id: str) -> bool:
    """Is the server still to be stopped? Asked just before it is: it may have stopped and started
    again meanwhile, or the reason may be gone."""
    with desk.database.read() as store:
        lease = store.leases.get(lease_id)
        return (
            lease is not None
            and lease.settled_at is None
            and lease.warned_at is not None
            and lease.stop_at is not None
            and lease.stop_at <= desk.now
        )


def stops_of(desk: Desk, store: Store, leases: Iterable[Lease]) -> Sequence[ComingStop]:
    """When somebody's servers stop, as far as that is known."""
    found = []
    for lease in leases:
        at = lease.stop_at or lease.ends_at
        if at is None:
            continue
        reason = None if lease.warned_at is None else lease.stop_reason
        found.append(
            ComingStop(
                server_name=lease.server.server_name,
                at=max(at, desk.now),
                zone=zone_of(desk, workshop_at(store, lease.scope)),
                reason=None if reason is None else StopReason(reason),
            )
        )
    return found


def _courses(desk: Desk, store: Store) -> Iterator[tuple[Lease, Lease, Course]]:
    """Each lease as it is kept, as it is to be kept, and what to do."""
    leases = store.leases.unsettled()
    if not leases:
        return
    people = store.people.with_servers()
    exhausted_at = _exhaustions(desk, store)
    settings = desk.settings

    @cache
    def workshop_ends_at(scope: Scope) -> datetime | None:
        if scope.community is None or scope.workshop is None:
            return None
        workshop = store.workshops.get(scope.community, scope.workshop)
        if workshop is None:
            return None
        return min(workshop.ends_at, workshop.closed_at or workshop.ends_at)

    @cache
    def rules_at(community: str | None, is_rescue: bool) -> RunningRules:
        return _rules(desk, community, is_rescue=is_rescue)

    for lease in leases:
        rules = rules_at(lease.scope.community, lease.is_rescue)
        account, history = people.get(lease.account_id or "", (None, None))
        grants = () if history is None else history.grants
        end = known_end(
            lease,
            rules,
            workshop_ends_at=workshop_ends_at(lease.scope) if rules.stops_at_end else None,
            place_ends_at=(
                place_ends_at(lease.scope, grants, desk.now) if rules.stops_at_end else None
            ),
            access_ends_at=None
            if account is None
            else access_ends_at(
                account,
                grants,
                settings.grace,
                admits_outside=settings.admits_outside or lease.is_hub_admin,
            ),
        )
        what = course(
            rules,
            desk.now,
            end=end,
            exhausted_at=exhausted_at(lease) if rules.stops_when_exhausted else None,
            warned_at=lease.warned_at,
        )
        yield lease, _planned(desk, lease, end, what), what


def _rules(desk: Desk, community: str | None, *, is_rescue: bool) -> RunningRules:
    """A rescue server is for whom the other reasons have stopped already."""
    rules = running_rules(desk, community)
    if not is_rescue:
        return rules
    longest = lasts_in(desk, Scope(community), is_rescue=True)
    return replace(rules, max_session=longest, stops_when_exhausted=False, stops_at_end=False)


def _planned(desk: Desk, lease: Lease, end: Stop | None, what: Course) -> Lease:
    """As far as it changes: what will be exhausted some day is computed anew each time, and kept
    only once the person is warned."""
    stop = what.stop if what.warns else end
    return replace(
        lease,
        ends_at=None if end is None else end.at,
        warned_at=(lease.warned_at or desk.now) if what.warns else None,
        stop_at=None if stop is None else stop.at,
        stop_reason=None if stop is None else stop.reason.value,
    )


def _next_turn(desk: Desk, lease: Lease, what: Course) -> datetime | None:
    if what.stop is None or what.stops:
        return None
    if what.warns:
        return what.stop.at
    grace = _rules(desk, lease.scope.community, is_rescue=lease.is_rescue).grace
    return what.stop.at - grace


def _exhaustions(desk: Desk, store: Store) -> Callable[[Lease], datetime | None]:
    """When the first allowance on a lease's path runs out, at the rate of now."""
    running = desk.settings.running
    if not any(rules.stops_when_exhausted for rules in running.values()):
        return lambda lease: None
    times: dict[tuple[Scope, str], datetime] = {}
    for drain in store.drains.all(desk.now):
        key = (drain.scope, drain.resource)
        at = runs_out_at(desk.now, drain.left, drain.rate)
        if at is not None:
            times[key] = min(at, times.get(key, at))

    def of(lease: Lease) -> datetime | None:
        spends = spent_each_second(lease.amounts)
        keys = ((level, resource) for level in lease.charged.path() for resource in spends)
        return min((times[key] for key in keys if key in times), default=None)

    return of if times else lambda lease: None
