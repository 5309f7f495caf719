"""Three questions: asked of learners after the end, answered once and without a name, told at the end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from houses import actor_of, open_taller
from sqlalchemy import select

from jupyterhub_communities.application import erasure
from jupyterhub_communities.application.changing import WorkshopChange, change_workshop
from jupyterhub_communities.application.feedback import Asking, give_feedback, view_questions
from jupyterhub_communities.application.feedback import view_results as results
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite, issue_invite
from jupyterhub_communities.application.news import news_of
from jupyterhub_communities.application.workshops import close_workshop
from jupyterhub_communities.domain.feedback import Feedback, Followed
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.refusals import (
    FeedbackClosed,
    FeedbackGiven,
    PermissionDenied,
)
from jupyterhub_communities.domain.workshops import Session
from jupyterhub_communities.storage.tables import audit, feedback, feedback_marks

GOOD = Feedback(5, Followed.YES, "Más ejemplos")


@pytest.fixture
def taller(house):
    return open_taller(house, seats=20)


def join(house, code: str, name: str) -> str:
    return house.call(redeem_invite, JoinRequest(code, f"attempt of {name}", name)).account.username


def learners(house, taller, number: int) -> list[str]:
    return [join(house, taller.learner_invite.code, f"Persona {n}") for n in range(number)]


def close(house, taller) -> None:
    house.call(close_workshop, actor_of(house, "ana"), "andes", taller.workshop.slug)


def answer(house, taller, username: str, said: Feedback = GOOD) -> None:
    place = ("andes", taller.workshop.slug)
    house.call(give_feedback, actor_of(house, username), *place, said)


def told(house, taller, by: str = "ana"):
    return house.call(results, actor_of(house, by), "andes", taller.workshop.slug)


def rows(house, table) -> list[dict]:
    with house.database.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(select(table))]


def test_a_learner_is_asked_from_the_end_on_until_they_answer(house, taller, clock) -> None:
    luz, sol = learners(house, taller, 2)
    assert not house.call(news_of, luz).asked
    with pytest.raises(FeedbackClosed):
        answer(house, taller, luz)
    close(house, taller)
    (asked,) = house.call(news_of, luz).asked
    assert asked.title == "Taller de Python"
    answer(house, taller, luz)
    assert not house.call(news_of, luz).asked
    place = ("andes", taller.workshop.slug)
    assert house.call(view_questions, actor_of(house, luz), *place)[1] is Asking.ANSWERED
    with pytest.raises(FeedbackGiven):
        answer(house, taller, luz)
    clock.advance(days=14)
    assert not house.call(news_of, sol).asked
    with pytest.raises(FeedbackClosed):
        answer(house, taller, sol)
    assert len(rows(house, feedback)) == 1


def test_the_staff_read_the_answers_and_give_none(house, taller) -> None:
    slug = taller.workshop.slug
    issued = house.call(
        issue_invite, actor_of(house, "ana"), "andes", NewInvite(role=Role.HELPER, workshop=slug)
    )
    helper = join(house, issued.code, "Hugo")
    (luz,) = learners(house, taller, 1)
    close(house, taller)
    for username in ("ana", helper):
        with pytest.raises(PermissionDenied):
            answer(house, taller, username)
    assert not house.call(news_of, helper).asked
    assert not told(house, taller, by=helper).is_told
    with pytest.raises(PermissionDenied):
        told(house, taller, by=luz)


def test_nothing_that_is_kept_says_who_answered_what_or_when(house, taller) -> None:
    people = learners(house, taller, 3)
    close(house, taller)
    before = len(rows(house, audit))
    for username, useful in zip(people, (1, 3, 5), strict=True):
        answer(house, taller, username, Feedback(useful, Followed.NO, None))
    kept = rows(house, feedback)
    assert {name for row in kept for name in row} == {
        *("id", "community", "workshop", "useful", "followed", "missing")
    }
    ids = {actor_of(house, username).account_id for username in people}
    marks = rows(house, feedback_marks)
    assert {mark["account_id"] for mark in marks} == ids
    assert set(marks[0]) == {"account_id", "community", "workshop"}
    assert len(rows(house, audit)) == before, "an entry would say who, and when"


def test_answers_lie_in_no_order_that_says_who_came_first(house, taller) -> None:
    people = learners(house, taller, 12)
    close(house, taller)
    for number, username in enumerate(people):
        answer(house, taller, username, Feedback(3, Followed.YES, f"Texto {number:02}"))
    with house.database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            with pytest.raises(Exception, match="rowid"):
                connection.exec_driver_sql("SELECT rowid FROM feedback")
    texts = list(told(house, taller).missing)
    assert sorted(texts) == [f"Texto {number:02}" for number in range(12)]
    assert texts != sorted(texts)


def test_results_are_told_when_all_have_answered_or_time_is_over(house, taller, clock) -> None:
    people = learners(house, taller, 7)
    close(house, taller)
    for username in people[:6]:
        answer(house, taller, username)
    assert not told(house, taller).is_told, "with one more answer that one would be known"
    assert told(house, taller).missing == ()
    clock.advance(days=14)
    found = told(house, taller)
    assert (found.answers, found.useful[5], found.followed["yes"]) == (6, 6, 6)
    assert len(found.missing) == 6


def test_who_comes_after_the_results_were_told_cannot_change_them(house, clock) -> None:
    """Else a workshop that is prolonged would show what one more person says."""
    taller = open_taller(house, seats=20)
    people = learners(house, taller, 6)
    clock.advance(hours=3)
    for username in people:
        answer(house, taller, username)
    assert told(house, taller).answers == 6
    now = clock.now()
    longer = (Session(now, now + timedelta(hours=1)),)
    place = (actor_of(house, "ana"), "andes", taller.workshop.slug)
    house.call(change_workshop, *place, WorkshopChange(sessions=longer))
    late = join(house, taller.learner_invite.code, "Tarde")
    clock.advance(hours=2)
    assert not house.call(news_of, late).asked
    with pytest.raises(FeedbackClosed):
        answer(house, taller, late)
    assert told(house, taller).answers == 6


def test_few_answers_are_never_told(house, taller) -> None:
    people = learners(house, taller, 4)
    close(house, taller)
    for username in people:
        answer(house, taller, username)
    found = told(house, taller)
    assert found.is_told
    assert found.answers is None
    assert (found.useful, found.missing) == (None, ())


def test_few_texts_are_not_shown_beside_more_answers(house, taller) -> None:
    people = learners(house, taller, 6)
    close(house, taller)
    for number, username in enumerate(people):
        text = "Más tiempo" if number < 4 else None
        answer(house, taller, username, Feedback(4, Followed.YES, text))
    found = told(house, taller)
    assert found.answers == 6
    assert found.missing == ()


def test_an_erasure_takes_the_mark_and_cannot_take_the_answer(house, taller) -> None:
    (luz,) = learners(house, taller, 1)
    close(house, taller)
    answer(house, taller, luz)
    assert house.call(erasure.export_me, luz)["feedback_marks"]
    account = house.call(erasure.erase_me, luz, luz)
    house.call(erasure.finish_erasure, account.id)
    assert rows(house, feedback_marks) == []
    assert len(rows(house, feedback)) == 1
