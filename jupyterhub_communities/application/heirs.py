"""What becomes of somebody's invites when their own role ends: others inherit them, or they close."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..domain.grants import Actor, Role
from ..domain.invites import Invite
from ..domain.notices import INVITE_INHERITED
from .invites import audit_batch, maker_of
from .notices import notify
from .ports import Desk, Store

HOUSE = "house"  # who the audit says did it: nobody asked for it


def hand_on_invites(desk: Desk, store: Store, account_id: str) -> None:
    """Called in the transaction in which the role may have ended; where it did not, nothing changes.

    Learner invites pass to another champion, who is told; those for staff close.
    """
    maker = maker_of(desk, store, account_id)
    for invite, ids in _together(store.invites.made_by(account_id, desk.now)):
        if invite.community is None or _may_still_issue(maker, invite.community, invite):
            continue
        heir = _another_champion(desk, store, invite.community, account_id)
        if invite.role > Role.LEARNER or heir is None:
            store.invites.close(ids, desk.now)
            audit_batch(desk, store, HOUSE, "invite:close", invite, ids)
            continue
        store.invites.set_maker(ids, heir)
        audit_batch(desk, store, HOUSE, "invite:inherit", invite, ids)
        notify(
            desk,
            store,
            heir,
            INVITE_INHERITED,
            community=invite.community,
            workshop=invite.workshop or "",
        )


def hand_on_of_all(desk: Desk, account_ids: Sequence[str]) -> None:
    """The timer's part, for people whose role may have ended by itself: most have made no invite."""
    with desk.database.read() as store:
        makers = store.invites.makers_among(account_ids, desk.now)
    for account_id in makers:
        with desk.database.write() as store:
            hand_on_invites(desk, store, account_id)


def _together(invites: Iterable[Invite]) -> Iterator[tuple[Invite, Sequence[str]]]:
    """Each with the ids of all that have its fate: a batch may have very many."""
    found: dict[str, list[Invite]] = {}
    for invite in invites:
        found.setdefault(invite.batch or invite.id, []).append(invite)
    for alike in found.values():
        yield alike[0], [invite.id for invite in alike]


def _may_still_issue(maker: Actor, community: str, invite: Invite) -> bool:
    role = maker.role_at(community, invite.workshop, invite.site)
    return role is not None and role >= max(invite.role, Role.INSTRUCTOR)


def _another_champion(desk: Desk, store: Store, community: str, leaving: str) -> str | None:
    champions = [
        grant.account_id
        for grant in store.grants.of_community(community, desk.now)
        if grant.role is Role.CHAMPION and grant.workshop is None
    ]
    return next((account_id for account_id in champions if account_id != leaving), None)
