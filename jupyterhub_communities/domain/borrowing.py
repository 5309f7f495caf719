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

from dataclasses import dataclass


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

    def drawn(self, held: int) -> int:
        """What a community that holds so much has from the pool."""
        return max(0, held - self.guaranteed)

    def borrowed(self, held: int) -> int:
        """What it has of others."""
        return max(0, held - self.nominal)

    def idle(self, held: int) -> int:
        """What others may have of it, unless they have it already."""
        return max(0, self.nominal - max(held, self.guaranteed))
