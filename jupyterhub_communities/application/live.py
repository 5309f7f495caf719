"""One look at a workshop for everybody who watches its board, and what each of them may see of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..domain.access import is_barred
from ..domain.grants import Actor, Grant
from ..domain.workshops import Workshop
from .board import NOTHING_SEEN, Board, Seen, Sight, sight_of, whole_board
from .ports import Desk
from .workshops import learner_invite, standing


@dataclass(frozen=True, slots=True)
class Look:
    """What a board looks like now, and what those who watch it may."""

    workshop: Workshop
    board: Board
    watching: frozenset[str]  # account ids of those who were asked about
    grants: Mapping[str, tuple[Grant, ...]]  # what they are granted in the community

    def sight_of(self, actor: Actor) -> Sight | None:
        """With what they are granted by now; of who has come since, as far as they know. None: it is
        not for them any more."""
        if not actor.is_operator and actor.account_id in self.watching:
            actor = Actor(actor.account_id, self.grants.get(actor.account_id or "", ()))
        return sight_of(actor, self.workshop.community, self.workshop.slug)


def look_at_board(
    desk: Desk,
    community: str,
    slug: str,
    watching: Collection[str],
    *,
    seen: Seen = NOTHING_SEEN,
) -> Look | None:
    """For all of these accounts at once: as many statements for one as for a hundred."""
    with desk.database.read() as store:
        place = store.communities.get(community)
        workshop = store.workshops.get(community, slug)
        if place is None or workshop is None:
            return None
        workshop = standing(store, workshop)
        grants: dict[str, tuple[Grant, ...]] = {}
        if place.suspended_at is None and watching:
            accounts = store.accounts.names(watching)
            for grant in store.grants.of_people(community, watching, desk.now):
                account = accounts.get(grant.account_id)
                if account is not None and not is_barred(account, desk.now):
                    grants[account.id] = (*grants.get(account.id, ()), grant)
        own = learner_invite(store, workshop)
        board = whole_board(desk, store, workshop, own, seen)
        return Look(workshop, board, frozenset(watching), grants)
