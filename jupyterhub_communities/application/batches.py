"""Batches: personal codes of one seat, made together for a list of names."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..domain.codes import grouped
from ..domain.grants import Actor, Verb
from ..domain.invites import Invite, InviteKind
from ..domain.names import read_list
from ..domain.paging import Page, Part
from ..domain.refusals import NotFound
from ..domain.workshops import Workshop
from .invites import IssuedInvite, audit_batch
from .issuing import (
    NewInvite,
    draw_secrets,
    managed_invite,
    new_invite,
    reserve_seats,
    shared_learner_invites,
    unsealed_with,
)
from .ports import Desk, NamedCode, Store
from .seats import pass_on

SLIPS = 40  # on one page: five sheets of paper
_LEARNERS = NewInvite()
# Whoever else wants the interpreter would have to take it away each time, 5 ms later: an answer to
# somebody needs it often, and took a quarter of a second while 10,000 codes were drawn.
_GIVES_WAY_AFTER = 8  # codes
_PAUSE = 0.0005  # seconds


@dataclass(frozen=True, slots=True)
class DrawnBatch:
    """Codes for a list of names, before they open anything."""

    id: str
    codes: tuple[str, ...] = field(repr=False)  # as they are typed, in the order of the names
    kept: tuple[NamedCode, ...] = field(repr=False)


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


def check_batch(desk: Desk, actor: Actor, community: str, wanted: NewInvite = _LEARNERS) -> None:
    """Whether the actor may issue it: for nobody else is anything drawn. Raises the refusals of
    `issue_invite`."""
    with desk.database.read() as store:
        new_invite(desk, store, actor, community, _personal(wanted))


def draw_batch(desk: Desk, names: Sequence[str]) -> DrawnBatch:
    """All that takes time, 2 s for 10,000 names, with nothing of it in the database.

    Raises `NamesInvalid` with every name that cannot be used, and `BatchTooLarge`.
    """
    codes, kept = [], []
    for number, label in enumerate(read_list(names), 1):
        secrets, code, _ = draw_secrets(desk)
        codes.append(grouped(code))
        kept.append(NamedCode(desk.chance.identifier(), label, secrets))
        if number % _GIVES_WAY_AFTER == 0:
            time.sleep(_PAUSE)
    return DrawnBatch(desk.chance.identifier(), tuple(codes), tuple(kept))


def issue_batch(
    desk: Desk, actor: Actor, community: str, drawn: DrawnBatch, wanted: NewInvite = _LEARNERS
) -> DrawnBatch:
    """A personal code of one seat for each name, all or none of them.

    In a workshop they are seats beside those of its own code, however many names there are.
    """
    with desk.database.write() as store:
        first = new_invite(desk, store, actor, community, _personal(wanted))
        first = replace(first, batch=drawn.id)
        store.invites.add_batch(first, drawn.kept)
        ids = (one.id for one in drawn.kept)
        audit_batch(desk, store, actor, "invite:issue", first, ids)
        reserve_seats(desk, store, first)
        return drawn


def page_of_batch(
    desk: Desk, actor: Actor, community: str, batch: str, page: Page
) -> Part[IssuedInvite]:
    """The unclaimed codes of a batch, by the names they are for: to print and hand out."""
    with desk.database.read() as store:
        _managed_batch(store, actor, community, batch, Verb.SHOW_CODE)
        part = store.invites.unclaimed(batch, page)
    return part.map(lambda one: unsealed_with(desk, *one))


def view_slips(desk: Desk, actor: Actor, community: str, batch: str, *, first: int) -> Slips:
    """So many as a page holds, from `first` on, which counts from 1."""
    with desk.database.read() as store:
        one = _managed_batch(store, actor, community, batch, Verb.SHOW_CODE)
        unclaimed = store.invites.count_unclaimed(batch)
        first = max(1, min(first, unclaimed))
        shown = store.invites.unclaimed_from(batch, first, SLIPS)
        workshop = None
        if one.workshop is not None:
            workshop = store.workshops.get(community, one.workshop)
    return Slips(
        workshop=workshop,
        shown=tuple(unsealed_with(desk, *each) for each in shown),
        first=first,
        unclaimed=unclaimed,
    )


def release_batch(desk: Desk, actor: Actor, community: str, batch: str) -> int:
    """Gives the unclaimed seats of a batch to whoever comes: its codes close, and the workshop's
    own code has as many seats more. How many they were."""
    with desk.database.write() as store:
        one = _managed_batch(store, actor, community, batch, Verb.REVOKE_INVITE)
        unclaimed = store.invites.unclaimed_ids(batch)
        if unclaimed:
            store.invites.revoke(unclaimed, desk.now)
            audit_batch(desk, store, actor, "invite:revoke", one, unclaimed)
            _give_seats_to_workshop(desk, store, one, len(unclaimed))
        return len(unclaimed)


def _personal(wanted: NewInvite) -> NewInvite:
    return replace(wanted, kind=InviteKind.PERSONAL)


def _managed_batch(store: Store, actor: Actor, community: str, batch: str, verb: Verb) -> Invite:
    """One that stands for all of them."""
    one = store.invites.one_of_batch(community, batch)
    if one is None:
        raise NotFound(kind="invite")
    return managed_invite(store, actor, community, one.id, verb)


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
