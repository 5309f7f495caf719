"""What our sign-in forms hand to the authenticator, beside the upstream's own fields."""

from __future__ import annotations

from dataclasses import dataclass, field

SIGN_IN = "communities"  # the key under which login data and auth model carry it


@dataclass(frozen=True, slots=True)
class KeySignIn:
    """Somebody typed a return key."""

    typed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRequestSignIn:
    """Somebody lost their key, and a new one was approved for this browser."""

    browser: str = field(repr=False)  # the browser's secret
