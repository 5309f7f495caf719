"""The end of access: what the operator does at once, and what the Hub must be told of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..domain.access import Access, stops
from ..domain.accounts import Account, AccountKind
from ..domain.asks import read_reason
from ..domain.communities import Community
from ..domain.grants import Actor, groups_of
from ..domain.leases import ServerKey
from ..domain.refusals import NotFound, PermissionDenied
from .audit import record
from .communities import find_community
from .people import ensure_account, load_person
from .ports import Desk, Store
from .seats import end_ticket

MARK = "ends"  # the timer's


@dataclass(frozen=True, slots=True)
class Ending:
    """What the Hub is told of somebody whose access may have changed. Safe to repeat."""

    username: str
    groups: frozenset[str]
    access: Access
    stop: tuple[ServerKey, ...]  # with `Access.NONE`: all of them, whatever stands here
    spares_admins: bool  # an admin of the Hub needs no community


def plan_ending(desk: Desk, username: str) -> Ending | None:
    """What to tell the Hub. None for somebody without an account."""
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        account = person.account
        if account is None:
            return None
        history = store.grants.history(account.id)
        return Ending(
            username=username,
            groups=groups_of(person.grants, desk.settings.group_prefix),
            access=person.access,
            stop=tuple(
                lease.server
                for lease in store.leases.of_account(account.id)
                if stops(
                    lease.scope,
                    person.access,
                    history.grants,
                    history.suspended,
                    desk.now,
                )
            ),
            spares_admins=account.kind is not AccountKind.INVITE and not person.is_barred,
        )


def ends_carried_out(desk: Desk) -> datetime | None:
    """Until when the Hub has been told of everybody whose access ended."""
    with desk.database.read() as store:
        return store.marks.get(MARK)


def note_ends_carried_out(desk: Desk, until: datetime) -> None:
    with desk.database.write() as store:
        store.marks.set(MARK, until)


def people_to_look_at(
    desk: Desk, since: datetime, until: datetime, *, after: str = "", limit: int = 100
) -> Sequence[Account]:
    """Whose access may have ended in (since, until], in batches: `after` is the last one's id."""
    with desk.database.read() as store:
        return store.accounts.touched(since, until, after=after, limit=limit)


def block_person(desk: Desk, actor: Actor, username: str) -> Account:
    """Out at once, whatever they were given, until unblocked."""
    return _set_block(desk, actor, username, desk.now)


def unblock_person(desk: Desk, actor: Actor, username: str) -> Account:
    """What they were given holds again, as far as it has not lapsed."""
    return _set_block(desk, actor, username, None)


def suspend_community(desk: Desk, actor: Actor, slug: str, because: str) -> Community:
    """Its grants and codes open nothing until it is resumed; who waits for a seat or a server waits no
    more. Raises `ReasonInvalid`."""
    require_operator(actor)
    because = read_reason(because)
    with desk.database.write() as store:
        community = find_community(store, actor, slug)
        if community.suspended_at is None:
            close_doors(desk, store, slug, because)
            record(
                desk,
                store,
                actor,
                "community:suspend",
                f"community/{slug}",
                slug,
                after={"because": because},
            )
        return store.communities.get(slug) or community


def close_doors(desk: Desk, store: Store, slug: str, because: str | None) -> None:
    """In the transaction of a verb that suspends the community."""
    store.communities.suspend(slug, desk.now, because)
    store.line.remove_of_community(slug)
    for invite in store.invites.waited_for(slug):
        for ticket in store.waiting.of_invite(invite.id):
            end_ticket(desk, store, ticket.id, ticket.state(desk.now))


def resume_community(desk: Desk, actor: Actor, slug: str) -> Community:
    """Everything holds again as it stands."""
    require_operator(actor)
    with desk.database.write() as store:
        community = find_community(store, actor, slug)
        if community.suspended_at is not None:
            store.communities.suspend(slug, None, None)
            record(desk, store, actor, "community:resume", f"community/{slug}", slug)
        return store.communities.get(slug) or community


def blocked_people(desk: Desk, actor: Actor) -> Sequence[Account]:
    """For the operator's page."""
    require_operator(actor)
    with desk.database.read() as store:
        return store.accounts.blocked()


def require_operator(actor: Actor) -> None:
    if not actor.is_operator:
        raise PermissionDenied(needs="operator")


def _set_block(desk: Desk, actor: Actor, username: str, at: datetime | None) -> Account:
    require_operator(actor)
    with desk.database.write() as store:
        account = store.accounts.by_username(username)
        if at is not None:
            account = ensure_account(desk, store, username)
        if account is None:
            raise NotFound(kind="person")
        if (account.blocked_at is None) != (at is None):
            store.accounts.block(account.id, at)
            store.line.remove_of_account(account.id)
            action = "account:unblock" if at is None else "account:block"
            record(desk, store, actor, action, f"account/{account.id}")
        return store.accounts.get(account.id) or account
