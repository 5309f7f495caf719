"""Rehearsals: the staff walk the whole way of a learner before their people come, and take no seat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LASTS = timedelta(days=1)  # at most, and never longer than the workshop
MOST_REHEARSING = 5


class Step(StrEnum):
    CODE = "code"  # somebody has joined with the rehearsal's code
    SERVER = "server"  # a server of theirs has come up
    LESSON = "lesson"  # the lesson has opened: only who looks at it can say so
    LANGUAGE = "language"  # and all of it was in the workshop's language


BY_HAND = frozenset({Step.LESSON, Step.LANGUAGE})


@dataclass(frozen=True, slots=True)
class Ticks:
    """What the staff have said of a rehearsal, and when."""

    lesson_at: datetime | None = None
    language_at: datetime | None = None
