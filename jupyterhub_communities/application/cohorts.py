"""Cohorts: what each of its communities has, looked at by the champions of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..domain.asks import Ask, askable
from ..domain.communities import Community
from ..domain.grants import Actor, Verb, may, require
from ..domain.limits import Standing
from ..domain.loans import Loan, between
from ..domain.quotas import HUB, Scope
from ..domain.refusals import NotFound, NotInCohort, PermissionDenied
from ..domain.templates import Template
from ..domain.units import Amounts
from ..domain.windows import CalendarMonth
from .communities import find_community
from .dividing import Place, ScopeView, views_of
from .notices import notify
from .ports import Desk, Store
from .usage import spent_by

SHOWN_ASKS = 100
SHOWN_FOR = timedelta(days=31)  # a loan that is over


@dataclass(frozen=True, slots=True)
class CohortRow:
    """One community. Nothing of it tells of people."""

    community: Community
    view: ScopeView
    spent: Amounts  # in this month


@dataclass(frozen=True, slots=True)
class CohortView:
    cohort: str
    rows: tuple[CohortRow, ...]
    asks: tuple[Ask, ...]  # open ones first
    loans: tuple[Loan, ...]  # the last to begin first
    templates: tuple[Template, ...]
    month: datetime  # since when it was spent
    own: tuple[str, ...]  # communities for which the actor asks and lends
    askable: Mapping[
        str, Mapping[str, int]
    ]  # by own community: limits of which it can ask for more

    @property
    def communities(self) -> dict[str, Community]:
        return {row.community.slug: row.community for row in self.rows}


def view_cohort(desk: Desk, actor: Actor, cohort: str) -> CohortView:
    """For a champion of any of its communities. As many statements, however many there are."""
    with desk.database.read() as store:
        members = members_for(store, actor, cohort)
        standings = store.limits.standings(None, with_workshops=False)
        known = {one.slug: one for one in members}
        places = [Place(Scope(slug), found) for slug, found in known.items()]
        views = views_of(desk, store, places, standings, known)
        month = CalendarMonth(desk.settings.zone).begins_at(desk.now)
        spent = spent_by(desk, store, HUB, month, desk.now, "community")
        own = tuple(slug for slug in known if may(actor, Verb.LEND, slug))
        loans = store.loans.of_cohort(cohort, desk.now - SHOWN_FOR)
        return CohortView(
            cohort=cohort,
            rows=tuple(
                CohortRow(one, view, spent.get(one.slug, {}))
                for one, view in zip(members, views, strict=True)
            ),
            asks=tuple(store.asks.of_communities(list(known), SHOWN_ASKS)),
            loans=tuple(between(loans, dict.fromkeys(known, cohort))),
            templates=tuple(store.templates.of_communities(list(known))),
            month=month,
            own=own,
            askable={slug: askable(standings.get(Scope(slug), Standing()).quota) for slug in own},
        )


def cohort_of(desk: Desk, actor: Actor, slug: str) -> str:
    """That of a community, for its champions. Raises `NotInCohort`."""
    with desk.database.read() as store:
        return find_own_cohort(store, actor, slug, Verb.VIEW_COHORT)


def members_for(store: Store, actor: Actor, cohort: str) -> Sequence[Community]:
    """The communities of a cohort, by slug. Raises `NotFound` where it is none of the actor's
    business."""
    members = [one for one in store.communities.all() if one.cohort == cohort]
    if not any(actor.is_member(one.slug) for one in members):
        raise NotFound(kind="cohort")
    if not any(may(actor, Verb.VIEW_COHORT, one.slug) for one in members):
        raise PermissionDenied(needs="champion")
    return members


def find_own_cohort(store: Store, actor: Actor, slug: str, verb: Verb) -> str:
    """Of a community where the actor may do that. Raises `NotInCohort`."""
    community = find_community(store, actor, slug)
    require(actor, verb, slug)
    if community.cohort is None:
        raise NotInCohort
    return community.cohort


def find_partner(store: Store, cohort: str, slug: str) -> Community:
    """Another community of the cohort, that acts."""
    community = store.communities.get(slug)
    if community is None or community.cohort != cohort or community.suspended_at is not None:
        raise NotInCohort
    return community


def tell_champions(
    desk: Desk, store: Store, actor: Actor, slug: str, kind: str, **data: str
) -> None:
    """All champions of a community but who does it."""
    champions = {
        one.account_id for one in store.grants.champions(desk.now) if one.community == slug
    }
    for account_id in sorted(champions - {actor.account_id}):
        notify(desk, store, account_id, kind, **data)
