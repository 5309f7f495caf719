"""What is shown to a whole room, on a wall or on paper: a workshop and its code, and nobody's name."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.communities import Community
from ..domain.grants import Actor, Verb, require
from ..domain.workshops import Workshop
from .communities import find_community
from .invites import IssuedInvite
from .ports import Desk
from .workshops import find_workshop, shown_invite


@dataclass(frozen=True, slots=True)
class Handout:
    community: Community
    workshop: Workshop
    issued: IssuedInvite | None  # None: it has no code that can be shown, or is over


def view_handout(desk: Desk, actor: Actor, community: str, slug: str) -> Handout:
    """For those who may show the code."""
    with desk.database.read() as store:
        found = find_community(store, actor, community)
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.SHOW_CODE, community, slug)
        is_over = workshop.state(desk.now).is_over
        return Handout(found, workshop, None if is_over else shown_invite(desk, store, workshop))
