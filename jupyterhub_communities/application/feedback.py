"""Three questions about a workshop: asked when it is over, answered without a name, told at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ..domain.audit import FEWEST
from ..domain.feedback import (
    ASKED_FOR,
    SCORES,
    Feedback,
    Followed,
    asked_until,
    is_asked,
    is_told,
    told,
)
from ..domain.grants import Actor, Role, Verb, require
from ..domain.refusals import FeedbackClosed, FeedbackGiven, PermissionDenied
from ..domain.workshops import Workshop
from .people import Person
from .ports import AskedWorkshop, Desk, Store
from .workshops import find_workshop


class Asking(StrEnum):
    """How the questions stand for one person."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"  # not yet, or not any more


@dataclass(frozen=True, slots=True)
class Results:
    """What a workshop's people said, as far as it is told."""

    workshop: Workshop
    is_told: bool
    told_at: datetime  # at the latest
    answers: int | None = None  # None: too few to be told
    useful: Mapping[int, int | None] | None = None
    followed: Mapping[Followed, int | None] | None = None
    missing: Sequence[str] = ()  # in an order that says nothing


def view_questions(desk: Desk, actor: Actor, community: str, slug: str) -> tuple[Workshop, Asking]:
    """For the workshop's learners."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        account_id = _require_learner(actor, workshop)
        if store.answered.is_marked(community, slug, account_id):
            return workshop, Asking.ANSWERED
        is_open = _is_open(desk, store, workshop)
        return workshop, Asking.OPEN if is_open else Asking.CLOSED


def may_answer(actor: Actor, workshop: Workshop, now: datetime) -> bool:
    """Are the questions asked of this person now, whether they have answered or not?"""
    return _is_learner(actor, workshop.community, workshop.slug) and is_asked(
        workshop.ends_at, workshop.closed_at, now
    )


def give_feedback(desk: Desk, actor: Actor, community: str, slug: str, answer: Feedback) -> None:
    """Once for each of the workshop's learners. Raises `FeedbackClosed` and `FeedbackGiven`.

    The audit trail has no entry of it: it would say who answered, and when, beside answers that are
    kept without either. Nor may a request be repeated by a key of its own: what is kept for that is
    made of the answer.
    """
    with desk.database.write() as store:
        workshop = find_workshop(store, actor, community, slug)
        account_id = _require_learner(actor, workshop)
        if not _is_open(desk, store, workshop):
            raise FeedbackClosed
        if not store.answered.mark(community, slug, account_id):
            raise FeedbackGiven
        store.answered.add(desk.chance.identifier(), community, slug, answer)


def view_results(desk: Desk, actor: Actor, community: str, slug: str) -> Results:
    """For the workshop's staff. Once they have been told nobody can answer any more, also where the
    workshop is prolonged: the difference would be one person's answer."""
    with desk.database.read() as store:
        workshop = find_workshop(store, actor, community, slug)
        require(actor, Verb.VIEW_FEEDBACK, community, slug)
        if store.answered.is_told(community, slug):
            return _results(store, workshop)
        if not _can_be_told(desk, store, workshop):
            return _not_told(workshop)
    with desk.database.write() as store:
        if not _can_be_told(desk, store, workshop):
            return _not_told(workshop)
        store.answered.set_told(community, slug)
        return _results(store, workshop)


def unanswered_of(desk: Desk, store: Store, person: Person) -> Sequence[AskedWorkshop]:
    """The workshops whose questions somebody can answer now. Asks nothing where none is over."""
    actor = person.actor()
    places = {place for place in person.over if _is_learner(actor, *place)}
    if person.account is None or not places:
        return ()
    return [
        one
        for one in store.answered.not_marked(person.account.id, places, desk.now - ASKED_FOR)
        if is_asked(one.ends_at, one.closed_at, desk.now)
    ]


def _require_learner(actor: Actor, workshop: Workshop) -> str:
    if actor.account_id is None or not _is_learner(actor, workshop.community, workshop.slug):
        raise PermissionDenied(needs=Role.LEARNER.label)
    return actor.account_id


def _is_learner(actor: Actor, community: str, slug: str) -> bool:
    """By a grant for the workshop itself, and by none of its staff: they read the answers."""
    roles = [g.role for g in actor.grants if (g.community, g.workshop) == (community, slug)]
    return max(roles, default=None) is Role.LEARNER


def _is_open(desk: Desk, store: Store, workshop: Workshop) -> bool:
    return is_asked(workshop.ends_at, workshop.closed_at, desk.now) and not store.answered.is_told(
        workshop.community, workshop.slug
    )


def _can_be_told(desk: Desk, store: Store, workshop: Workshop) -> bool:
    unanswered = store.answered.unanswered(workshop.community, workshop.slug, desk.now)
    return is_told(workshop, unanswered, desk.now)


def _not_told(workshop: Workshop) -> Results:
    return Results(workshop, is_told=False, told_at=asked_until(workshop))


def _results(store: Store, workshop: Workshop) -> Results:
    answers = store.answered.of_workshop(workshop.community, workshop.slug)
    few = Results(workshop, is_told=True, told_at=asked_until(workshop))
    if len(answers) < FEWEST:
        return few
    useful = Counter(one.useful for one in answers)
    followed = Counter(one.followed for one in answers)
    missing = [one.missing for one in answers if one.missing is not None]
    return replace(
        few,
        answers=len(answers),
        useful=told({score: useful[score] for score in SCORES}),
        followed=told({how: followed[how] for how in Followed}),
        missing=missing if len(missing) >= FEWEST else (),
    )
