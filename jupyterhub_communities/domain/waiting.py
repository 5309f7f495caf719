"""Waiting to get in: for a seat that frees up, or to be admitted by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

OFFER_LASTS = timedelta(minutes=15)  # then the seat passes on


class TicketState(StrEnum):
    ASKING = "asking"  # somebody of the workshop has to admit them
    WAITING = "waiting"  # for a seat
    OFFERED = "offered"  # a seat is held for them
    ENDED = "ended"  # redeemed, declined, or the seat was not taken in time


@dataclass(frozen=True, slots=True)
class Ticket:
    """One person in line. It belongs to a form's attempt and holds no grant."""

    id: str
    invite_id: str
    attempt_digest: str
    number: int  # to tell a helper; counts up for each invite
    name: str  # as it was given in the form
    created_at: datetime
    admitted_at: datetime | None = None
    offered_until: datetime | None = None  # a seat is held until then
    ended_at: datetime | None = None

    def state(self, now: datetime) -> TicketState:
        if self.ended_at is not None:
            return TicketState.ENDED
        if self.offered_until is not None:
            return TicketState.OFFERED if now < self.offered_until else TicketState.ENDED
        return TicketState.ASKING if self.admitted_at is None else TicketState.WAITING
