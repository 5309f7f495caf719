"""Lending: a community of a cohort lends dated hours of what it owns to another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..domain.asks import AskState
from ..domain.grants import Actor, Verb
from ..domain.limits import Limit
from ..domain.loans import MOST_LOANS, Loan, LoanState, between, check_loan, check_use, read_window
from ..domain.notices import ASK_ANSWERED, LENT_TO
from ..domain.quotas import Scope
from ..domain.refusals import (
    AskElsewhere,
    LoanBegun,
    LoanNotPossible,
    NotFound,
    NotInCohort,
    TooManyLoans,
)
from ..domain.units import is_resource, is_spent, write_amount
from .asking import end_ask, find_ask, positive_amount
from .audit import record
from .cohorts import find_own_cohort, find_partner, tell_champions
from .ports import Desk, Store

GIVE_BACK = "loan:give-back"
RECALL = "loan:recall"


@dataclass(frozen=True, slots=True)
class NewLoan:
    borrower: str
    resource: str
    amount: object  # as it is typed or as a number
    ends_at: datetime
    starts_at: datetime | None = None  # None: now
    ask: str | None = None  # the id of what it answers


def lend(desk: Desk, actor: Actor, lender: str, wanted: NewLoan) -> Loan:
    """It takes effect by the clock: no counter moves. Raises `LoanTooLarge` for more than is left
    beside what the lender has reserved, and lent already, at any moment of it, and `LoanUnusable` for
    more than the borrower may hold."""
    with desk.database.write() as store:
        cohort = find_own_cohort(store, actor, lender, Verb.LEND)
        find_partner(store, cohort, lender)  # nor does a suspended one lend
        borrower = find_partner(store, cohort, wanted.borrower).slug
        if borrower == lender:
            raise NotInCohort
        resource = wanted.resource
        if not is_resource(resource) or is_spent(resource):
            raise LoanNotPossible
        limits = [
            store.limits.quota(Scope(slug)).held.get(resource, Limit())
            for slug in (lender, borrower)
        ]
        own, theirs = (limit.share for limit in limits)
        if own is None or theirs is None:
            raise LoanNotPossible
        starts_at, ends_at = read_window(wanted.starts_at, wanted.ends_at, desk.now)
        loan = Loan(
            id=desk.chance.identifier(),
            cohort=cohort,
            lender=lender,
            borrower=borrower,
            resource=resource,
            amount=positive_amount(resource, wanted.amount),
            starts_at=starts_at,
            ends_at=ends_at,
            made_at=desk.now,
        )
        others = store.loans.of_community(lender, desk.now)
        if sum(one.lender == lender for one in others) >= MOST_LOANS:
            raise TooManyLoans(most=MOST_LOANS)
        cohorts = {one.slug: one.cohort for one in store.communities.all()}
        reserved = [
            one
            for one in store.balances.reservations(starts_at, ends_at)
            if one.scope.community == lender
        ]
        check_loan(
            loan,
            between(others, cohorts),
            reserved,
            owned=own.nominal,
            lendable=own.lendable,
        )
        known = between(store.loans.of_community(borrower, desk.now), cohorts)
        check_use(loan, known, owned=theirs.nominal, most=limits[1].most)
        store.loans.add(loan)
        after = {
            resource: write_amount(resource, loan.amount),
            "borrower": borrower,
            "starts_at": starts_at.isoformat(),
            "until": ends_at.isoformat(),
        }
        _audit(desk, store, actor, Verb.LEND, loan, lender, after)
        if wanted.ask is None:
            told = {"community": borrower, "lender": lender}
            tell_champions(desk, store, actor, borrower, LENT_TO, **told)
        else:
            _answer(desk, store, actor, cohort, wanted.ask, loan)
        return loan


def end_loan(desk: Desk, actor: Actor, community: str, loan_id: str) -> None:
    """Given back by who has it, at any time; recalled by who lends before it begins, or by the
    operator. What runs on it runs on. Repeating it changes nothing."""
    with desk.database.write() as store:
        find_own_cohort(store, actor, community, Verb.LEND)
        loan = store.loans.get(loan_id)
        if loan is None or community not in (loan.lender, loan.borrower):
            raise NotFound(kind="loan")
        if loan.state(desk.now) is LoanState.OVER:
            return
        is_recalled = community == loan.lender
        if is_recalled and loan.state(desk.now) is LoanState.RUNNING and not actor.is_operator:
            raise LoanBegun
        store.loans.stop(loan.stopped(desk.now))
        action = RECALL if is_recalled else GIVE_BACK
        _audit(desk, store, actor, action, loan, community, {})


def _answer(desk: Desk, store: Store, actor: Actor, cohort: str, ask_id: str, loan: Loan) -> None:
    """A loan for what was asked, be it for a part of it."""
    ask = find_ask(store, actor, cohort, ask_id)
    if ask.community != loan.borrower or ask.resource != loan.resource:
        raise AskElsewhere
    end_ask(desk, store, ask, AskState.LENT, answered_for=loan.lender)
    told = {"community": ask.community, "state": AskState.LENT.value}
    tell_champions(desk, store, actor, ask.community, ASK_ANSWERED, **told)


def _audit(
    desk: Desk,
    store: Store,
    actor: Actor,
    action: str,
    loan: Loan,
    community: str,
    after: Mapping[str, object],
) -> None:
    record(desk, store, actor, action, f"loan/{loan.id}", community, after=after)
