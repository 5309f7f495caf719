"""Members of a community: seen, given a role, removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..domain.accounts import Account
from ..domain.communities import Community
from ..domain.grants import Actor, Grant, Role, Source, Verb, may, require, require_grantable
from ..domain.paging import Page, Part
from ..domain.refusals import Declared, LastChampion, NotFound
from ..domain.versions import Expected, check_version, version_of
from .audit import record
from .communities import find_community
from .heirs import hand_on_invites
from .ports import Desk, Store
from .seats import grants_ended


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a community, with the highest role at the community itself."""

    account: Account
    role: Role
    workshops: tuple[str, ...]  # slugs of the workshops that a grant is for
    since: datetime
    is_declared: bool = False  # the operator's file says the role

    @property
    def version(self) -> str:
        return version_of([self.account.id, self.role, self.workshops, self.since])


def list_members(desk: Desk, actor: Actor, community: str) -> Sequence[Member]:
    with desk.database.read() as store:
        _require(store, actor, Verb.VIEW_MEMBERS, community)
        return _members(desk, store, community)


def page_of_members(
    desk: Desk, actor: Actor, community: str, page: Page, matching: str = ""
) -> Part[Member]:
    """Highest roles first, then by name. As many statements, and rows, however many there are.
    `matching` is a part of name or username."""
    with desk.database.read() as store:
        _require_sight(store, actor, community)
        people = store.grants.people(community, desk.now, page, " ".join(matching.split()))
        accounts = store.accounts.names(people.entries)
        by_account: dict[str, list[Grant]] = {}
        for grant in store.grants.of_people(community, people.entries, desk.now):
            by_account.setdefault(grant.account_id, []).append(grant)
        return people.map(
            lambda account_id: as_member(accounts[account_id], by_account[account_id])
        )


def view_member(desk: Desk, actor: Actor, community: str, username: str) -> Member:
    with desk.database.read() as store:
        _require_sight(store, actor, community)
        return as_member(*member_of(desk, store, community, username))


def may_see_people(actor: Actor, community: Community) -> bool:
    """Its staff; and all its members, where it says so."""
    return may(actor, Verb.VIEW_MEMBERS, community.slug) or (
        community.shows_people and actor.is_member(community.slug)
    )


def set_role(
    desk: Desk,
    actor: Actor,
    community: str,
    username: str,
    role: Role,
    *,
    expected: Expected = None,
) -> Member:
    """Makes the person's own role at the community exactly this one.

    Only members can be given a role: strangers come by an invite. Grants that the operator's file
    declares cannot be changed here.
    """
    with desk.database.write() as store:
        own = _require(store, actor, Verb.SET_ROLE, community)
        require_grantable(own, role)
        account, grants = member_of(desk, store, community, username)
        check_version(as_member(account, grants).version, expected)
        if any(grant.source is Source.DECLARED for grant in grants):
            raise Declared
        give_role(desk, store, actor, community, account, grants, role)
        return as_member(*member_of(desk, store, community, username))


def give_role(
    desk: Desk,
    store: Store,
    actor: Actor,
    community: str,
    account: Account,
    grants: Sequence[Grant],
    role: Role,
) -> None:
    """In the transaction of a verb that has checked whether this may be. `grants` are those that the
    person has in the community."""
    held = [grant for grant in grants if grant.workshop is None]
    before = max((grant.role for grant in held), default=None)
    if before == role:
        return
    store.grants.revoke([grant.id for grant in held], desk.now)
    store.grants.add(
        Grant(
            id=desk.chance.identifier(),
            account_id=account.id,
            role=role,
            community=community,
            workshop=None,
            source=Source.CHAMPION,
            made_by=actor.account_id,
            starts_at=desk.now,
        )
    )
    _keep_a_champion(desk, store, community)
    grants_ended(desk, store, [grant.id for grant in held])
    hand_on_invites(desk, store, account.id)
    _audit(desk, store, actor, Verb.SET_ROLE, community, account, before, role)


def remove_member(
    desk: Desk, actor: Actor, community: str, username: str, *, expected: Expected = None
) -> Account:
    """Ends all of a person's grants in the community. Leaving is everybody's own right."""
    with desk.database.write() as store:
        find_community(store, actor, community)
        named = store.accounts.by_username(username)
        if named is None or named.id != actor.account_id:
            require(actor, Verb.REMOVE_MEMBER, community)
        account, grants = member_of(desk, store, community, username)
        check_version(as_member(account, grants).version, expected)
        if any(grant.source is Source.DECLARED for grant in grants):
            raise Declared
        store.grants.revoke([grant.id for grant in grants], desk.now)
        _keep_a_champion(desk, store, community)
        grants_ended(desk, store, [grant.id for grant in grants])
        hand_on_invites(desk, store, account.id)
        before = max(grant.role for grant in grants)
        _audit(desk, store, actor, Verb.REMOVE_MEMBER, community, account, before, None)
        return account


def _require_sight(store: Store, actor: Actor, slug: str) -> None:
    if not may_see_people(actor, find_community(store, actor, slug)):
        require(actor, Verb.VIEW_MEMBERS, slug)


def _require(store: Store, actor: Actor, verb: Verb, community: str) -> Role:
    find_community(store, actor, community)
    return require(actor, verb, community)


def member_of(
    desk: Desk, store: Store, community: str, username: str
) -> tuple[Account, Sequence[Grant]]:
    account = store.accounts.by_username(username)
    if account is not None:
        grants = store.grants.of_account(account.id, desk.now)
        held = [grant for grant in grants if grant.community == community]
        if held:
            return account, held
    raise NotFound(kind="member")


def _members(desk: Desk, store: Store, community: str) -> Sequence[Member]:
    by_account: dict[str, list[Grant]] = {}
    for grant in store.grants.of_community(community, desk.now):
        by_account.setdefault(grant.account_id, []).append(grant)
    accounts = store.accounts.names(by_account)
    members = [
        as_member(accounts[account_id], grants)
        for account_id, grants in by_account.items()
        if account_id in accounts
    ]
    return sorted(
        members, key=lambda member: (-member.role, member.account.display_name.casefold())
    )


def as_member(account: Account, grants: Sequence[Grant]) -> Member:
    return Member(
        account=account,
        role=max((grant.role for grant in grants if grant.workshop is None), default=Role.LEARNER),
        workshops=tuple(sorted({g.workshop for g in grants if g.workshop is not None})),
        since=min(grant.starts_at for grant in grants),
        is_declared=any(grant.source is Source.DECLARED for grant in grants),
    )


def _keep_a_champion(desk: Desk, store: Store, community: str) -> None:
    """Called after the change, within its transaction: raising undoes it."""
    grants = store.grants.of_community(community, desk.now)
    if not any(grant.role is Role.CHAMPION and grant.workshop is None for grant in grants):
        raise LastChampion


def _audit(
    desk: Desk,
    store: Store,
    actor: Actor,
    verb: Verb,
    community: str,
    account: Account,
    before: Role | None,
    after: Role | None,
) -> None:
    record(
        desk,
        store,
        actor,
        verb,
        f"account/{account.id}",
        community,
        before={"role": before.label} if before else {},
        after={"role": after.label} if after else {},
    )
