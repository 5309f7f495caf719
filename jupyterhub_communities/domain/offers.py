"""Offers: a role in a community that somebody of the hub accepts or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from .grants import Role
from .names import is_readable
from .refusals import UsernameInvalid

OFFER_STANDS = timedelta(days=30)
MOST_OFFERS = 200  # of a community that stand at one time
LONGEST_USERNAME = 255


@dataclass(frozen=True, slots=True)
class RoleOffer:
    """For a username, whether anybody has it or not: who offers learns nothing of who is here."""

    id: str
    community: str
    username: str
    role: Role
    made_by: str | None  # account id; None: the operator
    made_at: datetime
    ends_at: datetime

    def stands(self, now: datetime) -> bool:
        return now < self.ends_at


def read_username(typed: str) -> str:
    """Raises `UsernameInvalid`."""
    username = typed.strip()
    if not 0 < len(username) <= LONGEST_USERNAME or not is_readable(username) or "/" in username:
        raise UsernameInvalid
    return username
