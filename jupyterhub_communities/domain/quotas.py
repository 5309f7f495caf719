"""Quotas: limits on a resource for a scope, as integers in base units."""

from __future__ import annotations

from dataclasses import dataclass

SERVERS = "servers"  # servers held at one time


@dataclass(frozen=True, slots=True)
class Scope:
    """A node of the tree hub → community → workshop. A request must fit at every level."""

    community: str | None = None
    workshop: str | None = None

    @property
    def kind(self) -> str:
        if self.workshop is not None:
            return "workshop"
        return "hub" if self.community is None else "community"

    @property
    def key(self) -> str:
        """How the scope is written in the database. Sorting keys gives one order of locking."""
        return "/".join(["hub", *(part for part in (self.community, self.workshop) if part)])

    def path(self) -> tuple[Scope, ...]:
        """This scope and all above it, from the hub down."""
        levels = [Scope()]
        if self.community is not None:
            levels.append(Scope(self.community))
        if self.workshop is not None:
            levels.append(self)
        return tuple(levels)


HUB = Scope()


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left of one resource at one scope, in base units."""

    scope: Scope
    resource: str
    limit: int | None  # None: unlimited
    held: int = 0

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.held)

    def fits(self, wanted: int) -> bool:
        return self.limit is None or wanted <= self.limit - self.held
