"""Batches: personal codes of one seat, made together for a list of names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..domain.grants import Actor, Verb
from ..domain.invites import Invite, InviteKind
from ..domain.names import read_list
from ..domain.refusals import BatchTooLarge, NotFound
from ..domain.workshops import MOST_SEATS, Workshop
from .invites import IssuedInvite
from .issuing import (
    NewInvite,
    add_invite,
    managed_invite,
    new_invite,
    reserve_seats,
    revoke,
    shared_learner_invites,
    unsealed_with,
)
from .ports import Desk, Store
from .seats import pass_on

SLIPS = 40  # on one page: five sheets of paper
_LEARNERS = NewInvite()


@dataclass(frozen=True, slots=True)
class Slips:
    """A part of a batch's unclaimed codes."""

    workshop: Workshop | None
    shown: tuple[IssuedInvite, ...]
    first: int  # of them, counted from 1
    unclaimed: int

    @property
    def last(self) -> int:
        return self.first + len(self.shown) - 1


def issue_batch(
    desk: Desk, actor: Actor, community: str, names: Sequence[str], wanted: NewInvite = _LEARNERS
) -> Sequence[IssuedInvite]:
    """A personal code of one seat for each name, all of one batch. Raises `NamesInvalid` with every
    name that cannot be used; then there is no code at all."""
    labels = read_list(names, most=MOST_SEATS)
    if not 0 < len(labels) <= MOST_SEATS:
        raise BatchTooLarge(most=MOST_SEATS)
    batch = desk.chance.identifier()
    with desk.database.write() as store:
        first = new_invite(desk, store, actor, community, replace(wanted, kind=InviteKind.PERSONAL))
        issued = [
            add_invite(
                desk,
                store,
                replace(first, id=desk.chance.identifier(), batch=batch, label=label),
                actor,
            )
            for label in labels
        ]
        reserve_seats(desk, store, first)
        return issued


def show_batch(desk: Desk, actor: Actor, community: str, batch: str) -> Sequence[IssuedInvite]:
    """The unclaimed codes of a batch, by the names they are for: to print and hand out."""
    with desk.database.read() as store:
        _managed(store, actor, community, batch, Verb.SHOW_CODE)
        unclaimed = store.invites.unclaimed(community, batch)
        secrets = store.invites.secrets_of([invite.id for invite in unclaimed])
        return [unsealed_with(desk, invite, secrets[invite.id]) for invite in unclaimed]


def view_slips(desk: Desk, actor: Actor, community: str, batch: str, *, first: int) -> Slips:
    """So many as a page holds, from `first` on, which counts from 1."""
    with desk.database.read() as store:
        managed = _managed(store, actor, community, batch, Verb.SHOW_CODE)
        number = store.invites.count_unclaimed(community, batch)
        first = max(1, min(first, number))
        shown = store.invites.unclaimed(community, batch, begin=first - 1, limit=SLIPS)
        secrets = store.invites.secrets_of([invite.id for invite in shown])
        workshop = None
        if number and managed.workshop is not None:
            workshop = store.workshops.get(community, managed.workshop)
        return Slips(
            workshop=workshop,
            shown=tuple(unsealed_with(desk, invite, secrets[invite.id]) for invite in shown),
            first=first,
            unclaimed=number,
        )


def release_batch(desk: Desk, actor: Actor, community: str, batch: str) -> int:
    """Gives the unclaimed seats of a batch to whoever comes: its codes close, and the workshop's
    own code has as many seats more. How many they were."""
    with desk.database.write() as store:
        _managed(store, actor, community, batch, Verb.REVOKE_INVITE)
        unclaimed = store.invites.unclaimed(community, batch)
        for invite in unclaimed:
            revoke(desk, store, actor, invite)
        if unclaimed:
            _give_seats_to_workshop(desk, store, unclaimed[0], len(unclaimed))
        return len(unclaimed)


def _managed(store: Store, actor: Actor, community: str, batch: str, verb: Verb) -> Invite:
    """Any of the batch, if they may do that with all of it."""
    one = store.invites.one_of_batch(community, batch)
    if one is None:
        raise NotFound(kind="invite")
    return managed_invite(store, actor, community, one, verb)


def _give_seats_to_workshop(desk: Desk, store: Store, unclaimed: Invite, seats: int) -> None:
    if unclaimed.community is None or unclaimed.workshop is None:
        return
    workshop = store.workshops.get(unclaimed.community, unclaimed.workshop)
    assert workshop is not None
    for shared in shared_learner_invites(store, workshop):
        if shared.revoked_at is None:
            if shared.seats is not None:
                store.invites.change(replace(shared, seats=shared.seats + seats))
            pass_on(desk, store, shared.id)
            return
