"""What the API answers about the board, and about raised hands."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..application import board, rehearsals
from ..domain.board import Condition as DomainCondition
from ..domain.leases import LeaseState
from ..domain.rehearsals import Step
from . import answers


class Condition(answers.Answer):
    """What somebody is doing, since when, and what is in their way."""

    state: Literal["joined", "starting", "running", "idle", "stuck", "left"]
    since: answers.Time
    stuck_by: Literal["line", "slow", "refused", "failed", "silent"] | None
    code: str | None = Field(description="Of the refusal, where a start was refused.")

    @classmethod
    def of(cls, condition: DomainCondition) -> Condition:
        stuck_by = condition.stuck_by
        return cls(
            state=condition.state.value,
            since=condition.since,
            stuck_by=None if stuck_by is None else stuck_by.value,
            code=condition.code,
        )


class Hand(answers.Answer):
    """A raised hand, and who comes."""

    question: str | None
    raised_at: answers.Time
    helper: str | None = Field(description="The username of who comes.")
    helper_name: str | None
    taken_at: answers.Time | None
    access_until: answers.Time | None = Field(
        description="Until when who comes may open the server."
    )

    @classmethod
    def of(cls, up: board.HandUp) -> Hand:
        return cls(
            question=up.hand.question,
            raised_at=up.hand.raised_at,
            helper=None if up.helper is None else up.helper.username,
            helper_name=None if up.helper is None else up.helper.display_name,
            taken_at=up.hand.taken_at,
            access_until=None if up.access is None else up.access.ends_at,
        )


class BoardRow(answers.Answer):
    username: str
    display_name: str
    role: answers.RoleLabel
    joined_at: answers.Time
    server: Literal["requested", "active", "settled"] | None
    condition: Condition
    hand: Hand | None
    site: str | None
    double: bool
    empty: bool
    rehearsal: bool

    @classmethod
    def of(cls, row: board.BoardRow, hand: board.HandUp | None = None) -> BoardRow:
        return cls(
            username=row.account.username,
            display_name=row.account.display_name,
            role=answers.label(row.role),
            joined_at=row.joined_at,
            server=None if row.server is None else LeaseState(row.server).value,
            condition=Condition.of(row.condition),
            hand=None if hand is None else Hand.of(hand),
            site=row.site,
            double=row.is_double,
            empty=row.is_empty,
            rehearsal=row.is_rehearsal,
        )


class Help(answers.Answer):
    """My raised hand; without one nothing is up."""

    is_up: bool
    hand: Hand | None
    offers_access: bool = Field(description="May I let who comes into my server?")

    @classmethod
    def of(cls, up: board.HandUp | None, *, offers_access: bool) -> Help:
        return cls(
            is_up=up is not None,
            hand=None if up is None else Hand.of(up),
            offers_access=offers_access,
        )


class Rehearsal(answers.Answer):
    """A rehearsal that goes on, and how far it has come."""

    code: str | None = Field(
        description="Of the rehearsal; null where it cannot be read any more, and for a browser that "
        "has shown nothing lately."
    )
    link: str | None
    ends_at: answers.Time
    joined: bool = Field(description="Somebody has joined with its code.")
    started: bool = Field(description="A server of theirs has come up.")
    lesson: bool
    language: bool

    @classmethod
    def of(cls, found: rehearsals.Rehearsal, link: str | None) -> Rehearsal:
        return cls(
            code=None if found.issued is None else found.issued.code,
            link=link,
            ends_at=found.ends_at,
            joined=Step.CODE in found.done,
            started=Step.SERVER in found.done,
            lesson=Step.LESSON in found.done,
            language=Step.LANGUAGE in found.done,
        )
