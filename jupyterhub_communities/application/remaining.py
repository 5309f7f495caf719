"""What is left where somebody may start, as it is told before a start and while it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from ..domain.leases import Lease
from ..domain.ledger import Ledger
from ..domain.profiles import Catalogue, Profile
from ..domain.quotas import Scope
from ..domain.remaining import Left, remaining
from ..domain.reservations import LOOK_AHEAD
from ..domain.units import CPU, MEMORY, SERVERS, STORAGE, Amounts
from .admission import lasts_in, set_aside, standing_for
from .people import Person, load_person
from .places import chargeable, charged_by, name_of, ranked, workshop_at, zone_of
from .ports import Desk, Store

MOST_TOLD = 5  # places; the form has all

# Where an operator's own form or list sets the sizes, they are known when the server starts.
_OF_ANY_SIZE: Amounts = {SERVERS: 1, CPU: 1, MEMORY: 1, STORAGE: 1}


@dataclass(frozen=True, slots=True)
class PlaceLeft:
    """What is left at one place."""

    name: Mapping[str, str]  # language tag → community's name, or the workshop's title
    left: tuple[Left, ...]  # over all levels, of what is limited there
    zone: str  # in which times are told


def left_to_start(
    desk: Desk, username: str, catalogue: Catalogue | None = None
) -> Sequence[PlaceLeft]:
    """What is left where the person may start, for a form that does not say it itself. `catalogue`:
    of a Spawner with a list of its own; None: the file's."""
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        return left_at_places(desk, store, person, catalogue)


def left_at_places(
    desk: Desk, store: Store, person: Person, catalogue: Catalogue | None = None
) -> tuple[PlaceLeft, ...]:
    """What is left at each of the first places where the person may start, the default first; without
    those where nothing is limited. Where there is one place alone, nothing more is looked up."""
    if person.grace_until is not None:
        return ()  # only their files are left
    scopes = chargeable(person)
    places = dict.fromkeys(scopes) if len(scopes) < 2 else ranked(desk, store, person)
    found = []
    for scope, known in islice(places.items(), MOST_TOLD):
        profiles = (catalogue or desk.settings.catalogue).offered(
            person.actor(), scope.community, scope.workshop
        )
        left = _left_at(desk, store, charged_by(person, scope), told_sizes(profiles))
        if not left:
            continue
        workshop = known or workshop_at(store, scope)
        found.append(PlaceLeft(name_of(store, scope, workshop), left, zone_of(desk, workshop)))
    return tuple(found)


def left_beside(desk: Desk, store: Store, lease: Lease) -> PlaceLeft | None:
    """What is left where a server is charged, now that it holds its part: of what it holds. None where
    nothing of that is limited, and for people of no community."""
    scope = lease.scope
    if scope.community is None:
        return None
    left = _left_at(desk, store, lease.charged, [lease.amounts])
    if not left:
        return None
    workshop = workshop_at(store, scope)
    return PlaceLeft(name_of(store, scope, workshop), left, zone_of(desk, workshop))


def sizes_of(profiles: Sequence[Profile]) -> dict[str, Amounts]:
    """By slug, as each starts where nothing else is chosen within it; without profiles, a server."""
    sizes = {one.slug: set_aside(None, one.with_choices({})) for one in profiles}
    return sizes or {"": set_aside(None, None)}


def told_sizes(profiles: Sequence[Profile]) -> list[Amounts]:
    """Of what resources it is told how much is left."""
    return list(sizes_of(profiles).values()) if profiles else [_OF_ANY_SIZE]


def told_left(
    desk: Desk, ledger: Ledger, charged: Scope, sizes: Sequence[Amounts], lasts: timedelta
) -> tuple[Left, ...]:
    return remaining(ledger, charged, sizes, desk.now, lasts)


def _left_at(
    desk: Desk, store: Store, charged: Scope, sizes: Sequence[Amounts]
) -> tuple[Left, ...]:
    lasts = lasts_in(desk, charged) or LOOK_AHEAD
    ledger = standing_for(desk, store, charged, sizes, lasts, hours="first")
    return told_left(desk, ledger, charged, sizes, lasts)
