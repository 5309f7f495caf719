"""Messages: what the staff of a workshop tell its people, until it is over or taken away."""

from __future__ import annotations

from ..domain.grants import Actor, Verb, require
from ..domain.refusals import WorkshopClosed
from ..domain.versions import Expected, check_version
from ..domain.workshops import Workshop, read_message
from .audit import record
from .ports import Desk
from .workshops import find_workshop


def set_message(
    desk: Desk,
    actor: Actor,
    community: str,
    slug: str,
    text: str,
    *,
    expected: Expected = None,
) -> Workshop:
    """In place of the one before; an empty text takes it away. Repeating it changes nothing. Raises
    `VersionOutdated` where the actor has seen another one: what it said is kept nowhere."""
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.WRITE_MESSAGE, community, slug)
        message = read_message(text)
        if message == workshop.message:
            return workshop
        check_version(workshop.message_version, expected)
        if message is not None and workshop.state(desk.now).is_over:
            raise WorkshopClosed
        store.workshops.set_message(community, slug, message)
        record(
            desk,
            store,
            actor,
            Verb.WRITE_MESSAGE,
            f"workshop/{community}/{slug}",
            community,
            # Not the text: it may name people, and the trail is never changed.
            before={"characters": len(workshop.message or "")},
            after={"characters": len(message or "")},
        )
        return find_workshop(store, actor, community, slug)
