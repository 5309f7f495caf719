"""Replays: who would have been refused with other limits, when, and what would have fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.each import EachLimit
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.ledger import Allowance, Rules
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.replays import replay
from jupyterhub_communities.domain.windows import Rolling

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANDES = Scope("andes")
SMALL, LARGE = {"servers": 1, "memory": 2}, {"servers": 1, "memory": 8}
PROFILES = {"small": SMALL, "large": LARGE}


def lease(name: str, start: float, end: float | None, amounts=SMALL) -> Lease:
    return Lease(
        id=name,
        server=ServerKey(name),
        account_id=name,
        scope=Scope("andes", member=name),
        profile="small" if amounts is SMALL else "large",
        requested_at=NOON + start * HOUR,
        settled_at=None if end is None else NOON + end * HOUR,
        amounts=amounts,
    )


HISTORY = [
    lease("ana", 0, 2),
    lease("luz", 1, 3, LARGE),
    lease("eva", 2, 4, LARGE),  # comes when ana leaves
    lease("ivo", 2.5, None),
    lease("leo", 5, 6),
]


def test_the_limits_that_there_were_refuse_nobody() -> None:
    found = replay(HISTORY, Rules(most={(ANDES, "memory"): 18}), PROFILES)
    assert (found.admitted, found.refused) == (5, ())


def test_who_would_have_been_refused_is_told_with_time_limit_and_what_would_have_fit() -> None:
    found = replay(reversed(HISTORY), Rules(most={(ANDES, "memory"): 10}), PROFILES)
    (eva,) = found.refused
    assert (eva.lease.id, eva.at, eva.would_fit) == ("eva", NOON + 2 * HOUR, "small")
    assert [(c.resource, c.limit, c.used, c.asked) for c in eva.exceeded] == [("memory", 10, 8, 8)]
    assert found.admitted == 4


def test_who_has_no_account_is_held_to_what_stands_for_each_by_username() -> None:
    starts = [("eva", "a", 0, 2), ("eva", "b", 1, 9), ("ivo", "c", 1, 9), ("eva", "d", 2, 9)]
    history = [
        replace(lease(f"{name}", began, ended), scope=HUB, account_id=None, id=number)
        for name, number, began, ended in starts
    ]
    erased = [replace(one, id=f"{one.id}-", server=ServerKey("")) for one in history]
    each = {(HUB, "servers"): [EachLimit(HUB, 1)]}
    found = replay([*history, *erased], Rules(most_each=each), PROFILES)
    assert [(one.lease.id, one.would_fit) for one in found.refused] == [("b", None)]


def test_who_is_refused_in_the_replay_holds_nothing_in_it() -> None:
    found = replay(HISTORY, Rules(most={(ANDES, "servers"): 1}), PROFILES)
    assert [r.lease.id for r in found.refused] == ["luz", "ivo"], "eva has ana's place, not luz'"
    assert found.refused[0].would_fit is None


def test_time_that_may_be_spent_is_replayed_too() -> None:
    rules = Rules(
        spent={(ANDES, "server-time"): [Allowance(4 * 3600, Rolling(1))]},
        runway=timedelta(minutes=30),
    )
    history = [lease("ana", 0, 3), lease("luz", 3, 3.6), lease("eva", 3.6, 4), lease("ivo", 25, 26)]
    refused = [r.lease.id for r in replay(history, rules, PROFILES).refused]
    assert refused == ["eva"], "a day later all of it has left the window"


def test_a_lease_that_ended_as_it_began_is_no_burden() -> None:
    history = [lease("ana", 0, 0), lease("luz", 0, 1)]
    assert replay(history, Rules(most={(ANDES, "servers"): 1}), PROFILES).admitted == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(1, 6), st.booleans()),
        max_size=25,
    ),
    st.integers(1, 12),
    st.integers(1, 30),
)
def test_what_was_admitted_is_admitted_again_by_the_same_limits(starts, most, hours) -> None:
    """A replay of what is left after a replay refuses nobody: limits are kept as admission does."""
    history = [
        replace(
            lease(f"{number:02}", at, at + lasts, {"servers": 1, "memory": memory}),
            scope=Scope("andes") if andes else Scope("brasil"),
        )
        for number, (at, lasts, memory, andes) in enumerate(starts)
    ]
    rules = Rules(
        shares={("andes", "memory"): Share(most, may_lend=2), ("brasil", "memory"): Share(4)},
        cohorts={"andes": "south", "brasil": "south"},
        spent={(ANDES, "server-time"): [Allowance(hours * 3600, Rolling(1))]},
    )
    first = replay(history, rules, PROFILES)
    gone = {refused.lease.id for refused in first.refused}
    assert len(history) == first.admitted + len(gone)
    again = replay([one for one in history if one.id not in gone], rules, PROFILES)
    assert (again.admitted, again.refused) == (first.admitted, ())
