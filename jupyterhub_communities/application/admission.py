"""Admission: whether a server fits within every limit on its path, and what is said where not.

All of it happens in the caller's transaction: the counters are read, judged by `domain.ledger`, and
written with the caps in the `WHERE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..domain.earliest import earliest_fit
from ..domain.ledger import Ledger, Request
from ..domain.profiles import Profile
from ..domain.quotas import Scope, Verdict
from ..domain.refusals import QuotaExceeded
from ..domain.reservations import LOOK_AHEAD
from ..domain.stops import RESCUE_LASTS, RunningRules
from ..domain.units import KIBIBYTE, MEMORY, SERVERS, Amounts
from .ports import Desk, Hold, Hours, Store

# Leases that the earliest time is computed from, the first to end: mostly one of a few makes room.
FIRST_ENDS, MOST_ENDS = 30, 2000

# By place, size and how long it lasts: when the same passes for everybody who holds nothing there.
Earliest = dict[tuple[Scope, tuple[tuple[str, int], ...], timedelta], datetime | None]


def running_rules(desk: Desk, community: str | None) -> RunningRules:
    """What becomes of the running servers of a community."""
    running = desk.settings.running
    return running.get(community) or running.get(None) or RunningRules()


def lasts_in(desk: Desk, scope: Scope, *, is_rescue: bool = False) -> timedelta | None:
    """The longest that a server charged there runs; None: as long as it likes."""
    longest = running_rules(desk, scope.community).max_session
    if is_rescue:
        return RESCUE_LASTS if longest is None else min(longest, RESCUE_LASTS)
    return longest


def set_aside(
    measured: Amounts | None, profile: Profile | None, otherwise: Amounts | None = None
) -> Amounts:
    """What a lease holds: what was measured, else the profile's sizes, and `otherwise` what it has
    none of. Memory in whole KiB, so that what is spent of it each second adds up; without the rest, so
    that five servers of 100 MB fit into 500 MB."""
    sizes = {SERVERS: 1} if profile is None else profile.amounts
    amounts = measured or {**(otherwise or {}), **sizes}
    whole = {resource: amount for resource, amount in amounts.items() if amount}
    if MEMORY in whole:
        whole[MEMORY] = max(KIBIBYTE, whole[MEMORY] // KIBIBYTE * KIBIBYTE)
    return whole


def hold(desk: Desk, store: Store, asked: Request, *, is_capped: bool = True) -> bool:
    """Holds what was asked for at every level, or nothing: then False. Not capped: for a server that
    runs already, and to save files."""
    ledger = _standing(desk, store, asked)
    claims = list(ledger.claims(asked, desk.now)) if is_capped else []
    if not all(claim.fits for claim in claims):
        return False
    caps = {(claim.scope, claim.resource): claim for claim in claims}
    holds = []
    for level, resource, amount in ledger.moves(asked.scope, asked.amounts):
        claim = caps.get((level, resource))
        is_free = claim is None or claim.is_free
        # What a person holds at other places is in no counter of theirs here.
        elsewhere = 0 if claim is None else claim.used - ledger.held(level, resource)
        holds.append(
            Hold(
                level,
                resource,
                amount,
                needs=0 if is_free or claim is None else amount + claim.closed + elsewhere,
                cap=None if is_free or claim is None else claim.limit,
                is_first=not ledger.knows(level, resource),
            )
        )
    return store.balances.hold(holds)


def refusal_to_hold(
    desk: Desk,
    store: Store,
    asked: Request,
    offered: Sequence[Profile],
    *,
    refused: Profile | None,
    otherwise: Amounts,
    zone: str,
    person: str,
    known: Earliest,
    offers_rescue: bool = False,
) -> QuotaExceeded:
    """Every violated limit, when the same request passes, and the largest profile that would start
    now, with nothing chosen within it. That is never what was `refused`: a server may take more than
    its profile says."""
    sizes = {one.slug: set_aside(None, one.with_choices({}), otherwise) for one in offered}
    if refused and sizes.get(refused.slug) == set_aside(None, refused, otherwise):
        del sizes[refused.slug]
    looked_for = [asked.amounts, *sizes.values()]
    ledger = standing_for(
        desk,
        store,
        asked.scope,
        looked_for,
        asked.lasts,
        hours="each",
        outsider=asked.outsider,
        is_for_later=True,
    )
    near = ledger.looking_ahead(desk.now, asked.lasts)
    verdict = near.judge(asked, desk.now)
    slug = near.largest(sizes, asked.scope, desk.now, asked.lasts, asked.outsider)
    largest = next((profile for profile in offered if profile.slug == slug), None)
    return QuotaExceeded(
        violations=tuple(
            claim.violation(level_name(desk, store, claim.scope, person))
            for claim in verdict.exceeded
        ),
        earliest=earliest(desk, store, ledger, asked, verdict, known),
        never=verdict.never_fits,
        zone=zone,
        largest=None if largest is None else largest.names,
        offers_rescue=offers_rescue,
    )


def earliest(
    desk: Desk,
    store: Store,
    ledger: Ledger,
    asked: Request,
    verdict: Verdict,
    known: Earliest,
) -> datetime | None:
    """When the same passes every limit, as far as that is known. `ledger` has all that is reserved
    for later. What is true of all who ask for the same at a place is reckoned once: `known`."""
    if verdict.fits or verdict.never_fits:
        return None
    is_own = any(claim.scope.member is not None for claim in verdict.exceeded)
    is_common = not is_own and not _has_own_part(ledger, asked)
    key = (asked.scope.place, tuple(sorted(asked.amounts.items())), asked.lasts)
    if is_common and key in known:
        return known[key]
    # Where time may be spent, or is reserved or lent, another limit may be short by then: what ends
    # there counts too.
    rules = ledger.rules
    levels = [claim.scope for claim in verdict.exceeded] + [level for level, _ in rules.spent]
    if rules.reservations or rules.loans:
        levels = list(rules.path(asked.scope))
    levels = list(dict.fromkeys(levels))
    for most in (FIRST_ENDS, MOST_ENDS):
        ends = store.leases.known_ends(levels, most=most)
        found = earliest_fit(ledger, asked, desk.now, ends)
        if len(ends) < most or (found is not None and found <= ends[-1].at):
            break  # no other end comes before it
    if is_common:
        known[key] = found
    return found


def _has_own_part(ledger: Ledger, asked: Request) -> bool:
    """Has the person anything that a limit of theirs counts?"""
    rules, place = ledger.rules, asked.judged.place
    is_limited = any(rules.most_each.get((place, one)) for one in asked.amounts) or any(
        level.member is not None for level, _ in rules.spent
    )
    spends = any(one.rate_elsewhere for allowed in rules.spent.values() for one in allowed)
    holds = (rules.held_elsewhere.get((asked.judged, one), {}).values() for one in asked.amounts)
    return is_limited and (
        spends
        or any(map(any, holds))
        or any(ledger.held(asked.judged, one) for one in asked.amounts)
    )


def would_fit(desk: Desk, store: Store, asked: Request) -> bool:
    """Whether `hold` would hold it."""
    return _standing(desk, store, asked).fits(asked, desk.now)


def _standing(desk: Desk, store: Store, asked: Request) -> Ledger:
    until = desk.now + asked.lasts
    return store.balances.standing(
        asked.scope, asked.amounts, desk.now, until, outsider=asked.outsider
    )


def standing_for(
    desk: Desk,
    store: Store,
    scope: Scope,
    sizes: Sequence[Amounts],
    lasts: timedelta = LOOK_AHEAD,
    *,
    hours: Hours,
    outsider: str | None = None,
    is_for_later: bool = False,
) -> Ledger:
    """The counters for requests of any of these sizes; with all that is reserved and lent, where it is
    asked when they would fit later."""
    together = {resource: amount for size in sizes for resource, amount in size.items()}
    until = None if is_for_later else desk.now + lasts
    return store.balances.standing(scope, together, desk.now, until, hours=hours, outsider=outsider)


def level_name(desk: Desk, store: Store, level: Scope, person: str = "") -> str:
    """What people call a level."""
    if level.member is not None:
        return person
    if level.cohort is not None:
        return level.cohort
    if level.community is not None and level.workshop is not None:
        workshop = store.workshops.get(level.community, level.workshop)
        if workshop is not None:
            return workshop.title
    community = None if level.community is None else store.communities.get(level.community)
    return desk.settings.hub_name if community is None else community.name(community.language)
