"""What our ways in hand to the authenticator, beside the upstream's own fields."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..application.invites import JoinRequest

SIGN_IN = "communities"  # the key under which login data and auth model carry it


@dataclass(frozen=True, slots=True)
class KeySignIn:
    """Somebody typed a return key."""

    typed: str = field(repr=False)
    is_pending: bool = True  # perhaps one that waits to be confirmed as kept: typing it does that


@dataclass(slots=True)
class JoinByUpstream:
    """Somebody came back from upstream who had begun to join with a code."""

    request: JoinRequest
    is_allowed_anyway: bool  # the hub would let them in without the code


@dataclass(frozen=True, slots=True)
class KeyRequestSignIn:
    """Somebody lost their key, and a new one was approved for this browser."""

    browser: str = field(repr=False)  # the browser's secret
