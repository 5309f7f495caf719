"""What is held about a person, over all tables: listed, exported, erased.

`PERSONAL` is the list that docs/privacy.md shows; a test holds every column against it. The audit
trail names people by ids that mean nothing once the account is gone, and is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    delete,
    or_,
    select,
    update,
)

from .tables import (
    accounts,
    asks,
    audit,
    feedback_marks,
    grants,
    hands,
    identities,
    invites,
    kept_answers,
    key_requests,
    leases,
    notices,
    redemptions,
    role_offers,
    server_accesses,
    start_tickets,
    start_troubles,
    trainings,
    usage,
    waiting,
    workshops,
)

# Columns that say something of a person, by table.
PERSONAL: Mapping[str, frozenset[str]] = {
    "accounts": frozenset(
        [
            "id",
            "username",
            "display_name",
            "folded_name",
            "kind",
            "language",
            "created_at",
            "key_digest",
            "key_confirmed_at",
            "pending_key_digest",
            "pending_key_sealed",
            "pending_key_browser",
            "blocked_at",
            "erase_at",
        ]
    ),
    "identities": frozenset({"subject", "account_id", "linked_at"}),
    "grants": frozenset(
        [
            "account_id",
            "role",
            "community",
            "workshop",
            "site",
            "source",
            "made_by",
            "starts_at",
            "ends_at",
            "revoked_at",
            "is_named",
        ]
    ),
    "redemptions": frozenset({"invite_id", "account_id", "redeemed_at", "attempt_digest"}),
    "invites": frozenset({"label", "bound_username", "made_by"}),
    "waiting": frozenset({"name", "attempt_digest"}),
    "key_requests": frozenset({"account_id", "approved_by", "browser_digest"}),
    "notices": frozenset({"account_id", "kind", "data", "created_at"}),
    "leases": frozenset({"username", "server_name", "account_id"}),
    "start_tickets": frozenset(
        ["username", "server_name", "account_id", "options", "taken_at", "seen_at"]
    ),
    "start_troubles": frozenset({"account_id", "code", "at"}),
    "hands": frozenset({"account_id", "question", "raised_at", "taken_by", "taken_at"}),
    "server_accesses": frozenset(
        ["username", "server_name", "owner_id", "helper_id", "starts_at", "ends_at", "ended_at"]
    ),
    "usage": frozenset({"account_id"}),
    "kept_answers": frozenset({"account_id", "key_digest", "answer_sealed"}),
    "role_offers": frozenset({"username", "role", "made_by"}),
    "workshops": frozenset({"made_by"}),
    "trainings": frozenset(["account_id", "community", "workshop", "role", "trained_by", "at"]),
    "feedback_marks": frozenset({"account_id", "community", "workshop"}),
    "asks": frozenset({"asked_by"}),
    "audit": frozenset({"actor", "subject"}),
}
_SECRET = ("digest", "sealed")  # what codes and keys are looked up and sealed with


class SqlPersonal:
    def __init__(self, connection: Connection):
        self._connection = connection

    def export(self, account_id: str) -> Mapping[str, list[dict[str, Any]]]:
        own = (
            *(identities, grants, redemptions, key_requests, notices, usage, kept_answers),
            *(start_troubles, trainings, feedback_marks),
        )
        username = select(accounts.c.username).where(accounts.c.id == account_id).scalar_subquery()
        redeemed, attempts = _redeemed_by(account_id)
        # A code names the person for whom it was made; whoever made it knows that, and is another.
        is_for_me = or_(invites.c.bound_username == username, invites.c.id.in_(redeemed))
        whose: dict[Table, ColumnElement[bool]] = {
            accounts: accounts.c.id == account_id,
            **{table: table.c.account_id == account_id for table in own},
            **{
                table: or_(table.c.account_id == account_id, table.c.username == username)
                for table in (leases, start_tickets)
            },
            waiting: and_(
                waiting.c.invite_id.in_(redeemed), waiting.c.attempt_digest.in_(attempts)
            ),
            invites: or_(is_for_me, invites.c.made_by == account_id),
            role_offers: or_(
                role_offers.c.username == username, role_offers.c.made_by == account_id
            ),
            workshops: workshops.c.made_by == account_id,
            asks: asks.c.asked_by == account_id,
            hands: or_(hands.c.account_id == account_id, hands.c.taken_by == account_id),
            server_accesses: or_(
                server_accesses.c.owner_id == account_id, server_accesses.c.helper_id == account_id
            ),
            audit: or_(audit.c.actor == account_id, audit.c.subject == f"account/{account_id}"),
        }
        is_my_server = server_accesses.c.owner_id == account_id
        is_my_hand = hands.c.account_id == account_id
        hidden: dict[Column[Any], Any] = {
            **{invites.c[name]: is_for_me for name in ("label", "bound_username")},
            # Whose server it was, and what they asked, is theirs.
            **{server_accesses.c[name]: is_my_server for name in ("username", "server_name")},
            hands.c.question: is_my_hand,
            role_offers.c.username: role_offers.c.username == username,
        }
        found = {}
        for table, is_mine in whose.items():
            columns = [
                case((hidden[column], column)).label(column.name) if column in hidden else column
                for column in table.columns
                if not _is_secret(column)
            ]
            query = select(*columns).where(is_mine).order_by(*table.primary_key.columns)
            rows = self._connection.execute(query)
            found[table.name] = [dict(row._mapping) for row in rows]
        return found

    def erase(self, account_id: str) -> None:
        execute = self._connection.execute
        username = select(accounts.c.username).where(accounts.c.id == account_id).scalar_subquery()
        redeemed, attempts = _redeemed_by(account_id)
        execute(
            delete(waiting).where(
                waiting.c.invite_id.in_(redeemed), waiting.c.attempt_digest.in_(attempts)
            )
        )
        # A personal code names the one person whom it was made for.
        execute(update(invites).where(invites.c.id.in_(redeemed)).values(label=None))
        mine = select(hands.c.id).where(hands.c.account_id == account_id)
        execute(
            delete(server_accesses).where(
                or_(
                    server_accesses.c.owner_id == account_id,
                    server_accesses.c.helper_id == account_id,
                    server_accesses.c.hand_id.in_(mine),
                )
            )
        )
        came = update(hands).where(hands.c.taken_by == account_id)
        execute(came.values(taken_by=None, taken_at=None))
        # Grants that moved here with a linked identity were redeemed under its own account.
        moved = select(grants.c.id).where(grants.c.account_id == account_id)
        execute(delete(redemptions).where(redemptions.c.grant_id.in_(moved)))
        for table in (
            *(redemptions, grants, identities, notices, key_requests, kept_answers),
            *(start_troubles, hands),
            feedback_marks,
        ):
            execute(delete(table).where(table.c.account_id == account_id))
        # That a workshop made an instructor stays, without whom.
        execute(
            update(trainings).where(trainings.c.account_id == account_id).values(account_id=None)
        )
        execute(update(asks).where(asks.c.asked_by == account_id).values(asked_by=None))
        execute(delete(invites).where(invites.c.bound_username == username))
        # Also those that they made: an offer without its maker would be the operator's.
        is_theirs = or_(role_offers.c.username == username, role_offers.c.made_by == account_id)
        execute(delete(role_offers).where(is_theirs))
        execute(
            update(leases)
            .where(or_(leases.c.account_id == account_id, leases.c.username == username))
            .values(account_id=None, username="", server_name="")
        )
        execute(
            delete(start_tickets).where(
                or_(start_tickets.c.account_id == account_id, start_tickets.c.username == username)
            )
        )
        execute(delete(accounts).where(accounts.c.id == account_id))


def _redeemed_by(account_id: str) -> tuple[Select[tuple[str]], Select[tuple[bytes]]]:
    """The invites that somebody redeemed, and by which attempts."""
    mine = redemptions.c.account_id == account_id
    return (
        select(redemptions.c.invite_id).where(mine),
        select(redemptions.c.attempt_digest).where(mine),
    )


def _is_secret(column: Column[Any]) -> bool:
    return column.name.endswith(_SECRET)
