"""Borrowing: the arithmetic of cohorts."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jupyterhub_communities.domain.borrowing import Share


@pytest.mark.parametrize(
    ("share", "held", "guaranteed", "ceiling", "drawn", "borrowed", "idle"),
    [
        (Share(10), 4, 0, None, 4, 0, 6),
        (Share(10, may_borrow=5), 12, 0, 15, 12, 2, 0),
        (Share(10, may_lend=4), 4, 6, None, 0, 0, 4),
        (Share(10, may_lend=4), 8, 6, None, 2, 0, 2),
        (Share(10, may_borrow=0, may_lend=0), 10, 10, 10, 0, 0, 0),
        (Share(10, may_lend=40), 4, 0, None, 4, 0, 6),
        (Share(0, may_borrow=3), 3, 0, 3, 3, 3, 0),
    ],
)
def test_what_a_community_draws_borrows_and_lends(
    share, held, guaranteed, ceiling, drawn, borrowed, idle
) -> None:
    assert share.guaranteed == guaranteed
    assert share.ceiling == ceiling
    assert share.drawn(held) == drawn
    assert share.borrowed(held) == borrowed
    assert idle_of(share, held) == idle


def idle_of(share: Share, held: int) -> int:
    """What others may have of it, unless they have it already."""
    return max(0, share.nominal - max(held, share.guaranteed))


limits = st.none() | st.integers(0, 40)
communities = st.lists(
    st.tuples(st.builds(Share, st.integers(0, 30), limits, limits), st.integers(0, 60)),
    min_size=1,
    max_size=5,
)


def available_in_kueue(own: Share, held: int, pool: int, used: int) -> int:
    """What Kueue lets a ClusterQueue have in addition: what is left of its guaranteed quota, and of
    the cohort's, the latter at most what `borrowingLimit` allows."""
    in_cohort = pool - used
    if own.may_borrow is not None:
        stored = own.nominal - own.guaranteed
        in_cohort = min(in_cohort, stored - max(0, held - own.guaranteed) + own.may_borrow)
    return max(0, own.guaranteed - held) + in_cohort


@given(communities, st.integers(1, 40))
def test_what_is_admitted_is_what_kueue_admits(cohort, wanted) -> None:
    pool = sum(share.lendable for share, _ in cohort)
    used = sum(share.drawn(held) for share, held in cohort)
    own, held = cohort[0]
    assume(used <= pool)
    asked = own.drawn(held + wanted) - own.drawn(held)
    fits = (own.ceiling is None or held + wanted <= own.ceiling) and used + asked <= pool
    assert fits == (wanted <= available_in_kueue(own, held, pool, used))


@given(communities)
def test_what_is_borrowed_is_idle_elsewhere(cohort) -> None:
    """Where the pool is not overdrawn, everything above nominal is somebody's idle part."""
    pool = sum(share.lendable for share, _ in cohort)
    used = sum(share.drawn(held) for share, held in cohort)
    idle = sum(idle_of(share, held) for share, held in cohort)
    borrowed = sum(share.borrowed(held) for share, held in cohort)
    assert pool - used == idle - borrowed
    assume(used <= pool)
    assert sum(held for _, held in cohort) <= sum(share.nominal for share, _ in cohort)
