"""Limits: what a scope may hold at one time, and spend over a window, as they are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .borrowing import Share
from .ledger import Allowance
from .windows import Window


@dataclass(frozen=True, slots=True)
class Limit:
    """On a resource that is held, in base units. None: unlimited."""

    most: int | None = None
    each: int | None = None  # of one person, wherever they are charged below
    is_shared_equally: bool = False  # each has a part, by how many have a server: `Rules.divided`
    share: Share | None = None  # what a community owns, lends and borrows

    def ceiling(self, received: int = 0, given: int = 0) -> int | None:
        """The most that may be held, while so much is on loan from others and to others."""
        share = None if self.share is None else self.share.moved(received, given)
        limits = [self.most, None if share is None else share.ceiling]
        return min((one for one in limits if one is not None), default=None)

    @property
    def granted(self) -> int | None:
        """What was given: in a cohort what is owned, which loans change, whatever may be held of it."""
        return self.most if self.share is None else self.share.nominal

    @property
    def owned(self) -> int | None:
        """What may be reserved: no more than may be held. What might be borrowed cannot be promised."""
        limits = [self.most, None if self.share is None else self.share.nominal]
        return min((one for one in limits if one is not None), default=None)


@dataclass(frozen=True, slots=True)
class Spending:
    """On a resource that is spent."""

    resource: str
    allowance: Allowance
    is_each: bool = False  # of one person, instead of all together

    @property
    def name(self) -> tuple[str, Window, bool]:
        """What there is one limit of at a scope."""
        return self.resource, self.allowance.window, self.is_each


@dataclass(frozen=True, slots=True)
class Quota:
    """All limits of one scope. What is not named is unlimited."""

    held: Mapping[str, Limit] = field(default_factory=dict)  # by resource
    spent: Sequence[Spending] = ()

    @property
    def owned(self) -> dict[str, int]:
        """What a community may reserve of each resource that is limited."""
        limits = {resource: limit.owned for resource, limit in self.held.items()}
        return {resource: owned for resource, owned in limits.items() if owned is not None}

    @property
    def most(self) -> dict[str, int]:
        """What it may hold of each, whatever it lends and has on loan."""
        limits = {resource: limit.most for resource, limit in self.held.items()}
        return {resource: most for resource, most in limits.items() if most is not None}

    @property
    def granted(self) -> dict[str, int]:
        limits = {resource: limit.granted for resource, limit in self.held.items()}
        return {resource: granted for resource, granted in limits.items() if granted is not None}


@dataclass(frozen=True, slots=True)
class Standing:
    """The limits of one scope, and what it holds now."""

    quota: Quota = field(default_factory=Quota)
    held: Mapping[str, int] = field(default_factory=dict)  # of a cohort, what is drawn
