"""Time, and randomness fit for secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class Chance(Protocol):
    """Randomness fit for secrets."""

    def choice(self, symbols: Sequence[str], /) -> str: ...

    def token(self) -> str:
        """128 bits, URL-safe: link secrets and attempts."""
        ...

    def identifier(self) -> str:
        """An opaque id for a record."""
        ...


class Keyring(Protocol):
    """The package's key, put to its uses."""

    def digest(self, purpose: str, secret: str) -> str:
        """HMAC-SHA256 of a secret, for looking it up; `purpose` keeps the kinds apart."""
        ...

    def seal(self, text: str) -> str:
        """Encrypted, to be shown again to those who may."""
        ...

    def unseal(self, sealed: str) -> str:
        """Raises `ValueError` where another key sealed it."""
        ...
