"""Loans in the database: a start is judged by them on both, and they cost it no statement."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from houses import SetClock, actor_of, andes, make_house
from sqlalchemy import event

from jupyterhub_communities.application.leases import StartRequest, admit, settle
from jupyterhub_communities.application.lending import NewLoan, end_loan, lend
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import LoanBegun, LoanTooLarge, QuotaExceeded
from jupyterhub_communities.domain.stops import RunningRules

HOUR = timedelta(hours=1)
OWNED = Quota({"servers": Limit(share=Share(3, may_borrow=0))})


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def house(database, tmp_path, clock):
    declared = [
        replace(one, community=replace(one.community, cohort="sur"), quota=OWNED)
        for one in (
            andes(),
            andes(slug="brasil", champions=("bia",)),
            andes(slug="costa", champions=("caro",)),
        )
    ]
    house = make_house(tmp_path, clock=clock, communities=tuple(declared))
    house.settings = replace(house.settings, running={None: RunningRules(max_session=HOUR)})
    yield house
    house.close()


def start(house, username: str) -> str:
    request = StartRequest(uuid4().hex, ServerKey(username, uuid4().hex[:8]))
    house.call(admit, request)
    return request.lease_id


def start_all(house, username: str) -> list[str]:
    """As many as are admitted."""
    leases = []
    while True:
        try:
            leases.append(start(house, username))
        except QuotaExceeded:
            return leases


def lent(house, amount: int = 2, starts: float = 0, ends: float = 4):
    now = house.clock.now()
    wanted = NewLoan("brasil", "servers", amount, now + ends * HOUR, now + starts * HOUR)
    return house.call(lend, actor_of(house, "ana"), "andes", wanted)


def test_a_loan_moves_what_is_admitted_for_its_hours_and_no_longer(house, clock) -> None:
    lent(house, starts=2)
    own = start_all(house, "ana")
    assert len(own) == 3, "they end before it begins"
    for lease in own:
        house.call(settle, lease)
    clock.advance(hours=2)
    assert len(start_all(house, "ana")) == 1
    theirs = start_all(house, "bia")
    assert len(theirs) == 5
    clock.advance(hours=2)
    with pytest.raises(QuotaExceeded) as refused:
        start(house, "bia")
    assert (refused.value.violations[0].scope, refused.value.violations[0].limit) == (
        "community",
        3,
    )
    assert len(start_all(house, "caro")) == 3, "nobody else had a part in it"
    assert start_all(house, "ana") == [], "what runs on is somebody's: nothing is overspent"
    for lease in theirs[:2]:
        house.call(settle, lease)
    assert len(start_all(house, "ana")) == 2
    with house.database.write() as store:
        assert store.limits.add_up_cohorts() == 0, "no counter had to be mended"


def test_who_lends_cannot_start_into_it(house, clock) -> None:
    lent(house, starts=0.5)
    assert len(start_all(house, "ana")) == 1


def test_what_is_given_back_is_back_at_once_and_who_lends_recalls_only_before(house, clock) -> None:
    planned, bia, ana = lent(house, starts=1), actor_of(house, "bia"), actor_of(house, "ana")
    house.call(end_loan, ana, "andes", planned.id)
    begun = lent(house)
    with pytest.raises(LoanBegun):
        house.call(end_loan, ana, "andes", begun.id)
    assert len(start_all(house, "ana")) == 1
    house.call(end_loan, bia, "brasil", begun.id)
    house.call(end_loan, bia, "brasil", begun.id)
    assert len(start_all(house, "ana")) == 2
    with pytest.raises(LoanTooLarge):
        lent(house, amount=4)


def test_loans_cost_a_start_two_looks_however_many_and_nothing_where_there_are_none(
    house, clock
) -> None:
    asked: Counter[str] = Counter()

    def count(_connection, _cursor, statement, *_more) -> None:
        asked[statement.split(None, 1)[0]] += 1

    def cost() -> int:
        asked.clear()
        event.listen(house.database.engine, "before_cursor_execute", count)
        try:
            lease = start(house, "caro")
        finally:
            event.remove(house.database.engine, "before_cursor_execute", count)
        house.call(settle, lease)
        return asked["SELECT"]

    start(house, "caro")
    without = cost()
    lent(house, amount=1)
    once = cost()
    for hours in range(1, 10):
        lent(house, amount=1, starts=hours / 10, ends=hours / 10 + 0.05)
    # Theirs, and the rows of the cohort.
    assert (once, cost()) == (without + 2, without + 2)
    clock.advance(hours=5)
    assert cost() == without


def test_nobody_draws_what_is_lent_from_the_pool(house, monkeypatch) -> None:
    """With its control: without what is closed for loans, nothing is left of one."""
    with house.database.write() as store:
        for slug in ("andes", "brasil", "costa"):
            store.limits.set_quota(Scope(slug), Quota({"servers": Limit(share=Share(3))}))
        store.limits.add_up_cohorts()
    lent(house)
    drawn = start_all(house, "caro")
    assert len(drawn) == 7
    assert len(start_all(house, "bia")) == 2
    for lease in drawn:
        house.call(settle, lease)
    lent(house, amount=1)
    monkeypatch.setattr("jupyterhub_communities.domain.ledger.Rules.on_loan", lambda *_: 0)
    assert len(start_all(house, "caro")) == 7
    assert start_all(house, "bia") == []
