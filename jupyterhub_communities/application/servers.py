"""Servers of a workshop's people, restarted or stopped by its staff."""

from __future__ import annotations

from typing import Literal

from ..domain.accounts import Account
from ..domain.grants import Actor, Grant, Verb, require, require_anywhere
from ..domain.leases import ServerKey
from ..domain.quotas import Scope
from ..domain.refusals import NotFound, PermissionDenied, ServerNotThere
from .audit import record
from .board import board_of
from .ports import Desk, Store
from .workshops import find_workshop

_VERBS = {"restart": Verb.RESTART_SERVER, "stop": Verb.STOP_SERVER}


def take_servers(
    desk: Desk,
    actor: Actor,
    community: str,
    slug: str,
    username: str,
    action: Literal["restart", "stop"],
) -> tuple[ServerKey, ...]:
    """The person's servers that are charged to the workshop, for the Hub to restart or stop; to restart
    also the one whose last start came to nothing.

    Raises `ServerNotThere`, and `PermissionDenied` for somebody of a higher role than one's own.
    """
    verb = _VERBS[action]
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        account, _ = find_attendee(desk, store, actor, verb, community, slug, username)
        here = Scope(community, slug)
        servers = tuple(
            lease.server for lease in store.leases.of_account(account.id) if lease.scope == here
        )
        if not servers and action == "restart":
            row = board_of(desk, store, workshop).row_of(account.id)
            if row is not None and row.came_to_nothing is not None:
                servers = (row.came_to_nothing,)
        if not servers:
            raise ServerNotThere
        record(
            desk,
            store,
            actor,
            verb,
            f"account/{account.id}",
            community,
            after={"workshop": slug},
        )
        return servers


def find_attendee(
    desk: Desk,
    store: Store,
    actor: Actor,
    verb: Verb,
    community: str,
    slug: str,
    username: str,
) -> tuple[Account, tuple[Grant, ...]]:
    """Somebody who is in the workshop, and what they are granted there, for who may do this at their
    place and has no lower role."""
    require_anywhere(actor, verb, community)
    account = store.accounts.by_username(username)
    granted = () if account is None else store.grants.of_account(account.id, desk.now)
    here = tuple(one for one in granted if (one.community, one.workshop) == (community, slug))
    if account is None or not here:
        raise NotFound(kind="member")
    for grant in here:
        own = require(actor, verb, community, slug, grant.site)
        if grant.role > own:
            raise PermissionDenied(needs=grant.role.label)
    return account, here
