"""Leases: a server is admitted, runs, and is settled. What was missed is mended in `reconciling`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from ..domain.access import Access
from ..domain.accounts import Account
from ..domain.grants import NOBODY, Actor
from ..domain.leases import Lease, ServerKey
from ..domain.ledger import Request
from ..domain.profiles import Catalogue, Profile
from ..domain.quotas import HUB, Scope, Verdict
from ..domain.refusals import (
    OneRescueServer,
    OneServerInGrace,
    ProfileNotOffered,
    QuotaExceeded,
    Refusal,
    ScopeNotYours,
)
from ..domain.remaining import Left
from ..domain.reservations import LOOK_AHEAD
from ..domain.units import Amounts
from ..domain.workshops import Workshop
from .admission import (
    Earliest,
    earliest,
    hold,
    lasts_in,
    refusal_to_hold,
    set_aside,
    standing_for,
    would_fit,
)
from .house import House
from .people import Person, load_person, refusal_of
from .places import charged_by, name_of, ranked, workshop_at, zone_of
from .ports import Desk, Store
from .remaining import sizes_of, told_left, told_sizes


@dataclass(frozen=True, slots=True)
class StartRequest:
    """Somebody wants a server."""

    lease_id: str  # drawn by the caller, who can so settle a start that was cancelled
    server: ServerKey
    scope: Scope | None = None  # what the person chose to charge; None: the default
    profile: str | None = None  # slug; None: the workshop's, else the first
    picked: Mapping[str, str] = field(default_factory=dict)  # within the profile: choice → option
    is_hub_admin: bool = False  # needs no community, even where others do
    is_rescue: bool = False  # to save or delete files: also over quota, whatever else is asked for
    others_wait: bool = False  # in line, for what there is: then a rescue stays one
    set_aside: Amounts | None = None  # what the server really takes; None: what the profile says
    otherwise: Amounts = field(default_factory=dict)  # takes of what the profile says nothing of
    is_planned: bool = False  # was planned before, and nothing else will do; see `as_planned`
    catalogue: Catalogue | None = None  # of a Spawner with a list of its own; None: the file's


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a person may start on: a community or workshop, and the profiles there."""

    scope: Scope
    name: Mapping[str, str]  # language tag → community's name, or the workshop's title
    workshop: Workshop | None
    profiles: tuple[Profile, ...]
    preferred_profile: str | None
    left: tuple[Left, ...] = ()  # over all levels, of what is limited there
    waits: Mapping[str, Verdict] = field(default_factory=dict)  # slugs that do not fit now → why
    zone: str = "UTC"  # in which times are told

    @property
    def is_full(self) -> bool:
        """No profile would start now."""
        return bool(self.waits) and len(self.waits) == max(1, len(self.profiles))


@dataclass(frozen=True, slots=True)
class Offer:
    """The profiles of all places of a person, for a form that knows no places."""

    profiles: tuple[Profile, ...]
    preferred_profile: str | None


@dataclass(frozen=True, slots=True)
class StartPlan:
    """What a server is started with."""

    scope: Scope
    profile: Profile | None
    workshop: Workshop | None
    account: Account | None
    picked: Mapping[str, str] = field(default_factory=dict)  # within the profile: choice → option
    is_rescue: bool = False
    is_offered: bool = True  # else the profile is had for a rescue only
    actor: Actor = NOBODY
    amounts: Amounts = field(default_factory=dict)  # what the lease holds

    @property
    def charged(self) -> Scope:
        return replace(self.scope, member=None if self.account is None else self.account.id)


def start_choices(
    desk: Desk, username: str, catalogue: Catalogue | None = None
) -> Sequence[Choice]:
    """What the person may start on, the default first. Empty for people of no community."""
    catalogue = catalogue or desk.settings.catalogue
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        places = ranked(desk, store, person)
        return [_choice(desk, store, person, *place, catalogue) for place in places.items()]


def offer_to(desk: Desk, username: str, catalogue: Catalogue | None = None) -> Offer:
    """What the person may start wherever they are. People of no community: what is open to all."""
    catalogue = catalogue or desk.settings.catalogue
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        places = ranked(desk, store, person) or {HUB: None}
    united: dict[str, Profile] = {}
    for scope in places:
        for profile in catalogue.offered(person.actor(), scope.community, scope.workshop):
            known = united.get(profile.slug)
            united[profile.slug] = profile if known is None else known.united(profile)
    workshop = next(iter(places.values()))
    preferred = catalogue.current_slug(None if workshop is None else workshop.profile)
    return Offer(tuple(united.values()), preferred)


async def ask_to_start(house: House, request: StartRequest) -> StartPlan:
    """`admit`, for somebody who may have gone when the answer comes: then nothing stays held."""
    undo = partial(settle, lease_id=request.lease_id)
    with house.rush.asking(request.lease_id, request):
        return await house.run_or_undo(undo, admit, request)


def admit(desk: Desk, request: StartRequest) -> StartPlan:
    """Holds quota for a server, or refuses, in one transaction over every level.

    Raises `QuotaExceeded` with every violated limit, or the refusal for what was asked wrongly.
    A lease that the same server left behind is settled first. In a rush it is looked at without a
    turn first: most are refused, and need none.
    """
    if desk.rush.goes_on(desk.now):
        _refuse_if_full(desk, request)
    with suppress(_Full):
        return _admit(desk, request)
    # What there is to say is looked up while others have their turns.
    _refuse_if_full(desk, request)
    return _admit(desk, request, tells_in_turn=True)  # somebody has stopped a server since


def _refuse_if_full(desk: Desk, request: StartRequest) -> None:
    refusal = desk.rush.look(request.lease_id, request, partial(refusals_of, desk))
    if refusal is not None:
        raise refusal


def refusals_of(desk: Desk, requests: Mapping[str, StartRequest]) -> dict[str, Refusal]:
    """What those are told, by the requests' keys, who cannot start as things stand: one look at all."""
    found: dict[str, Refusal] = {}
    known: Earliest = {}
    usernames = {request.server.username for request in requests.values()}
    with desk.database.read() as store:
        people = store.about(usernames) if len(usernames) > 1 else store
        for key, request in requests.items():
            try:
                refusal = _refusal(desk, people, request, known)
            except Refusal as wrong:  # what was asked
                refusal = wrong
            except Exception:
                if len(requests) == 1:
                    raise
                continue  # a start by itself meets what is wrong, and nobody else does
            if refusal is not None:
                found[key] = refusal
    return found


def _refusal(desk: Desk, store: Store, request: StartRequest, known: Earliest) -> Refusal | None:
    plan = _plan(desk, store, request)
    own = store.leases.of_username(request.server.username)
    if plan.is_rescue or any(lease.server == request.server for lease in own):
        return None  # first of all that one is settled
    wanted = set_aside(request.set_aside, plan.profile, request.otherwise)
    asked = _asked(request, plan, wanted, lasts_in(desk, plan.scope))
    refusal = _too_much(desk, store, plan, asked, request, own, known)
    if not refusal.violations:
        return None
    desk.rush.note(desk.now)
    return refusal


class _Full(Exception):
    """Gives a transaction up: what was asked for does not fit."""


def _admit(desk: Desk, request: StartRequest, *, tells_in_turn: bool = False) -> StartPlan:
    with desk.database.write() as store:
        plan = _plan(desk, store, request)
        stale = store.leases.of_server(request.server)
        if stale is not None:
            settle_lease(desk, store, stale)
        wanted = set_aside(request.set_aside, plan.profile, request.otherwise)
        plan = replace(_if_needed(desk, store, request, plan, wanted), amounts=wanted)
        lasts = lasts_in(desk, plan.scope, is_rescue=plan.is_rescue)
        asked = _asked(request, plan, wanted, lasts)
        if not hold(desk, store, asked, is_capped=not plan.is_rescue):
            if tells_in_turn or stale is not None:  # undone, it would count against its own server
                own = store.leases.of_username(request.server.username)
                raise _too_much(desk, store, plan, asked, request, own, {})
            raise _Full
        store.leases.add(
            Lease(
                id=request.lease_id,
                server=request.server,
                account_id=None if plan.account is None else plan.account.id,
                scope=plan.scope,
                profile=None if plan.profile is None else plan.profile.slug,
                requested_at=desk.now,
                amounts=wanted,
                ends_at=None if lasts is None else desk.now + lasts,
                is_rescue=plan.is_rescue,
                is_hub_admin=request.is_hub_admin,
            )
        )
        return plan


def _asked(
    request: StartRequest, plan: StartPlan, wanted: Amounts, lasts: timedelta | None
) -> Request:
    outsider = request.server.username if plan.account is None else None
    return Request(plan.charged, wanted, lasts or LOOK_AHEAD, outsider)


def _if_needed(
    desk: Desk, store: Store, request: StartRequest, plan: StartPlan, wanted: Amounts
) -> StartPlan:
    """A rescue is one only where the same would not start as it is; and each person has one."""
    if not plan.is_rescue:
        return plan
    asked = _asked(request, plan, wanted, lasts_in(desk, plan.scope))
    if plan.is_offered and not request.others_wait and would_fit(desk, store, asked):
        return replace(plan, is_rescue=False)
    if _has_rescue(store.leases.of_username(request.server.username), request):
        raise OneRescueServer
    return plan


def _has_rescue(leases: Iterable[Lease], request: StartRequest) -> bool:
    """Has the person a rescue server, beside the one that is asked for?"""
    return any(lease.is_rescue and lease.server != request.server for lease in leases)


def _too_much(
    desk: Desk,
    store: Store,
    plan: StartPlan,
    asked: Request,
    request: StartRequest,
    own: Sequence[Lease],
    known: Earliest,
) -> QuotaExceeded:
    """What the person is told, who has the leases `own`. Without violations where it fits by now."""
    catalogue = request.catalogue or desk.settings.catalogue
    offered = catalogue.offered(plan.actor, plan.scope.community, plan.scope.workshop)
    return refusal_to_hold(
        desk,
        store,
        asked,
        offered,
        refused=plan.profile,
        otherwise=request.otherwise,
        zone=zone_of(desk, plan.workshop),
        person="" if plan.account is None else plan.account.display_name,
        known=known,
        offers_rescue=not _has_rescue(own, request),
    )


def plan_start(desk: Desk, request: StartRequest) -> StartPlan:
    """What `admit` would start with, without holding anything."""
    with desk.database.read() as store:
        return _plan(desk, store, request)


def as_planned(request: StartRequest, plan: StartPlan) -> StartRequest:
    """The request for what was planned, at the place where it was planned. `admit` checks again that
    it is theirs, and refuses where it would plan something else by now."""
    return replace(
        request,
        scope=plan.scope if plan.scope.community is not None else None,
        profile=None if plan.profile is None else plan.profile.slug,
        picked=plan.picked,
        is_rescue=plan.is_rescue,
        is_planned=True,
    )


def reader_languages(desk: Desk, username: str) -> tuple[str | None, str | None]:
    """The language that the person chose, and that of the workshop they would start in."""
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        workshop = next(iter(ranked(desk, store, person).values()), None)
        return (
            None if person.account is None else person.account.language,
            None if workshop is None else workshop.language,
        )


def workshop_language(desk: Desk, person: Person) -> str | None:
    """That of the workshop that the person would start in."""
    with desk.database.read() as store:
        workshop = next(iter(ranked(desk, store, person).values()), None)
        return None if workshop is None else workshop.language


def activate(desk: Desk, *lease_ids: str) -> None:
    """Their servers have come up."""
    with desk.database.write() as store:
        store.leases.activate(lease_ids, desk.now)


def settle(desk: Desk, lease_id: str) -> bool:
    """Gives the lease's quota back. False where there is none, or it was settled before."""
    with desk.database.write() as store:
        lease = store.leases.get(lease_id)
        return lease is not None and settle_lease(desk, store, lease)


def settle_server(desk: Desk, server: ServerKey, *, came_up: bool = False) -> bool:
    """Settles the lease of a server that has stopped, if it has one. `came_up`: which is not noted
    yet."""
    with desk.database.write() as store:
        lease = store.leases.settle_server(server, desk.now, came_up=came_up)
        if lease is None:
            return False
        store.balances.release(lease.charged, lease.amounts)
        return True


def settle_lease(desk: Desk, store: Store, lease: Lease) -> bool:
    if not store.leases.settle(lease.id, desk.now):
        return False
    store.balances.release(lease.charged, lease.amounts)
    return True


def _plan(desk: Desk, store: Store, request: StartRequest) -> StartPlan:
    person = load_person(desk, store, request.server.username)
    if person.is_refused(is_operator=request.is_hub_admin):
        raise refusal_of(desk, store, person)
    if person.access is Access.GRACE:
        if request.is_planned and not request.is_rescue:
            raise ProfileNotOffered  # it was theirs until a moment ago
        if any(lease.server != request.server for lease in _leases_of(store, person)):
            raise OneServerInGrace
        return _plan_rescue(desk, store, person, request, HUB)
    workshops = ranked(desk, store, person)
    scopes = list(workshops)
    if request.scope is not None and request.scope not in scopes:
        raise ScopeNotYours
    if request.is_rescue:
        scope = request.scope or (scopes[0] if scopes else HUB)
        return _plan_rescue(desk, store, person, request, scope)
    catalogue = request.catalogue or desk.settings.catalogue
    scope = request.scope or _default_scope(catalogue, person, scopes, request)
    workshop = workshops.get(scope)
    profile = catalogue.choose(
        request.profile,
        person.actor(),
        scope.community,
        scope.workshop,
        preferred=None if workshop is None else workshop.profile,
        picked=request.picked,
    )
    return StartPlan(scope, profile, workshop, person.account, request.picked, actor=person.actor())


def _default_scope(
    catalogue: Catalogue, person: Person, scopes: Sequence[Scope], request: StartRequest
) -> Scope:
    """The first that offers the profile as it was asked for: a link may name that alone."""
    first = scopes[0] if scopes else Scope()
    if not request.profile:
        return first
    wanted, picked, actor = request.profile, request.picked, person.actor()
    return next(
        (
            s
            for s in scopes
            if catalogue.offers(wanted, actor, s.community, s.workshop, picked=picked)
        ),
        first,
    )


def _plan_rescue(
    desk: Desk, store: Store, person: Person, request: StartRequest, scope: Scope
) -> StartPlan:
    """For saving or deleting files: the rescue profile with the smallest of its choices, whatever was
    asked for."""
    catalogue = request.catalogue or desk.settings.catalogue
    profile = catalogue.rescue(
        desk.settings.rescue_profile,
        person.actor(),
        scope.community,
        scope.workshop,
        otherwise=request.otherwise,
    )
    slug = None if profile is None else profile.slug
    picked = {} if profile is None else profile.smallest_picked(request.otherwise)
    if request.is_planned and (request.profile, request.picked) != (slug, picked):
        raise ProfileNotOffered  # it was theirs until a moment ago
    workshop = workshop_at(store, scope)
    offered = catalogue.offered(person.actor(), scope.community, scope.workshop)
    is_offered = person.access is not Access.GRACE and (
        profile is None or any(one.slug == slug for one in offered)
    )
    return StartPlan(
        scope,
        profile and profile.with_choices(picked),
        workshop,
        person.account,
        picked,
        is_rescue=True,
        is_offered=is_offered,
        actor=person.actor(),
    )


def _leases_of(store: Store, person: Person) -> Sequence[Lease]:
    return [] if person.account is None else store.leases.of_account(person.account.id)


def _choice(
    desk: Desk,
    store: Store,
    person: Person,
    scope: Scope,
    workshop: Workshop | None,
    catalogue: Catalogue,
) -> Choice:
    profiles = catalogue.offered(person.actor(), scope.community, scope.workshop)
    sizes, told = sizes_of(profiles), told_sizes(profiles)
    charged = charged_by(person, scope)
    lasts = lasts_in(desk, scope) or LOOK_AHEAD
    ledger = standing_for(desk, store, charged, told, lasts, hours="first")
    requests = {slug: Request(charged, amounts, lasts) for slug, amounts in sizes.items()}
    waiting = {slug: asked for slug, asked in requests.items() if not ledger.fits(asked, desk.now)}
    return Choice(
        scope=scope,
        name=name_of(store, scope, workshop),
        workshop=workshop,
        profiles=profiles,
        preferred_profile=catalogue.current_slug(None if workshop is None else workshop.profile),
        left=told_left(desk, ledger, charged, told, lasts),
        waits=_waits(desk, store, charged, told, lasts, waiting),
        zone=zone_of(desk, workshop),
    )


def _waits(
    desk: Desk,
    store: Store,
    charged: Scope,
    told: Sequence[Amounts],
    lasts: timedelta,
    waiting: Mapping[str, Request],
) -> Mapping[str, Verdict]:
    """What stands in the way of these, and until when: then each hour counts."""
    if not waiting:
        return {}
    ledger = standing_for(desk, store, charged, told, lasts, hours="each", is_for_later=True)
    near = ledger.looking_ahead(desk.now, lasts)
    known: Earliest = {}
    waits = {}
    for slug, asked in waiting.items():
        verdict = near.judge(asked, desk.now)
        at = earliest(desk, store, ledger, asked, verdict, known)
        waits[slug] = replace(verdict, earliest=at)
    return waits
