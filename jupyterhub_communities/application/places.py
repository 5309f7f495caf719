"""The places where somebody may start: who pays, in which order, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..domain.grants import Actor
from ..domain.quotas import Scope
from ..domain.workshops import Workshop, WorkshopState
from .people import Person
from .ports import Desk, Store


def chargeable(person: Person) -> list[Scope]:
    """What the person may charge: their workshops, the latest first, then their communities."""
    actor: Actor = person.actor()
    newest_first = sorted(person.grants, key=lambda grant: grant.starts_at, reverse=True)
    scopes = [Scope(grant.community, grant.workshop) for grant in newest_first]
    for grant in newest_first:
        if actor.role_at(grant.community) is None:
            continue  # only a workshop's member: nothing of the whole community to charge
        scopes.append(Scope(grant.community))
    return list(dict.fromkeys(scopes))


def ranked(desk: Desk, store: Store, person: Person) -> dict[Scope, Workshop | None]:
    """What the person may charge, the default first: what is open now, of that the last choice,
    unless they have joined something since: then that."""
    scopes = chargeable(person)
    workshops = {scope: workshop_at(store, scope) for scope in scopes}
    if len(scopes) < 2:
        return workshops
    latest = None if person.account is None else store.leases.latest(person.account.id)
    newest = max((grant.starts_at for grant in person.grants), default=None)
    if latest is not None and newest is not None and newest > latest.requested_at:
        latest = None

    def rank(scope: Scope) -> tuple[bool, bool]:
        workshop = workshops[scope]
        is_open = workshop is not None and workshop.state(desk.now) in (
            WorkshopState.RUNNING,
            WorkshopState.BETWEEN,
        )
        return (not is_open, latest is None or scope != latest.scope)

    return {scope: workshops[scope] for scope in sorted(scopes, key=rank)}


def workshop_at(store: Store, scope: Scope) -> Workshop | None:
    if scope.community is None or scope.workshop is None:
        return None
    return store.workshops.get(scope.community, scope.workshop)


def charged_by(person: Person, scope: Scope) -> Scope:
    """The place with the person's own level below it."""
    return replace(scope, member=None if person.account is None else person.account.id)


def name_of(store: Store, scope: Scope, workshop: Workshop | None) -> Mapping[str, str]:
    """Language tag → the workshop's title, or the community's name."""
    if workshop is not None:
        return {workshop.language: workshop.title}
    assert scope.community is not None
    community = store.communities.get(scope.community)
    return {} if community is None else community.names


def zone_of(desk: Desk, workshop: Workshop | None) -> str:
    """By whose clocks times are told: the workshop's, else the hub's."""
    return desk.settings.zone if workshop is None else workshop.zone
