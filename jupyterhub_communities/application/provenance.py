"""What the identity provider says of a person, kept as grants of its own."""

from __future__ import annotations

from ..domain.grants import Grant, Source
from ..domain.provenance import Place, Wanted, place_of, to_add, to_end
from .audit import record
from .people import Person, ensure_account, load_person
from .ports import Desk, Store

IDP = "idp"  # who the audit says did it


def sync_idp_grants(desk: Desk, username: str, wanted: Wanted) -> None:
    """Makes the provider's grants of a person what it says now, and touches no others.

    Writes only where something changes: whoever signs in again costs a read.
    """
    with desk.database.read() as store:
        if not any(_changes(store, load_person(desk, store, username), wanted)):
            return
    with desk.database.write() as store:
        ended, added = _changes(store, load_person(desk, store, username), wanted)
        account = ensure_account(desk, store, username)
        store.grants.revoke([grant.id for grant in ended], desk.now)
        for grant in ended:
            _audit(desk, store, "idp:end", account.id, place_of(grant))
        for place in added:
            store.grants.add(
                Grant(
                    id=desk.chance.identifier(),
                    account_id=account.id,
                    role=place.role,
                    community=place.community,
                    workshop=place.workshop,
                    source=Source.IDP,
                    made_by=None,
                    starts_at=desk.now,
                )
            )
            _audit(desk, store, "idp:grant", account.id, place)


def opens_anything(desk: Desk, wanted: Wanted) -> bool:
    """Would any of it be given, and open something now?"""
    with desk.database.read() as store:
        return any(_exists(store, place) for place in wanted.places)


def _changes(
    store: Store, person: Person, wanted: Wanted
) -> tuple[tuple[Grant, ...], tuple[Place, ...]]:
    """What ends, and what is new and there to be joined: a rule may name what is yet to be made, or
    is suspended."""
    new = sorted(to_add(person.unlapsed, wanted), key=str)
    return (
        to_end(person.unlapsed, wanted),
        tuple(place for place in new if _exists(store, place)),
    )


def _exists(store: Store, place: Place) -> bool:
    community = store.communities.get(place.community)
    if community is None or community.suspended_at is not None:
        return False
    if place.workshop is None:
        return True
    return store.workshops.get(place.community, place.workshop) is not None


def _audit(desk: Desk, store: Store, action: str, account_id: str, place: Place) -> None:
    what = {"role": place.role.label, "workshop": place.workshop}
    subject = f"account/{account_id}"
    if action == "idp:end":
        record(desk, store, IDP, action, subject, place.community, before=what)
    else:
        record(desk, store, IDP, action, subject, place.community, after=what)
