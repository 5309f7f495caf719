"""What the board says of somebody, and how a question is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jupyterhub_communities.domain.board import (
    ANSWERS_WITHIN,
    IDLE_AFTER,
    SLOW_AFTER,
    TROUBLE_LASTS,
    Condition,
    PersonState,
    StuckBy,
    Trouble,
    condition_of,
)
from jupyterhub_communities.domain.hands import LONGEST_QUESTION, read_question
from jupyterhub_communities.domain.leases import Lease, RunningServer, ServerKey
from jupyterhub_communities.domain.line import StartTicket
from jupyterhub_communities.domain.quotas import HUB
from jupyterhub_communities.domain.refusals import QuestionInvalid

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = ServerKey("luz")
SECOND = timedelta(seconds=1)


def ago(**by) -> datetime:
    return NOW - timedelta(**by)


def lease(requested, active=None, settled=None) -> Lease:
    return Lease("l", KEY, "a", HUB, None, requested, active_at=active, settled_at=settled)


def seen(*, ready=True, at=None, **more) -> RunningServer:
    return RunningServer(KEY, ready=ready, last_activity=at, **more)


def awaited() -> RunningServer:
    """The Hub waits for its first answer."""
    return seen(ready=False, is_starting=True)


JOINED = ago(hours=5)
WAITS = StartTicket("t", KEY, "a", HUB, taken_at=ago(minutes=1), seen_at=NOW)
STARTS = lease(ago(minutes=1))
RUNS = lease(ago(hours=1), ago(minutes=50))
FAILED = lease(ago(minutes=9), None, ago(minutes=8))
STOPPED = lease(ago(minutes=9), ago(minutes=8), ago(minutes=7))
SILENT_NOW = Trouble("server.silent", ago(minutes=1))


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, (PersonState.JOINED, None, None)),
        ({"lease": STARTS}, (PersonState.STARTING, None, None)),
        ({"lease": lease(NOW - SLOW_AFTER)}, (PersonState.STUCK, StuckBy.SLOW, None)),
        ({"lease": lease(NOW - SLOW_AFTER + SECOND)}, (PersonState.STARTING, None, None)),
        # The Spawner is done, and the server does not answer the Hub yet.
        (
            {"lease": lease(ago(minutes=4), ago(minutes=1)), "seen": awaited()},
            (PersonState.STARTING, None, None),
        ),
        (
            {"lease": lease(ago(minutes=4), NOW - ANSWERS_WITHIN), "seen": awaited()},
            (PersonState.STUCK, StuckBy.SILENT, None),
        ),
        # It is being stopped.
        ({"lease": RUNS, "seen": seen(ready=False)}, (PersonState.RUNNING, None, None)),
        # It runs, and has stopped answering; or another one did, before.
        (
            {"lease": RUNS, "seen": seen(at=ago(minutes=30)), "trouble": SILENT_NOW},
            (PersonState.STUCK, StuckBy.SILENT, None),
        ),
        (
            {"lease": RUNS, "trouble": Trouble("server.silent", ago(minutes=55))},
            (PersonState.RUNNING, None, None),
        ),
        ({"lease": RUNS, "trouble": Trouble("quota.exceeded", NOW)}, (PersonState.RUNNING, None, None)),
        # The Hub has given it up.
        ({"last": STOPPED, "trouble": SILENT_NOW}, (PersonState.STUCK, StuckBy.SILENT, None)),
        ({"lease": RUNS}, (PersonState.RUNNING, None, None)),
        ({"lease": RUNS, "seen": seen(at=None)}, (PersonState.RUNNING, None, None)),
        ({"lease": RUNS, "seen": seen(at=NOW - IDLE_AFTER)}, (PersonState.IDLE, None, None)),
        (
            {"lease": RUNS, "seen": seen(at=NOW - IDLE_AFTER + SECOND)},
            (PersonState.RUNNING, None, None),
        ),
        # What was done before it started says nothing of it.
        (
            {"lease": lease(ago(minutes=3), ago(minutes=2)), "seen": seen(at=ago(days=3))},
            (PersonState.RUNNING, None, None),
        ),
        ({"ticket": WAITS}, (PersonState.STUCK, StuckBy.LINE, None)),
        ({"ticket": WAITS, "lease": STARTS}, (PersonState.STARTING, None, None)),
        ({"last": FAILED}, (PersonState.STUCK, StuckBy.FAILED, None)),
        ({"last": STOPPED}, (PersonState.JOINED, None, None)),
        (
            {"trouble": Trouble("quota.exceeded", ago(minutes=1))},
            (PersonState.STUCK, StuckBy.REFUSED, "quota.exceeded"),
        ),
        (
            {"trouble": Trouble("start.failed", ago(minutes=1)), "last": STOPPED},
            (PersonState.STUCK, StuckBy.FAILED, None),
        ),
        # It started after that, and was stopped.
        (
            {"trouble": Trouble("quota.exceeded", ago(minutes=30)), "last": STOPPED},
            (PersonState.JOINED, None, None),
        ),
        ({"trouble": Trouble("quota.exceeded", NOW - TROUBLE_LASTS)}, (PersonState.JOINED, None, None)),
        (
            {"trouble": Trouble("profile.unknown", ago(minutes=1)), "last": FAILED},
            (PersonState.STUCK, StuckBy.REFUSED, "profile.unknown"),
        ),
        (
            {"trouble": Trouble("profile.unknown", ago(minutes=20)), "last": FAILED},
            (PersonState.STUCK, StuckBy.FAILED, None),
        ),
    ],
)  # fmt: skip
def test_what_somebody_does_follows_from_lease_hub_line_and_last_start(known, said) -> None:
    found = condition_of(NOW, JOINED, **known)
    assert (found.state, found.stuck_by, found.code) == said


def test_it_says_since_when() -> None:
    idle = condition_of(NOW, JOINED, lease=RUNS, seen=seen(at=ago(minutes=40)))
    assert idle == Condition(PersonState.IDLE, ago(minutes=40))
    assert condition_of(NOW, JOINED).since == JOINED


def test_a_question_is_one_readable_line_or_nothing() -> None:
    assert read_question("  ¿Dónde\n está?  ") == "¿Dónde está?"
    assert read_question(" \n ") is None
    assert len(read_question("x" * LONGEST_QUESTION)) == 200
    for wrong in ("x" * (LONGEST_QUESTION + 1), "a\u202eb", "a\x00b"):
        with pytest.raises(QuestionInvalid):
            read_question(wrong)
