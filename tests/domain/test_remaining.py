"""What is left: never more or less than what would pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.ledger import Allowance, Ledger, Request, Rules
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.remaining import Left, remaining
from jupyterhub_communities.domain.reservations import Reservation
from jupyterhub_communities.domain.windows import CalendarMonth, Rolling

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANDES, BRASIL = Scope("andes"), Scope("brasil")
MAPS, ROBOTS = Scope("andes", "maps"), Scope("andes", "robots")
few = st.integers(0, 6)
maybe = st.none() | few


@given(st.data())
def test_one_more_than_what_is_left_does_not_pass(data) -> None:
    shares = {
        ("andes", "servers"): Share(data.draw(few), data.draw(maybe), data.draw(maybe)),
        ("brasil", "servers"): Share(data.draw(few), data.draw(maybe), data.draw(maybe)),
    }
    reservations = [
        Reservation(place, NOON + start * HOUR, NOON + 4 * HOUR, {"servers": n}, NOON)
        for place in (MAPS, ROBOTS)
        if (n := data.draw(few))
        for start in [data.draw(st.integers(-1, 3))]
    ]
    rules = Rules(
        most={(HUB, "servers"): data.draw(st.integers(0, 20))},
        shares=shares,
        cohorts={"andes": "south", "brasil": "south"},
        reservations=reservations,
    )
    ledger = Ledger(rules)
    for place in (ANDES, BRASIL, MAPS, ROBOTS):
        ledger.hold(place, {"servers": data.draw(few)}, NOON)
    scope = data.draw(st.sampled_from([HUB, ANDES, BRASIL, MAPS, ROBOTS]))
    lasts = data.draw(st.integers(1, 5)) * HOUR
    (left,) = remaining(ledger, scope, [{"servers": 1}], NOON, lasts)

    def passes(servers: int) -> bool:
        return ledger.judge(Request(scope, {"servers": servers}, lasts), NOON).fits

    assert all(passes(n) for n in range(1, left.amount + 1))
    assert not passes(left.amount + 1)


def test_what_no_level_limits_is_not_told() -> None:
    assert remaining(Ledger(Rules()), MAPS, [{"servers": 1, "memory": 1}], NOON, HOUR) == ()


def test_of_several_windows_the_one_that_leaves_least_is_told_with_when_it_gives_back() -> None:
    month = Allowance(10 * 3600, CalendarMonth("UTC"))
    week = Allowance(8 * 3600, Rolling(7))
    rules = Rules(spent={(HUB, "server-time"): [month], (ANDES, "server-time"): [month, week]})
    ledger = Ledger(rules)
    assert remaining(ledger, ANDES, [{"servers": 1}], NOON, HOUR) == (
        Left("server-time", 8 * 3600),
    )
    ledger.hold(MAPS, {"servers": 1}, NOON + HOUR)
    ledger.hold(BRASIL, {"servers": 1}, NOON + 1.5 * HOUR)
    at = NOON + 2 * HOUR
    back = NOON + 2 * HOUR + timedelta(days=7)
    assert remaining(ledger, ANDES, [{"servers": 1}], at, HOUR) == (
        Left("server-time", 7 * 3600, back),
    )
    at = NOON + 9 * HOUR  # nothing is left of the week, nor of the hub's month
    (left,) = remaining(ledger, ANDES, [{"servers": 1}], at, HOUR)
    assert left == Left("server-time", 0, datetime(2026, 4, 1, tzinfo=UTC))
