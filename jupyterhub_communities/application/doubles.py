"""Doubles: one person who joined twice. The empty account is retired, and its seat given back."""

from __future__ import annotations

from ..domain.accounts import Account, AccountKind
from ..domain.grants import Actor, Grant, Role, Verb, require, require_anywhere
from ..domain.names import same_name
from ..domain.refusals import AccountUsed, NotADouble, NotFound
from .audit import record
from .ports import Desk, Store
from .seats import grants_ended
from .workshops import find_workshop


def view_double(desk: Desk, actor: Actor, community: str, workshop: str, username: str) -> Account:
    """Raises what retiring this account would raise."""
    with desk.database.read() as store:
        return _retirable(desk, store, actor, community, workshop, username)[0]


def retire_double(
    desk: Desk, actor: Actor, community: str, workshop: str, username: str
) -> Account:
    """Ends an account that stands beside another one of its name and has never had a server.

    Raises `AccountUsed` where there may be work in it, and `NotADouble` where nobody else of this
    name is in the workshop, or the account is more than a learner's of this workshop.
    """
    with desk.database.write() as store:
        account, grants = _retirable(desk, store, actor, community, workshop, username)
        store.grants.revoke([grant.id for grant in grants], desk.now)
        store.accounts.drop_keys(account.id)
        grants_ended(desk, store, [grant.id for grant in grants])
        record(
            desk,
            store,
            actor,
            Verb.RETIRE_DOUBLE,
            f"account/{account.id}",
            community,
            before={"role": Role.LEARNER.label, "workshop": workshop},
        )
        return account


def _retirable(
    desk: Desk, store: Store, actor: Actor, community: str, workshop: str, username: str
) -> tuple[Account, tuple[Grant, ...]]:
    find_workshop(store, actor, community, workshop)
    require_anywhere(actor, Verb.RETIRE_DOUBLE, community)
    account = store.accounts.by_username(username)
    grants = () if account is None else tuple(store.grants.of_account(account.id, desk.now))
    here = [grant for grant in grants if (grant.community, grant.workshop) == (community, workshop)]
    if account is None or not here:
        raise NotFound(kind="member")
    for grant in here:
        require(actor, Verb.RETIRE_DOUBLE, community, workshop, grant.site)
    is_only_here = len(here) == len(grants) and all(g.role is Role.LEARNER for g in here)
    if not is_only_here or account.kind is not AccountKind.INVITE:
        raise NotADouble
    if store.identities.of_account(account.id):
        raise NotADouble
    others = store.accounts.names(
        grant.account_id
        for grant in store.grants.of_community(community, desk.now, workshop)
        if grant.account_id != account.id
    )
    name = same_name(account.display_name)
    if not any(same_name(other.display_name) == name for other in others.values()):
        raise NotADouble
    if store.leases.had_any([account.id]):
        raise AccountUsed
    return account, grants
