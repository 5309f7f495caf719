"""Accounts: the people this package knows, by opaque ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from .versions import version_of


class AccountKind(StrEnum):
    INVITE = "invite"  # came with a code; the name is ours
    BOUND = "bound"  # an existing or future Hub user who was given a return key
    UPSTREAM = "upstream"  # signs in with the upstream authenticator


@dataclass(frozen=True, slots=True)
class Account:
    """One person. The username is the Hub's; an account without a Hub user is normal."""

    id: str
    username: str
    display_name: str
    kind: AccountKind
    language: str | None  # the stored preference, a tag
    created_at: datetime
    key_confirmed_at: datetime | None = None  # when the return key was confirmed as kept
    has_key: bool = False  # shown or confirmed
    has_pending_key: bool = False  # one that waits to be confirmed as kept
    blocked_at: datetime | None = None  # by the operator: may not sign in, whatever they were given
    erase_at: datetime | None = None  # when it will be erased, unless the person objects

    @property
    def own_version(self) -> str:
        """Of what the person decides about it."""
        return own_version(self.language)


class Named(NamedTuple):
    """As much of a person as a long list tells."""

    id: str
    username: str
    display_name: str
    folded_name: str  # see `names.same_name`


def own_version(language: str | None) -> str:
    """Also of somebody who has decided nothing yet, and has no account."""
    return version_of({"language": language})
