"""A lost return key: a number that the person tells, and somebody of theirs approves."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .codes import Choice
from .grants import Actor, Grant, Role, Verb, may
from .refusals import KeyApprovalRefused, KeyRequestUnknown

LASTS = timedelta(minutes=15)
_DIGITS = 6
_LONGEST_TYPED = 40  # characters


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """Somebody at a browser has lost a key. Who it is, the approval says."""

    id: str
    number: str  # to be told to a helper
    browser_digest: str  # of the secret that only this browser has
    created_at: datetime
    account_id: str | None = None
    approved_by: str | None = None  # account id; None with `approved_at`: the operator
    approved_at: datetime | None = None
    used_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        return self.created_at + LASTS

    def is_alive(self, now: datetime) -> bool:
        return self.used_at is None and now < self.ends_at


def draw_number(choice: Choice) -> str:
    return "".join(choice("0123456789") for _ in range(_DIGITS))


def read_number(typed: str) -> str:
    """The number that was meant: blanks and hyphens do not count, any script's digits do."""
    if len(typed) > _LONGEST_TYPED:
        raise KeyRequestUnknown
    digits = [unicodedata.digit(character, None) for character in typed]
    number = "".join(str(digit) for digit in digits if digit is not None)
    if len(number) != _DIGITS:
        raise KeyRequestUnknown
    return number


def require_key_approval(actor: Actor, grants: Iterable[Grant], *, has_hub_role: bool) -> None:
    """May this actor give the holder of these grants a new key? Raises `KeyApprovalRefused`.

    Whoever approves could sign in as the person, so they must already be at least a helper wherever
    the person belongs, and the person must be a learner everywhere. For the staff of a community
    its champion acts, and for champions and people with a role on the Hub only the operator.
    """
    if actor.is_operator:
        return
    held = tuple(grants)
    if has_hub_role or not held or any(grant.role is Role.CHAMPION for grant in held):
        raise KeyApprovalRefused(needs="operator")
    for grant in held:
        if grant.role > Role.LEARNER and actor.role_at(grant.community) is not Role.CHAMPION:
            raise KeyApprovalRefused(needs="champion")
        if not may(actor, Verb.APPROVE_KEY, grant.community, grant.workshop, grant.site):
            raise KeyApprovalRefused(needs="champion")
