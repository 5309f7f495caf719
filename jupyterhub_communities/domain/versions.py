"""Versions of what several people may change: two of them never undo each other unseen.

A version says what people have decided about something, not what happens to it by itself: a seat that
is taken meanwhile outdates no change.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from hashlib import sha256

from .refusals import VersionOutdated

Expected = Collection[str] | None  # versions that a change was made for; None: for any
_LETTERS = 32  # of the digest: 128 bits


def version_of(decided: object) -> str:
    """The same for the same values, in every process. Times must be in UTC."""
    text = json.dumps(decided, sort_keys=True, default=str, ensure_ascii=True)
    return sha256(text.encode()).hexdigest()[:_LETTERS]


def check_version(version: str, expected: Expected) -> None:
    """Raises `VersionOutdated`. Called within the transaction that makes the change."""
    if expected is not None and version not in expected:
        raise VersionOutdated
