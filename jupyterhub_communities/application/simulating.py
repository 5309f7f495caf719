"""Simulating: the last days anew with other limits. Nothing is written.

Read in pieces and computed beside the pool: see `House.compute`. A community's dry run asks its own
starts only; what others held, they hold in it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..domain.communities import Community
from ..domain.each import EachLimit
from ..domain.grants import Actor, Verb
from ..domain.leases import Lease
from ..domain.ledger import Allowance, Key, Rules
from ..domain.limits import Quota
from ..domain.loans import Loan
from ..domain.profiles import Profile
from ..domain.quotas import HUB, Scope
from ..domain.refusals import HistoryTooLong, PeriodInvalid, Violation
from ..domain.replays import EachPerson, RefusedStart, Replay, Spent, replay
from ..domain.reservations import LOOK_AHEAD, Reservation
from ..domain.stops import RunningRules
from ..domain.texts import LocalText
from ..domain.units import Amounts
from ..domain.windows import hour_of
from .admission import level_name, set_aside
from .communities import quota_lines
from .dividing import find_place, held_limits, read_lines
from .ports import Desk, Store

MOST_DAYS = 90
MOST_STARTS = 100_000
MOST_SHOWN = 500  # refused starts that are told one by one


@dataclass(frozen=True, slots=True)
class Trial:
    """All that a dry run needs beside the history itself."""

    scope: Scope  # whose limits are tried; its community's starts are asked
    since: datetime
    reads: str | None  # whose leases; None: the hub's
    lines: Mapping[str, str]  # the limits that are tried
    quotas: Mapping[Scope, Quota]
    cohorts: Mapping[str, str]
    reservations: Sequence[Reservation]
    suspended: Mapping[str, datetime]  # communities that are, since when
    loans: Sequence[Loan]
    profiles: Mapping[str, Amounts]
    offered: Mapping[str | None, frozenset[str]]  # of these, in each community; None: to all
    running: Mapping[str | None, RunningRules]
    spent: Spent = field(default_factory=dict)

    def asks(self, lease: Lease) -> bool:
        if self.scope.workshop is not None:
            return lease.scope.place == self.scope
        return self.scope.community in (None, lease.scope.community)

    def counts(self, one: Reservation | Loan, at: datetime) -> bool:
        """Whether it was made by then; and for a suspended community nothing is kept."""
        community = one.scope.community if isinstance(one, Reservation) else None
        suspended_at = self.suspended.get(community or "")
        return one.made_at <= at and (suspended_at is None or at < suspended_at)


@dataclass(frozen=True, slots=True)
class Refused:
    """A start that would have been refused."""

    at: datetime
    username: str
    name: str  # as the person writes it; the username where nobody knows
    profile: LocalText | None
    violations: tuple[Violation, ...]
    would_fit: LocalText | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a dry run found."""

    days: int
    starts: int
    refused: int
    shown: tuple[Refused, ...]  # the first of them
    lines: Mapping[str, str]
    left_out: tuple[str, ...]  # resources with equal parts, which are not tried


def prepare_trial(
    desk: Desk,
    actor: Actor,
    community: str | None,
    workshop: str | None,
    lines: Mapping[str, object],
    days: int,
    *,
    are_all: bool = False,
) -> Trial:
    """The limits as they are now, with these of one scope: an empty line takes one away, and where they
    `are_all`, so does what is not among them. Raises `HistoryTooLong` where there were too many starts."""
    if not 1 <= days <= MOST_DAYS:
        raise PeriodInvalid(most=MOST_DAYS)
    since = hour_of(desk.now - timedelta(days=days))  # what was spent before is kept by the hour
    with desk.database.read() as store:
        place = find_place(store, actor, community, workshop, Verb.TRY_QUOTA)
        scope = place.scope
        communities = {one.slug: one for one in store.communities.all()}
        quotas = {at: one.quota for at, one in store.limits.standings(None).items()}
        quotas[scope] = read_lines(
            lines,
            scope,
            zone=desk.settings.zone,
            sessions=place.sessions,
            instead_of=None if are_all else quotas.get(scope),
        )
        reads = community if _stands_alone(community, communities, quotas) else None
        if store.leases.count_settled(reads, since) > MOST_STARTS:
            raise HistoryTooLong(most=MOST_STARTS)
        catalogue = desk.settings.catalogue
        profiles = catalogue.profiles if community is None else catalogue.of_community(community)
        offered: dict[str | None, frozenset[str]] = {
            None: _slugs(catalogue.offered(actor, None, None))
        }
        offered |= {slug: _slugs(catalogue.of_community(slug)) for slug in communities}
        return Trial(
            scope=scope,
            since=since,
            reads=reads,
            lines=quota_lines(quotas[scope]),
            quotas=quotas,
            cohorts={slug: c.cohort for slug, c in communities.items() if c.cohort is not None},
            reservations=store.balances.reservations(since, desk.now + LOOK_AHEAD),
            suspended={slug: c.suspended_at for slug, c in communities.items() if c.suspended_at},
            loans=store.loans.all(since),
            profiles={one.slug: set_aside(None, one.with_choices({})) for one in profiles},
            offered=offered,
            running=desk.settings.running,
            spent=_spent_before(store, quotas, scope, since),
        )


def _slugs(profiles: Iterable[Profile]) -> frozenset[str]:
    return frozenset(profile.slug for profile in profiles)


def _stands_alone(
    community: str | None, communities: Mapping[str, Community], quotas: Mapping[Scope, Quota]
) -> bool:
    """Whether what others held has no say in what the community's people get."""
    return (
        community is not None
        and communities[community].cohort is None
        and quotas.get(HUB, Quota()) == Quota()
    )


def _spent_before(
    store: Store, quotas: Mapping[Scope, Quota], scope: Scope, since: datetime
) -> Spent:
    """What had been spent when the history begins, in the windows that are asked."""
    found: dict[Key, Mapping[datetime, int]] = {}
    for at, quota in quotas.items():
        if scope != HUB and at != HUB and at.community != scope.community:
            continue
        for one in quota.spent:
            begins = one.allowance.window.begins_at(since)
            if begins is None or begins >= since:
                continue
            wanted = (at, one.resource, begins, since)
            by_scope = (
                store.meters.hours_each(*wanted)
                if one.is_each
                else {at: store.meters.hours(*wanted)}
            )
            for spender, hours in by_scope.items():
                if hours:
                    key = (spender, one.resource)
                    found[key] = {**found.get(key, {}), **hours}
    return found


def carry_out(trial: Trial, history: Sequence[Lease]) -> Replay:
    """Pure: seconds for a hundred thousand leases."""
    return replay(
        history,
        rules_of(trial, history),
        trial.profiles,
        trial.running,
        since=trial.since,
        asked=trial.asks,
        offers=lambda community, slug: slug in trial.offered.get(community, ()),
        spent=trial.spent,
        each=each_person(trial, history),
        counts=trial.counts,
    )


def each_person(trial: Trial, history: Iterable[Lease]) -> EachPerson:
    """What stands for each person at a level, at every place where one of these was."""
    places = {lease.scope for lease in history if trial.asks(lease)}
    return EachPerson(
        held={place: _each(trial.quotas, place).keys() for place in places},
        spent={
            place: [
                (level, one.resource, one.allowance)
                for level in place.path()
                for one in trial.quotas.get(level, Quota()).spent
                if one.is_each
            ]
            for place in places
        },
    )


def rules_of(trial: Trial, history: Iterable[Lease]) -> Rules:
    """The limits as the ledger has them. What stands for each person at a level stands below it too.
    Equal parts depend on who else is there: they are left out."""
    most, shares = held_limits(trial.quotas)
    pools: dict[Key, int] = {}
    for (community, resource), share in shares.items():
        if cohort := trial.cohorts.get(community):
            pool = (Scope(cohort=cohort), resource)
            pools[pool] = pools.get(pool, 0) + share.lendable
    spent: dict[Key, list[Allowance]] = {}
    for scope, quota in trial.quotas.items():
        for one in quota.spent:
            if not one.is_each:
                spent.setdefault((scope, one.resource), []).append(one.allowance)
    return Rules(
        most=most,
        most_each={
            (place, resource): limits
            for place in {lease.scope for lease in history if trial.asks(lease)}
            for resource, limits in _each(trial.quotas, place).items()
        },
        spent=spent,
        shares=shares,
        cohorts=trial.cohorts,
        pools=pools,
        reservations=trial.reservations,
        loans=trial.loans,
    )


def _each(quotas: Mapping[Scope, Quota], place: Scope) -> dict[str, list[EachLimit]]:
    found: dict[str, list[EachLimit]] = {}
    for level in place.path():
        for resource, limit in quotas.get(level, Quota()).held.items():
            if limit.each is not None:
                found.setdefault(resource, []).append(EachLimit(level, limit.each))
    return found


def _equal_parts(trial: Trial) -> tuple[str, ...]:
    """Resources of which somebody who is asked has an equal part."""
    found = {
        resource
        for scope, quota in trial.quotas.items()
        if scope in trial.scope.path() or trial.scope in scope.path()
        for resource, limit in quota.held.items()
        if limit.is_shared_equally
    }
    return tuple(sorted(found))


def tell(desk: Desk, trial: Trial, found: Replay) -> Outcome:
    """The outcome with names. Only people of the community that the actor may try limits for are
    among them."""
    shown = found.refused[:MOST_SHOWN]
    with desk.database.read() as store:
        accounts = store.accounts.names(
            {one.lease.account_id for one in shown if one.lease.account_id is not None}
        )
        levels = {
            claim.scope: level_name(desk, store, claim.scope)
            for one in shown
            for claim in one.exceeded
            if claim.scope.member is None
        }
    names = {profile.slug: profile.names for profile in desk.settings.catalogue.profiles}

    def told(one: RefusedStart) -> Refused:
        account = accounts.get(one.lease.account_id or "")
        username = one.lease.server.username
        name = username if account is None else account.display_name
        return Refused(
            at=one.at,
            username=username,
            name=name,
            profile=names.get(one.lease.profile or ""),
            violations=tuple(c.violation(levels.get(c.scope, name)) for c in one.exceeded),
            would_fit=names.get(one.would_fit or ""),
        )

    refused = len(found.refused)
    return Outcome(
        days=(desk.now - trial.since) // timedelta(days=1),
        starts=found.admitted + refused,
        refused=refused,
        shown=tuple(map(told, shown)),
        lines=trial.lines,
        left_out=_equal_parts(trial),
    )
