"""What the board and raised hands need from outside, as nouns; see `ports`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from ...domain.accounts import Named
from ...domain.board import Trouble
from ...domain.hands import Hand, ServerAccess
from ...domain.leases import Lease
from ...domain.line import StartTicket
from ...domain.rehearsals import Step, Ticks


class Placed(NamedTuple):
    """What somebody was ever granted in a workshop, a thin line each: there may be thousands."""

    account: Named
    grant_id: str
    role: int
    starts_at: datetime
    site: str | None
    holds: bool
    is_revoked: bool


class Board(Protocol):
    """What is known of a workshop's people and their servers. Each in one statement, of leases just
    what tells how they stand."""

    def people(self, community: str, workshop: str, now: datetime) -> Sequence[Placed]:
        """Whoever was granted anything there, the oldest grants first."""
        ...

    def learners(
        self,
        community: str,
        workshop: str,
        now: datetime,
        *,
        sites: Collection[str] | None,
        limit: int,
    ) -> Sequence[Named]:
        """Who is a learner there and no more; at these sites, or (None) everywhere."""
        ...

    def unsettled(self, community: str, workshop: str) -> Sequence[Lease]:
        """Wherever they are charged, on this hub."""
        ...

    def failed(self, community: str, workshop: str) -> Mapping[str, Lease]:
        """Of `last`, those that never came up, and those of people who had trouble."""
        ...

    def last(self, community: str, workshop: str) -> Mapping[str, Lease]:
        """The lease that each asked for last, of those that are charged to the workshop."""
        ...

    def tickets(self, community: str, workshop: str) -> Mapping[str, StartTicket]: ...
    def troubles(self, community: str, workshop: str) -> Mapping[str, Trouble]: ...
    def note_trouble(self, username: str, trouble: Trouble) -> None:
        """In place of the one before; nothing where the username has no account."""
        ...

    def end_trouble(self, username: str, code: str) -> None:
        """Nothing where the last one was of another kind."""
        ...

    def forget_troubles(self, before: datetime) -> None: ...


class Rehearsals(Protocol):
    def add(self, invite_id: str) -> None: ...
    def ticks(self, invite_id: str) -> Ticks: ...
    def tick(self, invite_id: str, step: Step, now: datetime) -> bool:
        """False where it was ticked before."""
        ...

    def joined(self, invite_id: str) -> Mapping[str, datetime]:
        """When whom, by account id."""
        ...

    def grant_ids(self, community: str, workshop: str) -> frozenset[str]:
        """All that rehearsals of a workshop have ever given."""
        ...


class Hands(Protocol):
    """Raised hands, and the access to servers that was given for one."""

    def get(self, hand_id: str) -> Hand | None: ...
    def of_person(self, community: str, workshop: str, account_id: str) -> Hand | None:
        """The one that has not ended."""
        ...

    def of_workshop(self, community: str, workshop: str) -> Sequence[Hand]:
        """Those that have not ended, the first first."""
        ...

    def all(self) -> Sequence[Hand]:
        """Those that have not ended, of all workshops."""
        ...

    def add(self, hand: Hand) -> None: ...
    def set_question(self, hand_id: str, question: str | None) -> None: ...
    def take(self, hand_id: str, helper_id: str, now: datetime) -> bool:
        """False where somebody has taken it before, or it has ended."""
        ...

    def end(self, hand_id: str, now: datetime) -> bool: ...
    def has_old(self, before: datetime) -> bool:
        """Is there anything that `forget` would look at?"""
        ...

    def forget(self, before: datetime) -> None:
        """Deletes those that ended before, with the access that the Hub has taken back."""
        ...

    def add_access(self, access: ServerAccess) -> None: ...
    def access(self, access_id: str) -> ServerAccess | None: ...
    def accesses(self, hand_id: str) -> Sequence[ServerAccess]: ...
    def accesses_to_remove(self) -> Sequence[ServerAccess]:
        """All of this hub that the Hub may still know of."""
        ...

    def end_access(self, hand_id: str, now: datetime) -> bool: ...
    def note_removed(self, access_id: str, now: datetime) -> None: ...
