"""Three questions at the end of a workshop, answered without a name.

An answer and the fact that somebody has answered are kept apart, and neither has a time: who could
see both grow would know what each person said. For the same reason results are told once, when
nobody can answer any more, and never for few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from .audit import FEWEST
from .refusals import FeedbackTextInvalid, MessageInvalid
from .workshops import LONGEST_MESSAGE, Workshop, read_message

ASKED_FOR = timedelta(days=14)  # after the end of the workshop
SCORES = (1, 2, 3, 4, 5)  # how useful it was; 5 is the best
K = TypeVar("K")


class Followed(StrEnum):
    """Could they follow in their language?"""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one person answered. Whose it is stands nowhere."""

    useful: int  # of `SCORES`
    followed: Followed
    missing: str | None  # what was missing, in their own words


def read_missing(typed: str) -> str | None:
    """As it is kept. Raises `FeedbackTextInvalid`."""
    try:
        return read_message(typed)
    except MessageInvalid as error:
        raise FeedbackTextInvalid(limit=LONGEST_MESSAGE) from error


def end_of(ends_at: datetime, closed_at: datetime | None) -> datetime:
    """When a workshop was over: by its last session, or closed before."""
    return ends_at if closed_at is None else min(ends_at, closed_at)


def asked_until(workshop: Workshop) -> datetime:
    return end_of(workshop.ends_at, workshop.closed_at) + ASKED_FOR


def is_asked(ends_at: datetime, closed_at: datetime | None, now: datetime) -> bool:
    """Can its people answer now?"""
    end = end_of(ends_at, closed_at)
    return end <= now < end + ASKED_FOR


def is_told(workshop: Workshop, unanswered: int, now: datetime) -> bool:
    """Are the results told? `unanswered` people could answer still. With the result before and after
    one more answer, that answer would be known."""
    end = end_of(workshop.ends_at, workshop.closed_at)
    return end <= now and (unanswered == 0 or now >= end + ASKED_FOR)


def told(counts: Mapping[K, int]) -> dict[K, int | None]:
    """How often each answer was given; None: too seldom to be told, or beside one that is."""
    if sum(counts.values()) < FEWEST:
        return dict.fromkeys(counts)
    ordered = sorted(counts, key=lambda key: counts[key])
    few = sum(number < FEWEST for number in counts.values())
    # What is missing from the sum would tell each of those that are hidden, so more of them are.
    if few == 1:
        few = 3
    elif few and sum(counts[key] for key in ordered[:few]) == few * (FEWEST - 1):
        few += 2
    hidden = set(ordered[:few])
    return {key: None if key in hidden else number for key, number in counts.items()}
