"""Asks: a community wants more of a limit, with a reason that its cohort reads; answered in the open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .limits import Quota
from .names import is_readable
from .refusals import ReasonInvalid
from .versions import version_of
from .windows import write_window

LONGEST_REASON = 500  # characters; of an answer too
MOST_ASKS = 10  # of one community, that are open


class AskState(StrEnum):
    OPEN = "open"
    GRANTED = "granted"  # by the operator: the limit is higher now
    DECLINED = "declined"  # by the operator
    LENT = "lent"  # another community lends
    WITHDRAWN = "withdrawn"  # by the community that asked


@dataclass(frozen=True, slots=True)
class Ask:
    id: str
    community: str
    limit: str  # `servers`, or `server-time month`: see `askable`
    amount: int  # more than there is, in base units of the resource
    had: int  # what the limit was then
    reason: str
    until: datetime | None  # None: lasting
    asked_by: str | None  # account id; None: the operator, or somebody erased
    asked_at: datetime
    state: AskState = AskState.OPEN
    answer: str | None = None  # a sentence
    answered_for: str | None = None  # the community that lends; None: the operator
    answered_at: datetime | None = None

    @property
    def resource(self) -> str:
        return self.limit.partition(" ")[0]

    @property
    def version(self) -> str:
        return version_of([self.id, self.state, self.answer])


def askable(quota: Quota) -> dict[str, int]:
    """The limits of which a community can ask for more, with what they are: `servers`, or what is
    spent with its window, `server-time month`."""
    spent = {
        f"{one.resource} {write_window(one.allowance.window)}": one.allowance.limit
        for one in quota.spent
        if not one.is_each
    }
    return {**quota.granted, **spent}


def read_reason(typed: str, *, may_be_empty: bool = False) -> str:
    """Plain text, in paragraphs. Raises `ReasonInvalid`."""
    lines = [" ".join(line.split()) for line in typed.splitlines()]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines).strip())
    is_whole = bool(text) or may_be_empty
    if not is_whole or len(text) > LONGEST_REASON or not all(map(is_readable, text.split("\n"))):
        raise ReasonInvalid(limit=LONGEST_REASON)
    return text
