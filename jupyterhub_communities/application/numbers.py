"""A community's numbers: what it did in some time, for itself and for those who pay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from ..domain.communities import Community
from ..domain.costs import cost_of
from ..domain.countries import countries_of, country_of_site
from ..domain.grants import Actor, Role, Verb, require
from ..domain.names import same_name
from ..domain.quotas import Scope
from ..domain.units import SERVER_TIME
from ..domain.workshops import Workshop
from .communities import find_community
from .ports import Desk
from .usage import Period, spent_by


@dataclass(frozen=True, slots=True)
class Cost:
    amount: Decimal
    currency: str  # ISO 4217


@dataclass(frozen=True, slots=True)
class Numbers:
    """What happened in a community in some time. Whoever was erased or removed is not counted."""

    community: Community
    period: Period
    workshops: tuple[Workshop, ...]  # with a session that began in that time; the last first
    people: int  # who joined them as learners
    sites: int
    countries: Mapping[str, int]  # by two letters: how many of the workshops were held there
    languages: Mapping[str, int]  # by tag: how many of the workshops were held in it
    taught: timedelta  # of sessions
    server_time: timedelta
    instructors: int  # who became one by a workshop
    helpers: int
    cost: Cost | None  # None: the operator has set no prices


def view_numbers(desk: Desk, actor: Actor, community: str, period: Period) -> Numbers:
    """As many statements however many workshops there are."""
    end = min(period.end, desk.now)
    with desk.database.read() as store:
        shown = find_community(store, actor, community)
        require(actor, Verb.VIEW_NUMBERS, community)
        sessions = {
            workshop: [one for one in workshop.sessions if period.start <= one.starts_at < end]
            for workshop in store.workshops.of_community(community)
        }
        held = [workshop for workshop, begun in sessions.items() if begun]
        people = store.sums.learners(community, [one.slug for one in held]) if held else 0
        trained = store.sums.trained(community, period.start, period.end)
        spent = spent_by(desk, store, Scope(community), period.start, period.end, "community")
    amounts: Counter[str] = Counter()
    for found in spent.values():
        amounts.update(found)
    prices = desk.settings.prices
    return Numbers(
        community=shown,
        period=period,
        workshops=tuple(sorted(held, key=lambda one: one.starts_at, reverse=True)),
        people=people,
        # The same room in ten workshops is one site.
        sites=len(
            {(same_name(s.name), country_of_site(s)) for workshop in held for s in workshop.sites}
        ),
        countries=Counter(country for one in held for country in countries_of(one)),
        languages=Counter(one.language for one in held),
        taught=sum(
            (one.ends_at - one.starts_at for workshop in held for one in sessions[workshop]),
            timedelta(),
        ),
        server_time=timedelta(seconds=amounts[SERVER_TIME]),
        instructors=trained.get(Role.INSTRUCTOR, 0),
        helpers=trained.get(Role.HELPER, 0),
        cost=None if prices is None else Cost(cost_of(amounts, prices), prices.currency),
    )
