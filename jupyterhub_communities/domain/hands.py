"""Raised hands: a learner asks for help, somebody of the staff comes; and access to the learner's own
server for that one person, if the learner gives it, for a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .leases import ServerKey
from .names import is_readable
from .refusals import QuestionInvalid

LONGEST_QUESTION = 200  # characters
ACCESS_MINUTES = (15, 30, 60)


@dataclass(frozen=True, slots=True)
class Hand:
    """Somebody asks for help in a workshop. It is up until it is ended, or the workshop is over."""

    id: str
    community: str
    workshop: str
    site: str | None  # of who asks; its staff answer too
    account_id: str
    question: str | None
    raised_at: datetime
    taken_by: str | None = None  # account id of who comes
    taken_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """A helper may open one server of a learner, until it ends. What the Hub was told is taken back
    after that: `removed_at`."""

    id: str
    hand_id: str
    community: str
    workshop: str
    server: ServerKey
    owner_id: str
    helper_id: str
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None  # before its time
    removed_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.ended_at is None and self.removed_at is None and now < self.ends_at


def read_question(typed: str) -> str | None:
    """One line; None for an empty one. Raises `QuestionInvalid` when it is too long or unprintable."""
    question = " ".join(typed.split())
    if len(question) > LONGEST_QUESTION or not is_readable(question):
        raise QuestionInvalid(limit=LONGEST_QUESTION)
    return question or None
