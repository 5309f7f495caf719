"""Timelines: the most that was held in each step, and who lent it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.borrowing import Share, lent
from jupyterhub_communities.domain.timelines import Stretch, most_held

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEP, STEPS = 5 * MINUTE, 6


def stretch(start: int, end: int | None, servers: int = 1) -> Stretch:
    until = None if end is None else NOON + end * MINUTE
    return Stretch(NOON + start * MINUTE, until, {"servers": servers})


def test_one_that_follows_another_at_the_same_moment_is_not_counted_with_it() -> None:
    found = most_held([stretch(-9, 5), stretch(5, None, 3)], "servers", NOON, STEP, STEPS)
    assert found == [1, 3, 3, 3, 3, 3]


def test_what_is_not_asked_for_is_not_counted() -> None:
    assert most_held([stretch(0, 9)], "memory", NOON, STEP, STEPS) == [0] * STEPS


@given(
    st.lists(
        st.tuples(st.integers(-10, 40), st.none() | st.integers(-10, 45), st.integers(1, 4)),
        max_size=12,
    )
)
def test_it_is_what_looking_at_every_minute_finds(stretches) -> None:
    """All begins and ends are whole minutes, so nothing changes between them."""
    found = most_held([stretch(*one) for one in stretches], "servers", NOON, STEP, STEPS)
    at = [
        sum(n for start, end, n in stretches if start <= minute and (end is None or minute < end))
        for minute in range(STEPS * 5)
    ]
    assert found == [max(at[step * 5 : step * 5 + 5]) for step in range(STEPS)]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9), st.integers(0, 12)),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_lent_is_what_is_borrowed_and_only_by_who_has_it_idle(rows) -> None:
    shares = {
        number: (Share(nominal, may_lend=lend), held)
        for number, (nominal, lend, held) in enumerate(rows)
    }
    found = lent(shares)
    idle = {n: max(0, s.lendable - s.drawn(held)) for n, (s, held) in shares.items()}
    borrowed = sum(share.borrowed(held) for share, held in shares.values())
    assert sum(found.values()) == min(borrowed, sum(idle.values()))
    assert all(0 <= found[n] <= idle[n] for n in shares)
