"""Loans between communities of a cohort: nothing is overspent, and what is lent is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_communities.domain import loans as domain
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.earliest import earliest_fit
from jupyterhub_communities.domain.ledger import Ledger, Request, Rules
from jupyterhub_communities.domain.loans import (
    Loan,
    check_loan,
    check_use,
    on_calendar,
    read_window,
)
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import LoanTimesInvalid, LoanTooLarge, LoanUnusable
from jupyterhub_communities.domain.reservations import Reservation, overbookings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = ("andes", "brasil", "costa")
WHAT = "servers"


def loan(amount: int, first: int = 0, last: int = 4, lender="andes", borrower="brasil") -> Loan:
    times = (NOON + first * HOUR, NOON + last * HOUR)
    return Loan("1", "south", lender, borrower, WHAT, amount, *times, made_at=NOON)


def ledger(shares: dict[str, Share], *loans: Loan, **more) -> Ledger:
    owned = {(name, WHAT): share for name, share in shares.items()}
    return Ledger(Rules(shares=owned, cohorts=dict.fromkeys(shares, "south"), loans=loans, **more))


def fits(books: Ledger, name: str, amount: int, at: datetime, lasts: timedelta = HOUR) -> bool:
    return books.judge(Request(Scope(name), {WHAT: amount}, lasts), at).fits


CLOSED = Share(10, may_borrow=0)


def test_while_it_holds_one_has_less_and_the_other_more() -> None:
    books = ledger({"andes": CLOSED, "brasil": CLOSED}, loan(4, 2, 4))
    for hour, least, most in ((0, 10, 10), (2, 6, 14), (3.9, 6, 14), (4, 10, 10)):
        at = NOON + hour * HOUR
        for name, limit in (("andes", least), ("brasil", most)):
            assert fits(books, name, limit, at), (hour, name)
            assert not fits(books, name, limit + 1, at), (hour, name)


def test_who_lends_starts_nothing_that_would_still_run_then() -> None:
    books = ledger({"andes": CLOSED, "brasil": CLOSED}, loan(4, 2, 4))
    assert fits(books, "andes", 10, NOON, 2 * HOUR)
    assert not fits(books, "andes", 7, NOON, 3 * HOUR)
    assert fits(books, "andes", 6, NOON, 3 * HOUR)


def test_nobody_else_takes_what_is_lent_and_whoever_has_it_draws_it_whatever_others_hold() -> None:
    books = ledger(dict.fromkeys(NAMES, Share(10)), loan(5))
    assert not fits(books, "costa", 26, NOON)
    books.hold(Scope("costa"), {WHAT: 25}, NOON)
    assert not fits(books, "andes", 1, NOON)
    assert fits(books, "brasil", 5, NOON)
    assert not fits(books, "brasil", 6, NOON)
    assert not fits(
        ledger(dict.fromkeys(NAMES, Share(10)), loan(5, 3)), "costa", 26, NOON, 4 * HOUR
    )


def test_what_runs_when_a_loan_ends_runs_on_and_nothing_is_overspent() -> None:
    books = ledger({"andes": CLOSED, "brasil": CLOSED}, loan(4))
    books.hold(Scope("brasil"), {WHAT: 14}, NOON)
    later = NOON + 4 * HOUR
    assert not fits(books, "brasil", 1, later)
    assert fits(books, "andes", 6, later)
    assert not fits(books, "andes", 7, later), "the rest comes back when somebody stops"


def test_a_limit_is_never_below_nothing_also_where_less_is_owned_than_is_lent() -> None:
    books = ledger({"andes": Share(1, may_borrow=0), "brasil": CLOSED}, loan(3))
    assert books.rules.limit(Scope("andes"), WHAT, NOON) == 0


def test_a_loan_ends_with_the_cohort() -> None:
    owned = {(name, WHAT): CLOSED for name in NAMES}
    cohorts = {"andes": "south", "brasil": "north"}
    books = Ledger(Rules(shares=owned, cohorts=cohorts, loans=(loan(4),)))
    assert fits(books, "andes", 10, NOON)
    assert not fits(books, "brasil", 11, NOON)


def test_it_is_known_when_a_loan_gives_back_what_is_missing() -> None:
    books = ledger({"andes": CLOSED, "brasil": CLOSED}, loan(4))
    request = Request(Scope("andes"), {WHAT: 8}, HOUR)
    assert earliest_fit(books, request, NOON, ()) == NOON + 4 * HOUR


def kept(amount: int, first: int, last: int) -> Reservation:
    times = (NOON + first * HOUR, NOON + last * HOUR)
    return Reservation(Scope("andes", "mapas"), *times, {WHAT: amount}, NOON)


@pytest.mark.parametrize(
    ("amount", "others", "most", "left"),
    [
        (4, [], None, None),
        (4, [], 14, None),
        (4, [], 10, 0),
        (4, [], 13, 3),
        (4, [], 6, 0),
        (4, [loan(2, 2, 3)], 14, 2),
        (4, [loan(2, 2, 3)], 16, None),
        (4, [loan(2, 4, 5)], 14, None),
        (4, [loan(2, -1, 0)], 14, None),
        (4, [loan(2, lender="brasil", borrower="andes")], 12, None),
        (4, [loan(2, 2, 3, lender="brasil", borrower="andes")], 12, 2),
    ],
)
def test_no_more_is_lent_than_who_gets_it_may_hold(amount, others, most, left) -> None:
    def check() -> None:
        check_use(loan(amount), others, owned=10, most=most)

    if left is None:
        check()
        return
    with pytest.raises(LoanUnusable) as refused:
        check()
    assert (refused.value.left, refused.value.most) == (left, most)


@pytest.mark.parametrize("most", [10, 13, 14])
def test_what_may_be_lent_can_be_started(most) -> None:
    """The rule and the ledger agree: what `check_use` lets through fits, and no more does."""
    limits = {(Scope("brasil"), WHAT): most}
    books = ledger({"andes": CLOSED, "brasil": CLOSED}, loan(4), most=limits)
    usable = 14 if most >= 14 else most
    assert fits(books, "brasil", usable, NOON)
    assert not fits(books, "brasil", usable + 1, NOON)


@pytest.mark.parametrize(
    ("amount", "others", "reserved", "lendable", "left"),
    [
        (10, [], [], 10, None),
        (11, [], [], 10, 10),
        (4, [], [], 3, 3),
        (4, [], [kept(6, 3, 5)], 10, None),
        (5, [], [kept(6, 3, 5)], 10, 4),
        (5, [], [kept(6, 4, 5)], 10, None),
        (5, [loan(4), loan(3, 4, 5)], [], 10, None),
        (7, [loan(4), loan(3, 4, 5)], [], 10, 6),
        (5, [loan(3, lender="brasil", borrower="andes")], [kept(8, 0, 4)], 10, None),
        (6, [loan(3, lender="brasil", borrower="andes")], [kept(8, 0, 4)], 10, 5),
        (11, [loan(3, lender="brasil", borrower="andes")], [], 10, 10),
    ],
)
def test_no_more_is_lent_than_is_left_beside_reservations_and_other_loans(
    amount, others, reserved, lendable, left
) -> None:
    def check() -> None:
        check_loan(loan(amount), others, reserved, owned=10, lendable=lendable)

    if left is None:
        check()
        return
    with pytest.raises(LoanTooLarge) as refused:
        check()
    assert refused.value.left == left


def test_the_calendar_of_a_community_has_what_it_lends_and_has_on_loan() -> None:
    reserved, lent = [kept(8, 0, 6)], on_calendar([loan(4)], "andes")
    (found,) = overbookings(reserved, {WHAT: 10}, NOON, lent=lent)
    assert (found.owned, found.reserved, found.ends_at) == (6, 8, NOON + 4 * HOUR)
    assert [one.amount for one in found.givers] == [2]
    assert (
        overbookings(reserved, {WHAT: 4}, NOON, lent=on_calendar([loan(4, 0, 6)], "brasil")) == ()
    )


@pytest.mark.parametrize(
    ("starts", "ends"), [(1, 1), (2, 1), (-3, -1), (0, 24 * 367), (24 * 367, 24 * 368)]
)
def test_times_that_make_no_loan_are_refused(starts, ends) -> None:
    with pytest.raises(LoanTimesInvalid):
        read_window(NOON + starts * HOUR, NOON + ends * HOUR, NOON)


def test_what_should_have_begun_begins_now() -> None:
    assert read_window(NOON - HOUR, NOON + HOUR, NOON) == (NOON, NOON + HOUR)


# All of it together

amounts = st.integers(0, 8)
shares = st.builds(
    Share, st.integers(0, 12), st.none() | st.integers(0, 6), st.none() | st.integers(0, 12)
)
pairs = st.sampled_from([(a, b) for a in NAMES for b in NAMES if a != b])
wishes = st.tuples(pairs, st.integers(1, 8), st.integers(0, 10), st.integers(1, 8))
steps = st.tuples(st.integers(0, 3), st.sampled_from(NAMES), st.integers(1, 6), st.integers(1, 8))


def lent_of(owned: dict[str, Share], wanted) -> list[Loan]:
    """Those that the rules allow, one after another."""
    made: list[Loan] = []
    for (lender, borrower), amount, first, length in wanted:
        one = loan(amount, first, first + length, lender, borrower)
        share = owned[lender]
        own = [each for each in made if lender in (each.lender, each.borrower)]
        try:
            check_loan(one, own, [], owned=share.nominal, lendable=share.lendable)
        except LoanTooLarge:
            continue
        made.append(one)
    return made


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, shares)),
    st.lists(wishes, max_size=4),
    st.lists(steps, max_size=25),
)
def test_all_add_up_to_what_they_own_and_a_loan_is_there_for_whoever_has_it(
    owned, wanted, walked
) -> None:
    made = lent_of(owned, wanted)
    books, now = ledger(owned, *made), NOON
    pool = sum(share.lendable for share in owned.values())
    running: list[tuple[datetime, str, int]] = []
    for hours, name, amount, lasts in walked:
        now += hours * HOUR
        for end, who, held in [one for one in running if one[0] <= now]:
            books.release(Scope(who), {WHAT: held}, end)
            running.remove((end, who, held))
        if fits(books, name, amount, now, lasts * HOUR):
            books.hold(Scope(name), {WHAT: amount}, now)
            running.append((now + lasts * HOUR, name, amount))
        held_by = {one: books.held(Scope(one), WHAT) for one in NAMES}
        on_loan = {one: domain.received(made, one, WHAT, now) for one in NAMES}
        moved = [
            share.moved(on_loan[one], domain.given(made, one, WHAT, now))
            for one, share in owned.items()
        ]
        assert sum(share.nominal for share in moved) == sum(s.nominal for s in owned.values())
        assert sum(held_by.values()) <= sum(share.nominal for share in owned.values())
        drawn = {one: share.drawn(held_by[one]) for one, share in owned.items()}
        assert sum(max(drawn[one], on_loan[one]) for one in NAMES) <= pool
        for one in NAMES:
            if left := on_loan[one] - drawn[one]:
                whole = left + max(0, owned[one].guaranteed - held_by[one])
                if left > 0:
                    assert fits(books, one, whole, now, timedelta(minutes=1))
