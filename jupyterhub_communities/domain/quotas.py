"""Quotas: limits on a resource for a scope, as integers in base units (see `units`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from .refusals import Help, Violation
from .units import CPU, GPU, MEMORY, STORAGE, Amounts, is_spent, kind_of


@dataclass(frozen=True, slots=True)
class Scope:
    """A node of the tree hub → (cohort) → community → workshop → member.

    A request must fit at every level. A member's node hangs under what is charged, so that what
    the nodes under a node hold amounts to what it holds itself. Which cohort a community is in is
    the operator's to change, so it is no part of the community's key.
    """

    community: str | None = None
    workshop: str | None = None
    member: str | None = None  # account id
    cohort: str | None = None  # then this is the cohort's own node, and nothing else is set

    def __post_init__(self) -> None:
        if self.workshop is not None and self.community is None:
            raise ValueError("a workshop is a community's")  # else its key would be another's

    @property
    def kind(self) -> str:
        if self.cohort is not None:
            return "cohort"
        if self.member is not None:
            return "member"
        if self.workshop is not None:
            return "workshop"
        return "hub" if self.community is None else "community"

    @property
    def key(self) -> str:
        """How the scope is written in the database. A slug has neither `~` nor `@`."""
        cohort = self.cohort and f"~{self.cohort}"
        member = self.member and f"@{self.member}"
        parts = (cohort, self.community, self.workshop, member)
        return "/".join(["hub", *(part for part in parts if part)])

    @property
    def place(self) -> Scope:
        """The scope without the member."""
        return Scope(self.community, self.workshop)

    def path(self, cohort: str | None = None) -> tuple[Scope, ...]:
        """This scope and all above it, from the hub down: the order of locking. `cohort` is the
        community's."""
        levels = [HUB]
        if self.community is not None:
            if cohort is not None:
                levels.append(Scope(cohort=cohort))
            levels.append(Scope(self.community))
        if self.workshop is not None:
            levels.append(Scope(self.community, self.workshop))
        if self.member is not None:
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


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request asks of one limit, in base units of the resource.

    In rows: `UPDATE … SET used = used + asked WHERE used + asked + closed <= limit`.
    """

    scope: Scope
    resource: str
    limit: int
    used: int  # held, or spent in the window
    asked: int
    closed: int = 0  # reserved for others in the time that the request looks ahead
    least: int = 0  # what the same request would ask of a limit of which nothing is used
    is_for_good: bool = False  # what is spent counts to the end
    is_kept: bool = False  # it would not fit either if all that runs stopped

    @property
    def is_free(self) -> bool:
        """It asks nothing of the limit."""
        return self.asked == self.closed == 0

    @property
    def fits(self) -> bool:
        """What asks nothing of a limit fits, also where more than the limit is used already."""
        return self.is_free or self.lacks <= 0

    @property
    def lacks(self) -> int:
        """By how much it does not fit; 0 or less: it does."""
        return self.used + self.asked + self.closed - self.limit

    @property
    def never_fits(self) -> bool:
        return self.least > self.limit

    @property
    def helps(self) -> Help:
        """What makes room for a request that does not fit."""
        if self.never_fits:
            return "nothing"
        if not is_spent(self.resource):
            return "time" if self.is_kept else "stop"
        if self.used + self.least <= self.limit:
            return "stop"  # it is what runs that will need the rest
        return "nothing" if self.is_for_good else "time"

    def violation(self, name: str) -> Violation:
        """As a refusal tells it, by what people call the scope."""
        return Violation(
            scope=self.scope.kind,
            name=name,
            resource=self.resource,
            limit=self.limit,
            held=self.used,
            wanted=self.asked,
            reserved=self.closed,
            helps=self.helps,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request fits at every level, and if not, where and until when."""

    exceeded: tuple[Claim, ...] = ()  # every limit that it would break, from the hub down
    earliest: datetime | None = None  # when the same passes all limits, as far as ends are known

    @property
    def fits(self) -> bool:
        return not self.exceeded

    @property
    def never_fits(self) -> bool:
        """It is larger than a limit, so waiting is no use."""
        return any(claim.never_fits for claim in self.exceeded)


def size(amounts: Amounts) -> tuple[int, ...]:
    """By which one server is larger than another: GPUs, then memory, processors, storage."""
    gpus = sum(amount for resource, amount in amounts.items() if kind_of(resource) == GPU)
    return (gpus, *(amounts.get(resource, 0) for resource in (MEMORY, CPU, STORAGE)))


def largest(sizes: Mapping[str, Amounts], fitting: Iterable[str]) -> str | None:
    """The largest of those that fit, by name; of equal ones the first in `sizes`."""
    wanted = set(fitting)
    return max(
        (name for name in sizes if name in wanted), key=lambda n: size(sizes[n]), default=None
    )
