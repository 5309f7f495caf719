"""A lost return key: asked for in a browser, approved by somebody of theirs, used there once.

The browser holds a secret of its own. What was approved opens for that secret only, until fifteen
minutes after it was asked. The new key, too, is shown to that browser alone, and the old one works
until the new one is kept or used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ..domain.accounts import Account, AccountKind, Named
from ..domain.grants import LOWEST_ROLE, Actor, Verb, require, require_anywhere
from ..domain.key_requests import (
    KeyRequest,
    draw_number,
    read_number,
    require_key_approval,
)
from ..domain.notices import KEY_APPROVED
from ..domain.paging import Page
from ..domain.refusals import (
    KeyApprovalRefused,
    KeyRequestUnknown,
    NotFound,
    PermissionDenied,
    StorageUnreachable,
)
from ..domain.workshops import Workshop
from .audit import record
from .board import sight_of
from .communities import find_community
from .members import page_of_members
from .notices import notify
from .ports import Desk, Store
from .return_keys import browser_digest, make_pending_key
from .workshops import find_workshop

MOST_LISTED = 200  # people that a form lists to choose from
_KEPT = timedelta(days=1)  # how long the database remembers a request
_DRAWS = 50  # of a number, until one is free


@dataclass(frozen=True, slots=True)
class AskedKey:
    """A request as the browser that asked sees it."""

    request: KeyRequest
    account: Account | None  # whose new key it is, once approved
    approved_by: str | None  # the name of who approved; None: the operator
    is_alive: bool


def ask_for_key(desk: Desk, browser: str) -> KeyRequest:
    """A number for this browser's secret; the same one while it is alive."""
    digest = _digest(desk, browser)
    with desk.database.write() as store:
        store.key_requests.forget(desk.now - _KEPT)
        before = store.key_requests.by_browser(digest)
        if before is not None:
            return before
        request = KeyRequest(
            id=desk.chance.identifier(),
            number=_free_number(desk, store),
            browser_digest=digest,
            created_at=desk.now,
        )
        store.key_requests.add(request)
        return request


def view_asked_key(desk: Desk, browser: str) -> AskedKey | None:
    """What has become of this browser's request; None where it made none."""
    with desk.database.read() as store:
        request = store.key_requests.by_browser(_digest(desk, browser))
        if request is None:
            return None
        account = None if request.account_id is None else store.accounts.get(request.account_id)
        approver = None if request.approved_by is None else store.accounts.get(request.approved_by)
        return AskedKey(
            request=request,
            account=account,
            approved_by=None if approver is None else approver.display_name,
            is_alive=_is_usable(desk, store, request),
        )


def approve_key(
    desk: Desk,
    actor: Actor,
    community: str,
    workshop: str | None,
    username: str,
    typed_number: str,
    *,
    has_hub_role: bool,
) -> Account:
    """Lets the browser behind the number in as this person, who then gets a new key there.

    `workshop` None: a champion approves for anybody of the community. Sending the same again
    changes nothing. Raises `KeyApprovalRefused`, and `KeyRequestUnknown` for a number that is
    wrong, too old or taken.
    """
    with desk.database.write() as store:
        account = _person_at(desk, store, actor, community, workshop, username)
        grants = store.grants.of_account(account.id, desk.now)
        require_key_approval(actor, grants, has_hub_role=has_hub_role)
        if account.kind is AccountKind.UPSTREAM:
            raise KeyApprovalRefused(needs="upstream")
        request = store.key_requests.by_number(read_number(typed_number), desk.now)
        if request is None:
            raise KeyRequestUnknown
        if request.approved_at is not None:
            if (request.account_id, request.approved_by) == (account.id, actor.account_id):
                return account  # the same form, sent twice
            raise KeyRequestUnknown
        if not store.key_requests.approve(
            request.id, account_id=account.id, approved_by=actor.account_id, now=desk.now
        ):
            raise KeyRequestUnknown
        approver = None if actor.account_id is None else store.accounts.get(actor.account_id)
        notify(
            desk,
            store,
            account.id,
            KEY_APPROVED,
            by="" if approver is None else approver.display_name,
        )
        subject = f"account/{account.id}"
        after = {"workshop": workshop}
        record(desk, store, actor, Verb.APPROVE_KEY, subject, community, after=after)
        return account


def find_to_approve(
    desk: Desk, actor: Actor, community: str, workshop: str | None, username: str
) -> None:
    """Before the Hub is asked about somebody: raises for whoever may approve nothing, and for people
    who are not theirs. `approve_key` decides."""
    with desk.database.read() as store:
        _person_at(desk, store, actor, community, workshop, username)


def people_to_approve(
    desk: Desk, actor: Actor, community: str, workshop: str | None
) -> tuple[Workshop | None, Sequence[Account | Named] | None]:
    """Whom the form for a number lists: a workshop's learners, or for a champion everybody of the
    community; None where they are too many for a list. `approve_key` decides about each."""
    if workshop is None:
        with desk.database.read() as store:
            find_community(store, actor, community)
        require(actor, Verb.SET_ROLE, community)
        part = page_of_members(desk, actor, community, Page(MOST_LISTED))
        if part.after is not None:
            return None, None
        return None, _by_name(member.account for member in part.entries)
    with desk.database.read() as store:
        held = find_workshop(store, actor, community, workshop)
        sight = sight_of(actor, community, workshop)
        if sight is None:
            raise PermissionDenied(needs=LOWEST_ROLE[Verb.VIEW_BOARD].label)
        learners = store.board.learners(
            community, workshop, desk.now, sites=sight.sites, limit=MOST_LISTED + 1
        )
    return held, _by_name(learners) if len(learners) <= MOST_LISTED else None


def find_approved_account(desk: Desk, browser: str) -> Account:
    """As whom this browser may sign in. Raises `KeyRequestUnknown`."""
    with desk.database.read() as store:
        return _approved(desk, store, browser)[1]


def use_approval(desk: Desk, browser: str) -> Account:
    """Makes the new key, for this browser alone. The same again gives the same key."""
    with desk.database.write() as store:
        request, account = _approved(desk, store, browser)
        if request.used_at is None and store.key_requests.use(request.id, desk.now):
            if not store.accounts.has_kept_key(account.id):
                # One that was shown may have been kept without saying so: it works until then.
                store.accounts.confirm_key(account.id, desk.now)
            make_pending_key(desk, store, account.id, browser_digest=request.browser_digest)
            record(desk, store, account.id, "return-key:renew", f"account/{account.id}")
        return account


def _approved(desk: Desk, store: Store, browser: str) -> tuple[KeyRequest, Account]:
    request = store.key_requests.by_browser(_digest(desk, browser))
    if request is None or not _is_usable(desk, store, request) or request.account_id is None:
        raise KeyRequestUnknown
    account = store.accounts.get(request.account_id)
    if account is None:
        raise KeyRequestUnknown
    return request, account


def _is_usable(desk: Desk, store: Store, request: KeyRequest) -> bool:
    """Once; where the answer was lost on its way, again by this browser until the key is kept."""
    if desk.now >= request.ends_at:
        return False
    if request.used_at is None or request.account_id is None:
        return request.used_at is None
    pending = store.accounts.pending_key(request.account_id)
    return pending is not None and pending.browser_digest == request.browser_digest


def _person_at(
    desk: Desk, store: Store, actor: Actor, community: str, workshop: str | None, username: str
) -> Account:
    if workshop is None:
        find_community(store, actor, community)
    else:
        find_workshop(store, actor, community, workshop)
    require_anywhere(actor, Verb.APPROVE_KEY, community)
    account = store.accounts.by_username(username)
    if account is not None and any(
        grant.community == community and workshop in (None, grant.workshop)
        for grant in store.grants.of_account(account.id, desk.now)
    ):
        return account
    raise NotFound(kind="member")


def _by_name(accounts: Iterable[Account | Named]) -> list[Account | Named]:
    return sorted(accounts, key=lambda account: account.display_name.casefold())


def _free_number(desk: Desk, store: Store) -> str:
    for _ in range(_DRAWS):
        number = draw_number(desk.chance.choice)
        if store.key_requests.by_number(number, desk.now) is None:
            return number
    raise StorageUnreachable  # more numbers are alive than a hub has people


def _digest(desk: Desk, browser: str) -> str:
    digest = browser_digest(desk, browser)
    assert digest is not None
    return digest
