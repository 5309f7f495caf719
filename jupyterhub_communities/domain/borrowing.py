"""Borrowing: how the communities of a cohort use each other's idle capacity.

The arithmetic is that of Kueue's ClusterQueues and cohorts (`nominalQuota`, `borrowingLimit`,
`lendingLimit`), for each resource:

- guaranteed = nominal - may_lend: never lent. With all of nominal lendable, nothing is guaranteed.
- The cohort's pool is what all its communities may lend: Σ (nominal - guaranteed).
- A community draws from the pool what it holds above its guaranteed part, its own included.
- It never holds more than nominal + may_borrow.

So a start moves one counter of the community and one of the cohort, whatever else is held. Nothing
is taken back from a server that runs: who lends waits until somebody stops, save for the guaranteed
part, which is always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Share:
    """What a community of a cohort owns of one resource, in base units, and how it shares it."""

    nominal: int
    may_borrow: int | None = None  # beyond nominal; None: all that the cohort has
    may_lend: int | None = None  # of nominal; None: all of it

    @property
    def guaranteed(self) -> int:
        """What is never lent."""
        return 0 if self.may_lend is None else max(0, self.nominal - self.may_lend)

    @property
    def lendable(self) -> int:
        """What it brings into the cohort's pool."""
        return self.nominal - self.guaranteed

    @property
    def ceiling(self) -> int | None:
        """The most that it may hold; None: as much as the pool has."""
        return None if self.may_borrow is None else self.nominal + self.may_borrow

    def moved(self, received: int, given: int) -> Share:
        """As it is while others lent so much, and so much was lent to others (see `loans`)."""
        if not received and not given:
            return self
        lendable = max(0, self.lendable - given)
        return Share(max(0, self.nominal + received - given), self.may_borrow, lendable)

    def drawn(self, held: int) -> int:
        """What a community that holds so much has from the pool."""
        return max(0, held - self.guaranteed)

    def borrowed(self, held: int) -> int:
        """What it has of others."""
        return max(0, held - self.nominal)


def lent(shares: Mapping[N, tuple[Share, int]]) -> dict[N, int]:
    """What each community of a cohort has lent, by what each owns and holds. No server was borrowed
    from anybody in particular: all who have something idle have lent, in proportion to that.

    In whole units that add up to what is borrowed; where limits were cut below what is held, to all
    that is idle.
    """
    idle = {name: max(0, s.lendable - s.drawn(held)) for name, (s, held) in shares.items()}
    there = sum(idle.values())
    borrowed = min(there, sum(s.borrowed(held) for s, held in shares.values()))
    if not borrowed:
        return dict.fromkeys(shares, 0)
    parts = {name: divmod(borrowed * amount, there) for name, amount in idle.items()}
    rest = borrowed - sum(whole for whole, _ in parts.values())
    first = sorted(parts, key=lambda name: -parts[name][1])[:rest]  # the largest remainders
    return {name: whole + (name in first) for name, (whole, _) in parts.items()}
