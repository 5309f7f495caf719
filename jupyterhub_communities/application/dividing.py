"""Dividing: the limits of a scope with what it holds and spends, looked at and set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from zoneinfo import ZoneInfo

from ..domain.borrowing import Share, lent
from ..domain.communities import Community
from ..domain.grants import Actor, Verb, may, require
from ..domain.ledger import Allowance, Key, Ledger, Rules
from ..domain.limits import Limit, Quota, Spending, Standing
from ..domain.loans import Loan, between, given, received
from ..domain.metering import meter_alike
from ..domain.quotas import HUB, Scope
from ..domain.refusals import AmountInvalid, Declared, LimitRepeated, LimitUnknown, NotFound
from ..domain.remaining import remaining
from ..domain.reservations import LOOK_AHEAD, Reservation, reserved_at
from ..domain.units import SERVERS, example_of, is_resource, is_spent, read_amount
from ..domain.versions import Expected, check_version, version_of
from ..domain.windows import CalendarMonth, Rolling, Window, WorkshopSessions, granted_since
from ..domain.workshops import Session, Workshop
from .admission import lasts_in
from .audit import record
from .communities import find_community, quota_lines
from .ending import require_operator
from .ports import Desk, Store
from .reservations import follow_seats
from .workshops import find_workshop

MOST_LINES = 60  # limits of one scope


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One resource at a scope, in base units."""

    resource: str
    limit: Limit
    held: int = 0
    reserved: int = 0  # for sessions that are on now
    borrowed: int = 0  # of others in its cohort, beyond what it owns
    lent: int = 0  # to others, of what is idle
    received: int = 0  # on loan from others, for dated hours
    given: int = 0  # on loan to others
    left: int | None = None  # what could be started there now, by all levels; None: unlimited

    @property
    def share(self) -> Share | None:
        """With what is on loan now."""
        share = self.limit.share
        return None if share is None else share.moved(self.received, self.given)

    @property
    def owned(self) -> int | None:
        share = self.share
        return self.limit.most if share is None else share.nominal

    @property
    def idle(self) -> int | None:
        """Of what it owns now: neither in use, nor reserved, nor used by others."""
        owned = self.owned
        return None if owned is None else max(0, owned - self.lent - max(self.held, self.reserved))

    @property
    def most(self) -> int | None:
        return self.limit.ceiling(self.received, self.given)


@dataclass(frozen=True, slots=True)
class SpentRow:
    """What may be spent over a window."""

    spending: Spending
    spent: int | None  # None: of each person alone, or the window does not bind now

    @property
    def left(self) -> int | None:
        limit = self.spending.allowance.limit
        return None if self.spent is None else max(0, limit - self.spent)


@dataclass(frozen=True, slots=True)
class ScopeView:
    """A scope as its page and the API show it."""

    scope: Scope
    community: Community | None  # None: the hub
    workshop: Workshop | None
    quota: Quota
    held: tuple[HeldRow, ...]
    spent: tuple[SpentRow, ...]

    @property
    def version(self) -> str:
        """Of the limits: what is held and spent changes by itself."""
        return version_of(quota_lines(self.quota))


@dataclass(frozen=True, slots=True)
class QuotaView:
    """A scope with those below it that the actor may know of."""

    here: ScopeView
    below: tuple[ScopeView, ...]
    may_set: bool
    may_try: bool
    is_declared: bool  # the operator's file says the limits


def view_quota(
    desk: Desk, actor: Actor, community: str | None, workshop: str | None = None
) -> QuotaView:
    """Of a workshop, a community with its workshops, or the hub with its communities. Raises
    `NotFound` for a place that is none of the actor's business."""
    with desk.database.read() as store:
        here = find_place(store, actor, community, workshop)
        places, cohort = [here], {}
        if community is None:
            cohort = {c.slug: c for c in store.communities.all()}
            standings = store.limits.standings(None, with_workshops=False)
            places += [Place(Scope(slug), found) for slug, found in cohort.items()]
        else:
            standings = store.limits.standings(community)
            if here.community is not None and here.community.cohort is not None:
                of_cohort = here.community.cohort
                cohort = {c.slug: c for c in store.communities.all() if c.cohort == of_cohort}
                standings = {
                    **store.limits.standings(None, with_workshops=False),
                    **standings,
                }
            if workshop is None:
                places += [
                    Place(Scope(community, one.slug), here.community, one)
                    for one in store.workshops.of_community(community)
                    if actor.role_at(community, one.slug) is not None
                ]
        views = views_of(desk, store, places, standings, cohort)
        is_declared = workshop is None and _is_declared(desk, community)
        return QuotaView(
            views[0],
            views[1:],
            may_set=not is_declared and _may_set(actor, community, workshop),
            may_try=actor.is_operator
            or (community is not None and may(actor, Verb.TRY_QUOTA, community)),
            is_declared=is_declared,
        )


def set_quota(
    desk: Desk,
    actor: Actor,
    community: str | None,
    workshop: str | None,
    lines: Mapping[str, object],
    *,
    expected: Expected = None,
) -> QuotaView:
    """All limits of a scope anew, by their names (see `quota_lines`). A champion divides what the
    community has among its workshops; the rest is the operator's, or the file's. Raises
    `VersionOutdated` where they have changed since the actor looked, unless to the same."""
    with desk.database.write() as store:
        place = find_place(store, actor, community, workshop, Verb.SET_QUOTA)
        if workshop is None and (_is_declared(desk, community) or not actor.is_operator):
            raise Declared
        scope = place.scope
        before = store.limits.quota(scope)
        wanted = read_lines(lines, scope, zone=desk.settings.zone, sessions=place.sessions)
        if wanted != before:
            check_version(version_of(quota_lines(before)), expected)
            write_quota(desk, store, actor, scope, before, wanted)
    return view_quota(desk, actor, community, workshop)


def write_quota(
    desk: Desk, store: Store, actor: Actor, scope: Scope, before: Quota, wanted: Quota
) -> None:
    """In the caller's transaction, which has checked that the actor may."""
    store.limits.set_quota(scope, wanted)
    store.limits.add_up_cohorts()
    if scope.community is not None and scope.workshop is not None:
        follow_seats(desk, store, scope.community, scope.workshop)  # no more than may run
    record(
        desk,
        store,
        actor,
        Verb.SET_QUOTA,
        f"quota/{scope.key}",
        scope.community,
        before=quota_lines(before),
        after=quota_lines(wanted),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where limits are set, with what stands there."""

    scope: Scope
    community: Community | None = None  # None: the hub
    workshop: Workshop | None = None

    @property
    def sessions(self) -> Sequence[Session]:
        return () if self.workshop is None else self.workshop.sessions


def find_place(
    store: Store,
    actor: Actor,
    community: str | None,
    workshop: str | None,
    verb: Verb | None = None,
) -> Place:
    """A workshop, a community or the hub, if the actor may know of it and do that there."""
    if community is None:
        require_operator(actor)
        if workshop is not None:
            raise NotFound(kind="workshop")  # each is a community's
        return Place(HUB)
    own = find_community(store, actor, community)
    if verb is not None:
        require(actor, verb, community)
    found = None if workshop is None else find_workshop(store, actor, community, workshop)
    return Place(Scope(community, workshop), own, found)


def _is_declared(desk: Desk, community: str | None) -> bool:
    """The file says all limits of the hub and of the communities that it names."""
    return community is None or community in desk.settings.communities


def _may_set(actor: Actor, community: str | None, workshop: str | None) -> bool:
    if workshop is None or community is None:
        return actor.is_operator
    return may(actor, Verb.SET_QUOTA, community)


# Looking


def views_of(
    desk: Desk,
    store: Store,
    places: Sequence[Place],
    standings: Mapping[Scope, Standing],
    cohort: Mapping[str, Community],
) -> tuple[ScopeView, ...]:
    """Each of these; `cohort` has all communities that share something with them."""
    cohorts = {slug: one.cohort for slug, one in cohort.items()}
    loans: Sequence[Loan] = ()
    if any(cohorts.values()):
        loans = between(store.loans.all(desk.now), cohorts)
    longest = max(_lasts(desk, place.scope) for place in places)
    reservations = store.balances.reservations(desk.now, desk.now + longest, are_kept=True)
    ledger = _standing(store, standings, cohorts, reservations, loans)
    left = _what_is_left(desk, ledger)
    spent = _spent(desk, store, [place.scope for place in places], standings)
    used_by_others = _lent(desk, standings, cohort, loans)
    views = []
    for place in places:
        scope = place.scope
        standing = standings.get(scope, Standing())
        rows = tuple(
            replace(
                _held_row(desk, scope, resource, standing, reservations, used_by_others, loans),
                left=left(scope, resource),
            )
            for resource in _resources(standing)
        )
        spending = tuple(
            SpentRow(one, spent.get((scope, number)))
            for number, one in enumerate(standing.quota.spent)
        )
        views.append(
            ScopeView(scope, place.community, place.workshop, standing.quota, rows, spending)
        )
    return tuple(views)


def _standing(
    store: Store,
    standings: Mapping[Scope, Standing],
    cohorts: Mapping[str, str | None],
    reservations: Sequence[Reservation],
    loans: Sequence[Loan],
) -> Ledger:
    """What is held, as admission judges it."""
    around = {HUB, *(one.scope for one in reservations)} - set(standings)
    standings = {**store.limits.standings_at(around), **standings}
    most, shares = held_limits({scope: one.quota for scope, one in standings.items()})
    rules = Rules(
        most=most,
        shares=shares,
        cohorts={slug: cohort for slug, cohort in cohorts.items() if cohort is not None},
        reservations=reservations,
        loans=loans,
    )
    held = {(at, what): n for at, one in standings.items() for what, n in one.held.items()}
    return Ledger.standing(rules, held, {})


def held_limits(
    quotas: Mapping[Scope, Quota],
) -> tuple[dict[Key, int], dict[tuple[str, str], Share]]:
    """As `Rules` has them: the most that is held, and what communities own."""
    most: dict[Key, int] = {}
    shares: dict[tuple[str, str], Share] = {}
    for scope, quota in quotas.items():
        if scope.cohort is not None:
            continue  # a pool follows from the shares
        for resource, limit in quota.held.items():
            if limit.most is not None:
                most[scope, resource] = limit.most
            if limit.share is not None and scope.community is not None:
                shares[scope.community, resource] = limit.share
    return most, shares


def _what_is_left(desk: Desk, ledger: Ledger) -> Callable[[Scope, str], int | None]:
    """By place and resource: what somebody there could still start now."""
    with_reserve = {one.scope for one in ledger.rules.reservations}

    @cache
    def left(scope: Scope, resource: str) -> int | None:
        if scope.workshop is None or scope in with_reserve:
            found = remaining(ledger, scope, [{resource: 1}], desk.now, _lasts(desk, scope))
            return next((one.amount for one in found), None)
        # What the community's others have, up to its own limit: there may be hundreds.
        limit = ledger.rules.limit(scope, resource)
        own = None if limit is None else max(0, limit - ledger.held(scope, resource))
        lefts = (own, left(Scope(scope.community), resource))
        return min((one for one in lefts if one is not None), default=None)

    return left


def _lasts(desk: Desk, scope: Scope) -> timedelta:
    return lasts_in(desk, scope) or LOOK_AHEAD


def _resources(standing: Standing) -> list[str]:
    """Those that are limited or held; servers always, and first."""
    others = {*standing.quota.held, *standing.held} - {SERVERS}
    return [SERVERS, *sorted(others)]


def _held_row(
    desk: Desk,
    scope: Scope,
    resource: str,
    standing: Standing,
    reservations: Sequence[Reservation],
    used_by_others: Mapping[tuple[Scope, str], int],
    loans: Sequence[Loan],
) -> HeldRow:
    limit = standing.quota.held.get(resource, Limit())
    held = standing.held.get(resource, 0)
    mine = [one for one in reservations if scope in one.scope.path()]
    row = HeldRow(
        resource,
        limit,
        held,
        reserved=reserved_at(mine, resource, desk.now),
        lent=used_by_others.get((scope, resource), 0),
    )
    if limit.share is None or scope.community is None or scope.workshop is not None:
        return row
    row = replace(
        row,
        received=received(loans, scope.community, resource, desk.now),
        given=given(loans, scope.community, resource, desk.now),
    )
    share = row.share
    return row if share is None else replace(row, borrowed=share.borrowed(held))


def _lent(
    desk: Desk,
    standings: Mapping[Scope, Standing],
    communities: Mapping[str, Community],
    loans: Sequence[Loan],
) -> dict[tuple[Scope, str], int]:
    cohorts: dict[tuple[str, str], dict[Scope, tuple[Share, int]]] = {}
    for slug, community in communities.items():
        standing = standings.get(Scope(slug), Standing())
        for resource, limit in standing.quota.held.items():
            if community.cohort is not None and limit.share is not None:
                members = cohorts.setdefault((community.cohort, resource), {})
                now = (slug, resource, desk.now)
                share = limit.share.moved(received(loans, *now), given(loans, *now))
                members[Scope(slug)] = (share, standing.held.get(resource, 0))
    return {
        (scope, resource): amount
        for (_, resource), members in cohorts.items()
        for scope, amount in lent(members).items()
    }


def _spent(
    desk: Desk, store: Store, scopes: Sequence[Scope], standings: Mapping[Scope, Standing]
) -> dict[tuple[Scope, int], int]:
    """What each window has spent, with what is not metered yet, by the scope and the window's
    number."""
    asked: dict[tuple[Scope, int], tuple[Scope, str, datetime]] = {}
    for scope in scopes:
        for number, one in enumerate(standings.get(scope, Standing()).quota.spent):
            begins = one.allowance.window.begins_at(desk.now)
            if begins is not None and not one.is_each:
                asked[scope, number] = (scope, one.resource, begins)
    if not asked:
        return {}
    found = dict(zip(asked, store.meters.spent(list(asked.values())), strict=True))
    for bucket, amounts in meter_alike(store.leases.unmetered_alike(), desk.now).items():
        path = bucket.scope.place.path()
        for key, (scope, resource, begins) in asked.items():
            if scope in path and bucket.hour >= begins:
                found[key] += amounts.get(resource, 0)
    return found


# Limits by name, as `quota_lines` writes them


def read_lines(
    lines: Mapping[str, object],
    scope: Scope,
    *,
    zone: str,
    sessions: Sequence[Session] = (),
    instead_of: Quota | None = None,
) -> Quota:
    """The limits that these lines say, beside those that they stand `instead_of`; an empty line is
    none, or takes one away. Raises `LimitUnknown`, `LimitRepeated` and `AmountInvalid`."""
    if len(lines) > MOST_LINES:
        raise LimitUnknown(name="…")
    read = partial(_read_names, scope=scope, zone=zone, sessions=sessions)
    known = {} if instead_of is None else read(quota_lines(instead_of))
    held: dict[str, dict[str, object]] = {}
    spent: list[Spending] = []
    for name, value in {**known, **read(lines)}.items():
        if value is None or not str(value).strip():
            continue
        resource = name.resource
        if name.window is not None:
            allowance = Allowance(_amount(resource, value), name.window)
            spent.append(Spending(resource, allowance, name.is_each))
        else:
            is_equal = name.part == "each" and str(value).strip() == "equal"
            amount = True if is_equal else _amount(resource, value)
            held.setdefault(resource, {})[name.part] = amount
    return Quota(
        {resource: _limit(resource, parts) for resource, parts in held.items()}, tuple(spent)
    )


def once_each(lines: Iterable[tuple[str, object]]) -> dict[str, object]:
    """By their names, as they were typed. Raises `LimitRepeated`."""
    found: dict[str, object] = {}
    for name, value in lines:
        if name in found:
            raise LimitRepeated(name=name)
        found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class _Name:
    """What there is one limit of at a scope, however it is spelled."""

    resource: str
    part: str = ""  # of what is held: the most; `each`; what is owned, borrowed, lent
    window: Window | None = None  # of what is spent
    is_each: bool = False


def _read_names(
    lines: Mapping[str, object], scope: Scope, zone: str, sessions: Sequence[Session]
) -> dict[_Name, object]:
    found: dict[_Name, object] = {}
    for line, value in lines.items():
        name = _read_name(line, scope, zone, sessions)
        if name in found:
            raise LimitRepeated(name=line.strip())
        found[name] = value
    return found


def _read_name(line: str, scope: Scope, zone: str, sessions: Sequence[Session]) -> _Name:
    resource, *words = line.split() or [""]
    rest = " ".join(words)
    if not is_resource(resource):
        raise LimitUnknown(name=line)
    if not is_spent(resource):
        if rest in ("", "each") or (rest in _SHARES and scope.kind == "community"):
            return _Name(resource, rest)
        raise LimitUnknown(name=line)
    is_each = words[-1:] == ["each"]
    window = _window(rest.removesuffix(" each"), scope, zone, sessions)
    if window is None:
        raise LimitUnknown(name=line)
    return _Name(resource, window=window, is_each=is_each)


_SHARES = ("nominal", "may_borrow", "may_lend")


def _limit(resource: str, parts: Mapping[str, object]) -> Limit:
    amounts = {name: amount for name, amount in parts.items() if isinstance(amount, int)}
    is_equal = parts.get("each") is True
    share = None
    if "nominal" in amounts:
        share = Share(amounts["nominal"], amounts.get("may_borrow"), amounts.get("may_lend"))
    elif set(amounts) & set(_SHARES):
        raise LimitUnknown(name=f"{resource} nominal")
    if is_equal and "" not in amounts and share is None:
        raise LimitUnknown(name=f"{resource} each")
    each = None if is_equal else amounts.get("each")
    return Limit(amounts.get(""), each, is_equal, share)


def _amount(resource: str, value: object) -> int:
    try:
        return read_amount(resource, value)
    except ValueError as error:
        raise AmountInvalid(example=example_of(resource)) from error


def _window(text: str, scope: Scope, zone: str, sessions: Sequence[Session]) -> Window | None:
    if scope.kind == "workshop":
        return WorkshopSessions.of(sessions) if text == "sessions" else None
    first, _, rest = text.partition(" ")
    try:
        if first == "month":
            ZoneInfo(rest or zone)
            return CalendarMonth(rest or zone)
        if first == "since":
            return granted_since(rest, zone)
        if rest in ("day", "days") and 0 < int(first) <= 36500:
            return Rolling(int(first))
    except (
        ValueError,
        KeyError,
        OSError,
    ):  # the last two are ZoneInfo's, of a zone that there is not
        pass
    return None
