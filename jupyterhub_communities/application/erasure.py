"""Erasure: begun in one transaction, carried out in the Hub, and finished in another.

From the moment it is begun the person has no access at all, so nothing starts behind it. Whatever
does not answer in between is asked again by the timer, and every step may be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ..domain.access import ERASED_AFTER, Access, is_being_erased, kept_for, last_end
from ..domain.accounts import Account, AccountKind
from ..domain.grants import Actor, Role, Source, Verb, require
from ..domain.notices import ERASURE_PLANNED
from ..domain.refusals import Declared, ErasureNotYours, LastChampion, NotConfirmed, NotFound
from ..domain.versions import Expected, check_version
from .audit import record
from .communities import find_community
from .ending import require_operator
from .heirs import hand_on_invites
from .leases import settle_lease
from .notices import notify
from .people import ensure_account, load_person
from .ports import Desk, Store
from .seats import grants_ended

TICKETS_KEPT = timedelta(days=7)  # names of people who waited for a seat
TIMER = "timer"


def erase_me(desk: Desk, username: str, typed: str, *, expected: Expected = None) -> Account:
    """Everything about the person who asks, at once. `typed` is the username again."""
    if typed.strip() != username:
        raise NotConfirmed
    with desk.database.write() as store:
        account = ensure_account(desk, store, username)
        check_version(account.own_version, expected)
        _begin(desk, store, account, actor=account.id)
        return account


def erase_person(desk: Desk, actor: Actor, username: str) -> Account:
    """By the operator, at once."""
    require_operator(actor)
    with desk.database.write() as store:
        account = store.accounts.by_username(username)
        if account is None:
            raise NotFound(kind="person")
        _begin(desk, store, account, actor=actor.account_id or "operator")
        return account


def plan_erasure(desk: Desk, actor: Actor, community: str, username: str) -> Account:
    """By a champion, for somebody of no other community; the person is told, and can stop it."""
    with desk.database.write() as store:
        account = _of_this_community(desk, store, actor, community, username)
        _check_erasable(desk, store, account)
        if account.erase_at is None:
            at = desk.now + ERASED_AFTER
            store.accounts.set_erasure(account.id, at)
            notify(desk, store, account.id, ERASURE_PLANNED, community=community, at=at.isoformat())
            _audit(desk, store, actor.account_id or "operator", "erasure:plan", account, community)
        return store.accounts.get(account.id) or account


def stop_erasure(desk: Desk, username: str) -> None:
    """By the person, while it is only planned. Repeating it changes nothing."""
    with desk.database.write() as store:
        account = store.accounts.by_username(username)
        if account is not None:
            _stop(desk, store, account, actor=account.id)


def withdraw_erasure(desk: Desk, actor: Actor, community: str, username: str) -> None:
    """By those who may plan it."""
    with desk.database.write() as store:
        account = _of_this_community(desk, store, actor, community, username)
        _stop(desk, store, account, actor=actor.account_id or "operator")


def due_erasures(desk: Desk, *, after: str = "", limit: int = 20) -> Sequence[Account]:
    """Accounts that are to be erased now: their access has ended, the Hub may still know them.

    In batches: `after` is the last one's id. A planned erasure begins here; one that would leave a
    community without a champion is withdrawn.
    """
    with desk.database.write() as store:
        due = store.accounts.to_erase(desk.now, after=after, limit=limit)
        for account in due:
            try:
                _check_erasable(desk, store, account)
            except (LastChampion, Declared):
                store.accounts.set_erasure(account.id, None)
                _audit(desk, store, TIMER, "erasure:withdraw", account)
            else:
                _end_all(desk, store, account)
        return due


def finish_erasure(desk: Desk, account_id: str) -> None:
    """The Hub knows the person no more: so do we. Only opaque ids stay, in the audit trail."""
    with desk.database.write() as store:
        account = store.accounts.get(account_id)
        if account is None or not is_being_erased(account, desk.now):
            return
        for lease in store.leases.of_account(account_id):
            settle_lease(desk, store, lease)
        _end_all(desk, store, account)
        store.personal.erase(account_id)
        _audit(desk, store, TIMER, "account:erased", account)


def begin_retention(desk: Desk, *, after: str = "", limit: int = 50) -> str | None:
    """Begins the erasure of people whose communities keep nobody that long. In batches: answers with
    the id to go on after, None at the end."""
    with desk.database.write() as store:
        periods = retention_periods(store)
        before = desk.now - max(min(periods.values(), default=timedelta()), desk.settings.grace)
        people = store.accounts.ended_long_ago(before, after=after, limit=limit)
        for account in people:
            _retire(desk, store, account, periods)
        return people[-1].id if people else None


def retention_periods(store: Store) -> dict[str, timedelta]:
    """Of the communities that keep nobody for ever."""
    return {
        community.slug: timedelta(days=community.retention_days)
        for community in store.communities.all()
        if community.retention_days is not None
    }


def forget_tickets(desk: Desk) -> None:
    """The names of people who once waited for a seat."""
    with desk.database.write() as store:
        store.waiting.forget(desk.now - TICKETS_KEPT)


def export_me(desk: Desk, username: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """All that is held about the person, by table."""
    with desk.database.read() as store:
        account = store.accounts.by_username(username)
        return {} if account is None else store.personal.export(account.id)


def note_home(desk: Desk, username: str, *, deleted: bool) -> None:
    """What became of the home files when the Hub deleted a user."""
    with desk.database.write() as store:
        account = store.accounts.by_username(username)
        if account is not None:
            _audit(desk, store, "hub", "home:delete" if deleted else "home:kept", account)


def _retire(desk: Desk, store: Store, account: Account, periods: Mapping[str, timedelta]) -> None:
    """Begins one erasure, if the longest of the person's periods is over and they have no access."""
    grants = store.grants.history(account.id).grants
    ended = last_end(grants, desk.now)
    period = kept_for(grants, periods, desk.settings.grace)
    if ended is None or period is None or desk.now < ended + period:
        return
    if load_person(desk, store, account.username).access is Access.NONE:
        _begin(desk, store, account, actor=TIMER)


def _begin(desk: Desk, store: Store, account: Account, *, actor: str) -> None:
    _check_erasable(desk, store, account)
    if not is_being_erased(account, desk.now):
        store.accounts.set_erasure(account.id, desk.now)
        _audit(desk, store, actor, Verb.ERASE.value, account)
    store.line.remove_of_account(account.id)
    _end_all(desk, store, account)


def _check_erasable(desk: Desk, store: Store, account: Account) -> None:
    """Raises `Declared` or `LastChampion`."""
    for grant in store.grants.of_account(account.id, desk.now):
        if grant.source is Source.DECLARED:
            raise Declared
        if grant.role is Role.CHAMPION and grant.workshop is None:
            others = store.grants.of_community(grant.community, desk.now)
            if not any(
                other.role is Role.CHAMPION
                and other.workshop is None
                and other.account_id != account.id
                for other in others
            ):
                raise LastChampion


def _end_all(desk: Desk, store: Store, account: Account) -> None:
    """Every grant ends; seats go back, invites pass on. An account that the person had under the name
    of a linked identity goes the same way."""
    grants = store.grants.history(account.id).grants
    store.grants.revoke([g.id for g in grants if g.holds(desk.now)], desk.now)
    grants_ended(desk, store, [grant.id for grant in grants])
    hand_on_invites(desk, store, account.id)
    for subject in store.identities.of_account(account.id):
        other = store.accounts.by_username(subject)
        if other is not None and other.id != account.id and other.erase_at is None:
            store.accounts.set_erasure(other.id, desk.now)


def _of_this_community(
    desk: Desk, store: Store, actor: Actor, community: str, username: str
) -> Account:
    """Somebody whom the actor may erase: of this community, and of no other one."""
    find_community(store, actor, community)
    require(actor, Verb.ERASE, community)
    account = store.accounts.by_username(username)
    grants = [] if account is None else store.grants.history(account.id).grants
    if account is None or not any(grant.community == community for grant in grants):
        raise NotFound(kind="member")
    is_elsewhere = any(g.community != community and g.holds(desk.now) for g in grants)
    if is_elsewhere or account.kind is not AccountKind.INVITE:
        raise ErasureNotYours
    return account


def _stop(desk: Desk, store: Store, account: Account, *, actor: str) -> None:
    if account.erase_at is None or is_being_erased(account, desk.now):
        return
    store.accounts.set_erasure(account.id, None)
    for notice in store.notices.of_account(account.id):
        if notice.kind == ERASURE_PLANNED:
            store.notices.remove(account.id, notice.id)
    _audit(desk, store, actor, "erasure:stop", account)


def _audit(
    desk: Desk,
    store: Store,
    actor: str,
    action: str,
    account: Account,
    community: str | None = None,
) -> None:
    record(desk, store, actor, action, f"account/{account.id}", community)
