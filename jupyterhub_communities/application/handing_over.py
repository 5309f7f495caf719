"""A champion hands over: another one is appointed and they step back, in one step."""

from __future__ import annotations

from ..domain.grants import Actor, Role, Source, Verb, require
from ..domain.refusals import Declared, LastChampion, PermissionDenied
from ..domain.versions import Expected, check_version
from .audit import record
from .communities import find_community
from .members import Member, as_member, give_role, member_of
from .ports import Desk


def hand_over(
    desk: Desk,
    actor: Actor,
    community: str,
    username: str,
    stays_as: Role = Role.INSTRUCTOR,
    *,
    expected: Expected = None,
) -> Member:
    """The new champion. Both happen, or neither: the community is never without one.

    A champion whom the operator's file declares cannot step back here.
    """
    with desk.database.write() as store:
        find_community(store, actor, community)
        require(actor, Verb.SET_ROLE, community)
        own_account = store.accounts.get(actor.account_id or "")
        if own_account is None or not any(
            grant.role is Role.CHAMPION and grant.covers(community, None) for grant in actor.grants
        ):
            raise PermissionDenied(
                needs=Role.CHAMPION.label
            )  # an operator has nothing to hand over
        account, grants = member_of(desk, store, community, username)
        if account.id == own_account.id:
            raise LastChampion
        check_version(as_member(account, grants).version, expected)
        _, own = member_of(desk, store, community, own_account.username)
        if any(grant.source is Source.DECLARED for grant in (*own, *grants)):
            raise Declared
        give_role(desk, store, actor, community, account, grants, Role.CHAMPION)
        give_role(desk, store, actor, community, own_account, own, stays_as)
        record(
            desk,
            store,
            actor,
            "community:hand-over",
            f"account/{account.id}",
            community,
            after={"role": Role.CHAMPION.label},
        )
        return as_member(*member_of(desk, store, community, username))
