"""Timelines: the most that was held in each step, and who lent it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.borrowing import Share, lent
from jupyterhub_communities.domain.timelines import Changes, folded, held_at_ends, most_held

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STEP, STEPS = 5 * MINUTE, 6


def changes_of(at: dict[int, int]) -> list[Changes]:
    """From what was added or taken away at each minute."""
    found, held = [], 0
    for step in range(STEPS):
        times = [minute for minute in sorted(at) if minute // 5 == step]
        sums = [held := held + at[minute] for minute in times]
        if times:
            net = sum(at[minute] for minute in times)
            found.append(Changes(step, NOON + times[0] * MINUTE, net, max(sums)))
    return found


def test_one_that_follows_another_at_the_same_moment_is_not_counted_with_it() -> None:
    assert most_held(changes_of({0: 3, 5: -2}), NOON, STEP, STEPS) == [3, 1, 1, 1, 1, 1]
    assert most_held(changes_of({0: 3, 6: -2}), NOON, STEP, STEPS) == [3, 3, 1, 1, 1, 1]


@given(st.dictionaries(st.integers(0, 5 * STEPS - 1), st.integers(-4, 4), max_size=12))
def test_it_is_what_looking_at_every_minute_finds(at) -> None:
    """All changes are at whole minutes, so nothing changes between them."""
    held = [sum(n for minute, n in at.items() if minute <= now) for now in range(5 * STEPS)]
    found = most_held(changes_of(at), NOON, STEP, STEPS)
    assert found == [max(held[step * 5 : step * 5 + 5]) for step in range(STEPS)]
    assert held_at_ends(changes_of(at), STEPS) == held[4::5]


def test_fewer_points_have_the_most_of_those_between_them() -> None:
    assert folded([1, 5, 2, 0, 3], 2) == [5, 2, 3]


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
