"""Return keys: how an invite-only account comes back.

A key is made when its page is first shown, and the page shows the same key until the person
confirms having kept it. Until then it is kept sealed; afterwards only its digest remains. A key
replaces an earlier one only when it is confirmed, or used; then whoever came in before is signed
out everywhere (`confirm_return_key` and `use_return_key` say so).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from secrets import compare_digest

from ..domain.accounts import Account, AccountKind
from ..domain.codes import RETURN_KEY, grouped
from ..domain.refusals import KeyNotNeeded, KeyUnknown, NotFound
from .audit import record
from .people import Person, load_person, person_of
from .ports import Desk, PendingKey, Store

PURPOSE = "return-key"


def make_pending_key(
    desk: Desk, store: Store, account_id: str, *, browser_digest: str | None = None
) -> str:
    key = RETURN_KEY.draw(desk.chance.choice)
    store.accounts.set_pending_key(
        account_id,
        digest=desk.keys.digest(PURPOSE, key),
        sealed=desk.keys.seal(key),
        browser_digest=browser_digest,
    )
    return key


def browser_digest(desk: Desk, browser: str | None) -> str | None:
    """Of the secret that only one browser has; None where it has none."""
    return None if browser is None else desk.keys.digest("key-request", browser)


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the welcome page tells a person."""

    person: Person
    key: str | None = field(default=None, repr=False)  # grouped; None: it is not to be shown


def view_welcome(desk: Desk, username: str, browser: str | None = None) -> Welcome:
    """The person with the key that waits to be kept, in one look."""
    with desk.database.read() as store:
        person = load_person(desk, store, username)
        account = person.account
        if account is None or account.kind is AccountKind.UPSTREAM:
            return Welcome(person)
        shown = _look_at_key(desk, store, account, browser)
    return Welcome(person, _made_if_missing(desk, account.id, browser, shown))


def show_return_key(desk: Desk, account_id: str, browser: str | None = None) -> str | None:
    """The key that waits to be kept, grouped for reading; None once one was confirmed.

    None also where another browser asked for it: it appears in that one only.
    """
    with desk.database.read() as store:
        account = store.accounts.get(account_id)
        if account is None:
            raise NotFound(kind="account")
        shown = _look_at_key(desk, store, account, browser)
    return _made_if_missing(desk, account_id, browser, shown)


class _Missing(Enum):
    """There is no key to show, and there should be one."""

    MISSING = "missing"


def _look_at_key(
    desk: Desk, store: Store, account: Account, browser: str | None
) -> str | _Missing | None:
    if not account.has_pending_key and account.key_confirmed_at is not None:
        return None
    pending = store.accounts.pending_key(account.id)
    if pending is not None and not _may_see(desk, pending, browser):
        return None
    return _unsealed(desk, pending) or _Missing.MISSING


def _made_if_missing(
    desk: Desk, account_id: str, browser: str | None, shown: str | _Missing | None
) -> str | None:
    if shown is _Missing.MISSING:
        with desk.database.write() as store:
            account = store.accounts.get(account_id)
            if account is None:
                raise NotFound(kind="account")
            shown = _look_at_key(desk, store, account, browser)  # made meanwhile?
            if shown is _Missing.MISSING:
                pending = store.accounts.pending_key(account_id)
                only = None if pending is None else pending.browser_digest
                shown = make_pending_key(desk, store, account_id, browser_digest=only)
                record(desk, store, account_id, "return-key:make", f"account/{account_id}")
    return None if shown is None else grouped(shown)


def confirm_return_key(desk: Desk, account_id: str, browser: str | None = None) -> bool:
    """The person has kept the key that was shown. Repeating it changes nothing.

    True where it took the place of an earlier key.
    """
    with desk.database.write() as store:
        pending = store.accounts.pending_key(account_id)
        if pending is None or not _may_see(desk, pending, browser):
            return False
        return _confirm(desk, store, account_id)


def replace_return_key(desk: Desk, username: str, browser: str) -> str:
    """Another key for who is signed in, grouped; only the browser of this secret is shown it again. The
    one before works until this one is kept or used. Raises `KeyNotNeeded`."""
    with desk.database.write() as store:
        account = _with_key(store, username)
        if not store.accounts.has_kept_key(account.id):
            # One that was shown may have been kept without saying so: it works until then.
            store.accounts.confirm_key(account.id, desk.now)
        only = browser_digest(desk, browser)
        key = make_pending_key(desk, store, account.id, browser_digest=only)
        record(desk, store, account.id, "return-key:replace", f"account/{account.id}")
        return grouped(key)


def keep_replaced_key(desk: Desk, username: str, typed: str) -> bool:
    """Who can type the new key has kept it: from now on the one before is void. True where there was one.
    Repeating it changes nothing. Raises `KeyMistyped`, `KeyUnknown` and `KeyNotNeeded`."""
    digest = desk.keys.digest(PURPOSE, RETURN_KEY.parse(typed))
    with desk.database.write() as store:
        account = _with_key(store, username)
        found = store.people.by_key_digest(digest)
        if found is None or found[0].id != account.id:
            raise KeyUnknown
        pending = store.accounts.pending_key(account.id)
        if pending is None or pending.digest != digest:
            return False
        return _confirm(desk, store, account.id)


def _with_key(store: Store, username: str) -> Account:
    account = store.accounts.by_username(username)
    if account is None or account.kind is AccountKind.UPSTREAM:
        raise KeyNotNeeded
    return account


def find_person_by_key(desk: Desk, typed: str) -> Person:
    """Whose key this is. Raises `KeyMistyped` without touching a table, or `KeyUnknown`."""
    digest = desk.keys.digest(PURPOSE, RETURN_KEY.parse(typed))
    with desk.database.read() as store:
        found = store.people.by_key_digest(digest)
    if found is None:
        raise KeyUnknown
    return person_of(desk, *found)


def use_return_key(desk: Desk, typed: str) -> bool:
    """Notes a sign-in with a key: whoever types a pending key has kept it.

    True where it took the place of an earlier key.
    """
    digest = desk.keys.digest(PURPOSE, RETURN_KEY.parse(typed))
    with desk.database.read() as store:
        found = store.people.by_key_digest(digest)
        pending = None if found is None else store.accounts.pending_key(found[0].id)
    if found is None or pending is None or pending.digest != digest:
        return False
    with desk.database.write() as store:
        return _confirm(desk, store, found[0].id)


def _confirm(desk: Desk, store: Store, account_id: str) -> bool:
    """The pending key becomes the key. True where it took the place of an earlier one."""
    is_renewed = (
        store.accounts.has_kept_key(account_id)
        or _is_for_one_browser(store, account_id)  # the first one was lost
    )
    # Kept after what the key was made for, whatever the clock says: then attempts open nothing more.
    now = max(desk.now, store.redemptions.last_at(account_id) or desk.now)
    if not store.accounts.confirm_key(account_id, now):
        return False
    record(desk, store, account_id, "return-key:confirm", f"account/{account_id}")
    return is_renewed


def _unsealed(desk: Desk, pending: PendingKey | None) -> str | None:
    """None also where the package's key was replaced: so has this one to be."""
    try:
        return None if pending is None else desk.keys.unseal(pending.sealed)
    except ValueError:
        return None


def _may_see(desk: Desk, pending: PendingKey, browser: str | None) -> bool:
    only = pending.browser_digest
    return only is None or compare_digest(only, browser_digest(desk, browser) or "")


def _is_for_one_browser(store: Store, account_id: str) -> bool:
    pending = store.accounts.pending_key(account_id)
    return pending is not None and pending.browser_digest is not None
