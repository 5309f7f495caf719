"""Return keys: how an invite-only account comes back.

A key is made when its page is first shown, and the page shows the same key until the person
confirms having kept it. Until then it is kept sealed; afterwards only its digest remains. A key
replaces an earlier one only when it is confirmed, or used.
"""

from __future__ import annotations

from ..domain.accounts import Account
from ..domain.audit import AuditEntry
from ..domain.codes import RETURN_KEY, grouped
from ..domain.refusals import KeyUnknown, NotFound
from .ports import Desk, Store

PURPOSE = "return-key"


def make_pending_key(desk: Desk, store: Store, account_id: str) -> str:
    key = RETURN_KEY.draw(desk.chance.choice)
    store.accounts.set_pending_key(
        account_id, digest=desk.keys.digest(PURPOSE, key), sealed=desk.keys.seal(key)
    )
    return key


def show_return_key(desk: Desk, account_id: str) -> str | None:
    """The key that waits to be kept, grouped for reading; None once one was confirmed."""
    with desk.database.write() as store:
        account = store.accounts.get(account_id)
        if account is None:
            raise NotFound(kind="account")
        sealed = store.accounts.pending_key(account_id)
        if sealed is not None:
            try:
                return grouped(desk.keys.unseal(sealed))
            except ValueError:  # the package's key was replaced: so is this one
                return grouped(make_pending_key(desk, store, account_id))
        if account.key_confirmed_at is not None:
            return None
        return grouped(make_pending_key(desk, store, account_id))


def confirm_return_key(desk: Desk, account_id: str) -> None:
    """The person has kept the key that was shown. Repeating it changes nothing."""
    with desk.database.write() as store:
        _confirm(desk, store, account_id)


def find_account_by_key(desk: Desk, typed: str) -> Account:
    """Whose key this is. Raises `KeyMistyped` without touching a table, or `KeyUnknown`."""
    digest = desk.keys.digest(PURPOSE, RETURN_KEY.parse(typed))
    with desk.database.read() as store:
        account = store.accounts.by_key_digest(digest)
    if account is None:
        raise KeyUnknown
    return account


def use_return_key(desk: Desk, typed: str) -> None:
    """Notes a sign-in with a key: whoever types a pending key has kept it."""
    digest = desk.keys.digest(PURPOSE, RETURN_KEY.parse(typed))
    with desk.database.read() as store:
        account = store.accounts.by_key_digest(digest)
        sealed = None if account is None else store.accounts.pending_key(account.id)
    if account is None or sealed is None:
        return
    if desk.keys.digest(PURPOSE, desk.keys.unseal(sealed)) == digest:
        confirm_return_key(desk, account.id)


def _confirm(desk: Desk, store: Store, account_id: str) -> None:
    # Kept after what the key was made for, whatever the clock says: then attempts open nothing more.
    now = max(desk.now, store.redemptions.last_at(account_id) or desk.now)
    if store.accounts.confirm_key(account_id, now):
        store.audit.add(
            AuditEntry(
                at=desk.now,
                actor=account_id,
                action="return-key:confirm",
                subject=f"account/{account_id}",
            )
        )
