"""Loans: a community of a cohort lends an amount of what it owns to another one, over a window.

While a loan holds, from its start up to its end, the lender owns that much less and the borrower that
much more. What is lent comes out of what the lender may lend (`Share.lendable`), and is the
borrower's alone: nobody else of the cohort draws it meanwhile, not even the lender.

No counter moves when a loan begins or ends: the cohort's pool and what is drawn from it are counted
as if there were no loans, so what all communities hold never exceeds what they own, whatever the
clock says. A loan is what else a start must leave alone, as with a reservation: the part of it that
the borrower has not drawn is closed to the others, from now on for as long as their server may run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from .quotas import Scope
from .refusals import LoanTimesInvalid, LoanTooLarge, LoanUnusable, ReservationTooLarge
from .reservations import Reservation, check_reservations
from .times import in_utc

LONGEST_LOAN = timedelta(days=366)
MOST_LOANS = 50  # of one lender, that are not over


class LoanState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Loan:
    """`ends_at` is when it really ends: given back early, it is earlier than it was agreed."""

    id: str
    cohort: str
    lender: str  # community
    borrower: str
    resource: str  # one that is held
    amount: int  # base units
    starts_at: datetime
    ends_at: datetime
    made_at: datetime
    stopped_at: datetime | None = None  # before its time: given back, or recalled

    def holds(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def state(self, now: datetime) -> LoanState:
        if now >= self.ends_at or self.stopped_at is not None:
            return LoanState.OVER
        return LoanState.PLANNED if now < self.starts_at else LoanState.RUNNING

    def stopped(self, now: datetime) -> Loan:
        """From now on nobody has it."""
        return replace(self, ends_at=max(self.starts_at, now), stopped_at=now)


def between(loans: Iterable[Loan], cohorts: Mapping[str, str | None]) -> list[Loan]:
    """Those whose communities are both still in the cohort: with a community that leaves it, its
    loans end."""
    return [
        one for one in loans if cohorts.get(one.lender) == cohorts.get(one.borrower) == one.cohort
    ]


def received(loans: Iterable[Loan], community: str, resource: str, at: datetime) -> int:
    """What a community has on loan from others."""
    return sum(
        one.amount
        for one in loans
        if one.borrower == community and one.resource == resource and one.holds(at)
    )


def given(loans: Iterable[Loan], community: str, resource: str, at: datetime) -> int:
    """What others have on loan from a community."""
    return sum(
        one.amount
        for one in loans
        if one.lender == community and one.resource == resource and one.holds(at)
    )


def turns_of(loans: Iterable[Loan]) -> list[datetime]:
    """When any of them begins or ends, in order."""
    return sorted({at for one in loans for at in (one.starts_at, one.ends_at)})


def read_window(
    starts_at: datetime | None, ends_at: datetime, now: datetime
) -> tuple[datetime, datetime]:
    """In UTC; what began before begins now. Raises `LoanTimesInvalid`."""
    try:
        start = now if starts_at is None else max(now, in_utc(starts_at))
        end = in_utc(ends_at)
    except ValueError as error:
        raise LoanTimesInvalid(days=LONGEST_LOAN.days) from error
    if not start < end <= start + LONGEST_LOAN or start > now + LONGEST_LOAN:
        raise LoanTimesInvalid(days=LONGEST_LOAN.days)
    return start, end


def on_calendar(loans: Iterable[Loan], community: str) -> list[Reservation]:
    """What loans leave a community to reserve: what it gave is taken, what it has adds to it."""
    return [
        _booked(one, community, one.amount if one.lender == community else -one.amount)
        for one in loans
        if community in (one.lender, one.borrower)
    ]


def check_loan(
    loan: Loan,
    others: Sequence[Loan],
    reserved: Sequence[Reservation],
    *,
    owned: int,
    lendable: int,
) -> None:
    """Whether at every moment of it the lender has that much left beside what it reserved for its own
    sessions, and lends no more than it may. Raises `LoanTooLarge`."""
    new = [_booked(loan, loan.lender, loan.amount)]
    same = [one for one in others if one.resource == loan.resource]
    lent = [one for one in on_calendar(same, loan.lender) if one.amount(loan.resource) > 0]
    known = [*reserved, *on_calendar(same, loan.lender)]
    try:
        check_reservations(new, lent, {loan.resource: lendable})
        check_reservations(new, known, {loan.resource: owned})
    except ReservationTooLarge as refusal:
        raise LoanTooLarge(resource=loan.resource, left=refusal.left) from refusal


def check_use(loan: Loan, others: Sequence[Loan], *, owned: int, most: int | None) -> None:
    """Whether the borrower may hold what it gets, beside what it owns and has on loan already. A
    `most` of its own holds for loans too. Raises `LoanUnusable`."""
    if most is None:
        return
    during = [at for at in turns_of(others) if loan.starts_at < at < loan.ends_at]
    free = min(
        most
        - owned
        - received(others, loan.borrower, loan.resource, at)
        + given(others, loan.borrower, loan.resource, at)
        for at in (loan.starts_at, *during)
    )
    if loan.amount > free:
        raise LoanUnusable(resource=loan.resource, most=most, left=max(0, free))


def _booked(loan: Loan, community: str, amount: int) -> Reservation:
    amounts = {loan.resource: amount}
    return Reservation(Scope(community), loan.starts_at, loan.ends_at, amounts, loan.made_at)
