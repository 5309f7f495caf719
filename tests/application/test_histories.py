"""What was held and spent over time."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from houses import NOON, actor_of, andes, make_house, open_taller
from sql_statements import counted

from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.histories import (
    MOST_POINTS,
    held_history,
    plan_held,
    read_changes,
    spent_history,
    spent_in,
)
from jupyterhub_communities.application.lending import NewLoan, end_loan, lend
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.application.usage import Period, last_days
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Actor
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import NotFound, PermissionDenied
from jupyterhub_communities.pages.tables import held_csv

OPERATOR = Actor(account_id=None, is_operator=True)
ANDES = Scope("andes")
HOUR = timedelta(hours=1)
DAY = Period(NOON - 24 * HOUR, NOON)


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, communities=(andes(), andes(slug="brasil", champions=("bia",))))
    yield house
    house.close()


def ran(
    house, name, *, began: float, ended: float | None, place=ANDES, servers=1, **more: int
) -> None:
    """A server with 512 MiB, so many minutes ago."""
    lease = Lease(
        id=name,
        server=ServerKey(name),
        account_id=None,
        scope=place,
        profile=None,
        requested_at=NOON - timedelta(minutes=began),
        amounts={"servers": servers, "memory": 2**29, **more},
    )
    with house.database.write() as store:
        store.leases.add(lease)
        if ended is not None:
            store.leases.settle(name, NOON - timedelta(minutes=ended))


def history(house, resource="servers", *, period=DAY, place=("andes", None), actor=None):
    plan = house.call(plan_held, actor or actor_of(house, "ana"), *place, resource, period)
    found = [house.call(read_changes, plan, *piece) for piece in plan.pieces()]
    return held_history(plan, found)


def told(house, **place) -> list[dict[str, str]]:
    """The rows for a spreadsheet."""
    return list(csv.DictReader(io.StringIO(held_csv(history(house, **place), house.clock.now()))))


def amounts(steps, last: int) -> list[int]:
    return [amount for _, amount in steps[-last:]]


def test_what_was_held_is_the_most_of_each_step(house) -> None:
    ran(house, "one", began=90, ended=30)
    ran(house, "two", began=45, ended=None)
    found = history(house)
    assert amounts(found.held, 8) == [0, 0, 1, 1, 1, 2, 1, 1]
    assert found.held[0][0] == DAY.start
    assert found.limit == 3
    assert amounts(history(house, "memory").held, 3) == [2**30, 2**29, 2**29]
    assert history(house, "cpu").limit is None


def test_workshop_community_and_hub_each_have_their_own(house) -> None:
    slug = open_taller(house).workshop.slug
    ran(house, "one", began=20, ended=None, place=Scope("andes", slug))
    ran(house, "two", began=20, ended=None)
    ran(house, "three", began=20, ended=None, place=Scope("brasil"))
    for place, actor, wanted in (
        (("andes", slug), None, 1),
        (("andes", None), None, 2),
        ((None, None), OPERATOR, 3),
    ):
        assert amounts(history(house, place=place, actor=actor).held, 1) == [wanted]


def test_only_who_may_look_is_told(house) -> None:
    with pytest.raises(NotFound):
        history(house, place=("brasil", None))
    with pytest.raises(PermissionDenied):
        history(house, place=(None, None))
    for resource in ("beds", "server-time", ""):
        with pytest.raises(NotFound):
            history(house, resource)


def test_what_is_reserved_is_exact_also_of_the_future(house) -> None:
    open_taller(house, seats=3, is_reserved=True, starts_in=2 * HOUR, lasts=3 * HOUR)
    found = history(house, period=Period(NOON - 2 * HOUR, NOON + 12 * HOUR))
    assert found.reserved == [
        (NOON - 2 * HOUR, 0),
        (NOON + 2 * HOUR, 3),
        (NOON + 5 * HOUR, 0),
    ]
    assert found.held[-1][0] < NOON, "nothing is known of what comes"
    *_, last, now, during, after = told(house, period=found.period)
    assert (last["held"], last["reserved"]) == ("0", "0")
    assert (now["at"], now["held"], now["reserved"]) == (NOON.isoformat(), "", "0")
    for row, reserved in ((during, "3"), (after, "0")):
        names = ("held", "reserved", "borrowed", "lent", "limit")
        assert [row[name] for name in names] == ["", reserved, "", "", "3"]


def test_what_was_borrowed_and_lent_is_told_of_both(tmp_path) -> None:
    def owns(slug: str, champion: str) -> Declaration:
        community = replace(andes(slug=slug).community, cohort="south")
        return Declaration(community, Quota({"servers": Limit(share=Share(2))}), (champion,))

    declared = (owns("andes", "ana"), owns("brasil", "bia"))
    house = make_house(tmp_path, communities=declared)
    house.call(apply_declarations, declared, Quota())
    ran(house, "three", began=150, ended=45, servers=3)
    andes_history = history(house)
    brasil = history(house, place=("brasil", None), actor=actor_of(house, "bia"))
    assert amounts(andes_history.borrowed, 4) == [1, 1, 0, 0] or amounts(
        andes_history.borrowed, 5
    ) == [1, 1, 0, 0, 0]
    assert max(amount for _, amount in brasil.lent) == 1
    assert brasil.lent[-1][1] == 0
    assert not andes_history.lent
    assert not brasil.borrowed
    house.close()


def test_a_limit_moves_with_the_loans_of_each_time(tmp_path) -> None:
    declared = tuple(
        Declaration(
            replace(andes(slug=slug).community, cohort="south"),
            Quota({"servers": Limit(share=Share(4, may_borrow=1))}),
            (champion,),
        )
        for slug, champion in (("andes", "ana"), ("brasil", "bia"))
    )
    house = make_house(tmp_path, communities=declared)
    house.settings = replace(house.settings, communities=frozenset())
    ana, bia = (actor_of(house, name) for name in ("ana", "bia"))

    def lent(begin, end):
        times = {"starts_at": NOON + begin * HOUR, "ends_at": NOON + end * HOUR}
        return house.call(lend, ana, "andes", NewLoan("brasil", "servers", 3, **times))

    lent(0, 4)
    later = lent(10, 12)
    house.clock.time = NOON + 2 * HOUR
    period = Period(NOON - 2 * HOUR, NOON + 20 * HOUR)
    place = {"place": ("brasil", None), "actor": bia, "period": period}
    turns = [NOON + hour * HOUR for hour in (-2, 0, 4, 10, 12)]
    assert history(house, **place).limits == list(zip(turns, [5, 8, 5, 8, 5], strict=True))
    assert history(house, period=period).limits == list(zip(turns, [5, 2, 5, 2, 5], strict=True))
    assert history(house, **place).limit == 8, "now"
    house.call(end_loan, bia, "brasil", later.id)
    assert [most for _, most in history(house, **place).limits] == [5, 8, 5]
    rows = told(house, **place)
    assert {row["limit"] for row in rows} == {"5", "8"}
    *before, now = [row["held"] for row in rows if row["limit"] == "8"]
    assert (set(before), now) == ({"0"}, "")
    assert (rows[-1]["held"], rows[-1]["limit"]) == ("", "5"), "the loan ends later"
    house.close()


def test_what_is_on_loan_is_not_called_borrowed(tmp_path) -> None:
    declared = tuple(
        Declaration(
            replace(andes(slug=slug).community, cohort="south"),
            Quota({"servers": Limit(share=Share(2))}),
            (champion,),
        )
        for slug, champion in (("andes", "ana"), ("brasil", "bia"))
    )
    house = make_house(tmp_path, communities=declared)
    house.settings = replace(house.settings, communities=frozenset())
    ana = actor_of(house, "ana")
    house.clock.time = NOON - 4 * HOUR
    loan = NewLoan("brasil", "servers", 2, ends_at=NOON - 2 * HOUR)
    house.call(lend, ana, "andes", loan)
    house.clock.time = NOON
    ran(house, "four", began=239, ended=61, servers=4, place=Scope("brasil"))
    bia = actor_of(house, "bia")
    found = history(house, place=("brasil", None), actor=bia)
    borrowed = {at: amount for at, amount in found.borrowed}
    assert [borrowed[NOON - n * HOUR / 4] for n in (16, 12, 9, 8, 5, 4)] == [0, 0, 0, 2, 2, 0]
    house.close()


def test_a_year_has_few_points_and_a_bounded_number_of_statements(house) -> None:
    for number in range(60):
        ran(house, f"{number}", began=number * 8000 + 500, ended=number * 8000 + 100)
    counts = []
    for days in (30, 366):
        with counted(house) as statements:
            found = history(house, period=last_days(NOON, days))
        assert len(found.held) <= MOST_POINTS
        assert sum(amount for _, amount in found.held) >= days // 6
        counts.append(len(statements))
    assert counts[1] - counts[0] <= 11 * 3, "one transaction for a month: begin, select, end"


def test_what_was_spent_is_told_by_hour_day_or_month_metered_or_not(house) -> None:
    ran(house, "one", began=90, ended=30)
    ran(house, "two", began=3000, ended=2940)
    ana = actor_of(house, "ana")
    for _ in range(2):
        for days, by, last in ((1, "hour", 1800), (30, "day", 3600), (366, "month", 3600)):
            period = last_days(NOON, days)
            found = house.call(spent_history, ana, "andes", None, "server-time", period)
            assert (found.by, found.spent[-1][1]) == (by, last)
            total = sum(amount for _, amount in found.spent)
            assert total == (3600 if days == 1 else 7200)
            spent = house.call(spent_in, ana, "andes", None, period)
            assert spent == {"server-time": total, "memory-time": total * 2**19}
        house.call(meter_leases)
    with pytest.raises(NotFound):
        house.call(spent_history, ana, "andes", None, "servers", DAY)


def test_gpus_that_nobody_limits_are_among_what_was_spent(house) -> None:
    slug = open_taller(house).workshop.slug
    ran(house, "one", began=90, ended=30, **{"gpu.a100": 2})
    ran(house, "two", began=30, ended=20, place=Scope("andes", slug), **{"gpu.t4": 1})
    ran(house, "three", began=9000, ended=8990, place=Scope("brasil"), **{"gpu.h100": 1})
    here = {"gpu-time.a100": 7200, "gpu-time.t4": 600}
    for _ in range(2):
        for place, actor, wanted in (
            (("andes", None), actor_of(house, "ana"), here),
            (("andes", slug), actor_of(house, "ana"), {"gpu-time.t4": 600}),
            (("brasil", None), actor_of(house, "bia"), {}),
            ((None, None), OPERATOR, here),
        ):
            spent = house.call(spent_in, actor, *place, last_days(NOON, 1))
            assert {name: n for name, n in spent.items() if name.startswith("gpu")} == wanted
        house.call(meter_leases)


def test_what_was_spent_is_told_by_whole_hours_wherever_the_time_begins(house) -> None:
    ran(house, "one", began=180, ended=0)
    ana = actor_of(house, "ana")
    for minutes, hours in ((120, 2), (90, 1), (61, 1), (60, 1)):
        period = Period(NOON - timedelta(minutes=minutes), NOON)
        found = house.call(spent_history, ana, "andes", None, "server-time", period)
        assert found.spent == [(NOON - n * HOUR, 3600) for n in range(hours, 0, -1)]
        assert house.call(spent_in, ana, "andes", None, period)["server-time"] == hours * 3600
