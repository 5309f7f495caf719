"""Invites: who may come in with which code, until when, and on how many seats."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .grants import Role
from .refusals import (
    InviteClosed,
    InviteFull,
    InviteNotOpen,
    InvitePaused,
    InviteRedeemed,
    InviteRevoked,
    InviteTimesInvalid,
    Refusal,
)
from .times import in_utc
from .versions import version_of

# People come back after a workshop; what its invites grant outlasts the last session by this.
STAY_AFTER_WORKSHOP = timedelta(days=30)


class InviteKind(StrEnum):
    SHARED = "shared"
    PERSONAL = "personal"
    REHEARSAL = "rehearsal"  # of the staff, who take no seat: see `rehearsals`


@dataclass(frozen=True, slots=True)
class Invite:
    """The record behind a code and a link. The two secrets are not in it."""

    id: str
    community: str | None  # None: bound to a username without joining a community
    workshop: str | None
    role: Role
    kind: InviteKind
    seats: int | None  # None: up to the operator's ceilings
    taken: int
    opens_at: datetime | None
    closes_at: datetime | None
    lasts_until: datetime | None  # end of what it grants; None: without end
    made_by: str | None  # account id; None: the operator
    created_at: datetime
    revoked_at: datetime | None = None
    bound_username: str | None = None  # an existing or future Hub username
    site: str | None = None  # slug; None: the whole workshop
    batch: str | None = None  # what personal codes that were made together have in common
    label: str | None = None  # whom a personal code is for
    lasts: timedelta | None = None  # how long what it grants lasts; `lasts_until` ends it anyway
    paused_at: datetime | None = None
    is_by_hand: bool = False  # each newcomer waits to be admitted

    @property
    def version(self) -> str:
        """Of all but the seats that are taken: those change by themselves."""
        return version_of({**asdict(self), "taken": None})

    @property
    def seats_left(self) -> int | None:
        return None if self.seats is None else max(0, self.seats - self.taken)

    def check_open(self, now: datetime, *, contact: str | None) -> None:
        """Raises the refusal for an invite that cannot be redeemed at `now`. Seats come later."""
        if self.revoked_at is not None:
            raise InviteRevoked(contact=contact)
        if self.closes_at is not None and now >= self.closes_at:
            raise InviteClosed(closed_at=self.closes_at, contact=contact)
        if self.opens_at is not None and now < self.opens_at:
            raise InviteNotOpen(opens_at=self.opens_at, contact=contact)
        if self.paused_at is not None:
            raise InvitePaused(contact=contact)

    def no_seat(self, contact: str | None) -> Refusal:
        """What somebody new is told when all seats are taken: a personal code is its owner's."""
        if self.kind is InviteKind.PERSONAL:
            return InviteRedeemed(contact=contact)
        return InviteFull(seats=self.seats or 0, contact=contact)

    def grant_ends_at(self, now: datetime) -> datetime | None:
        """The end of a grant that is redeemed at `now`; None: without end."""
        ends = [self.lasts_until, None if self.lasts is None else now + self.lasts]
        return min((end for end in ends if end is not None), default=None)


@dataclass(frozen=True, slots=True)
class Batch:
    """Personal codes that were made together."""

    id: str
    made_at: datetime
    size: int
    claimed: int


def check_times(
    opens_at: datetime | None, closes_at: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Both in UTC. Raises `InviteTimesInvalid` when it would close before it opens."""
    try:
        opens_at = None if opens_at is None else in_utc(opens_at)
        closes_at = None if closes_at is None else in_utc(closes_at)
    except ValueError as error:
        raise InviteTimesInvalid from error
    if opens_at is not None and closes_at is not None and closes_at <= opens_at:
        raise InviteTimesInvalid
    return opens_at, closes_at
