"""What may be spent over windows, against a model that adds up seconds: random histories of starts,
stops, limits, hours that pass, and a meter that is read now and then, or not for days.

A control leaves out one of two windows, and is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from houses import NOON, SetClock, actor_of, andes, make_house, open_taller
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import delete, update
from transactions import writing

from jupyterhub_communities.application import issuing, leases
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Allowance, Ledger
from jupyterhub_communities.domain.limits import Quota, Spending
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import QuotaExceeded
from jupyterhub_communities.domain.remaining import remaining
from jupyterhub_communities.domain.reservations import LOOK_AHEAD
from jupyterhub_communities.domain.units import SERVER_TIME, SERVERS
from jupyterhub_communities.domain.windows import HOUR, CalendarMonth, Rolling, WholeGrant, Window
from jupyterhub_communities.storage.tables import balances, marks, spent, usage
from jupyterhub_communities.storage.tables import leases as lease_table

SECOND = timedelta(seconds=1)
RUNWAY = 15 * 60  # seconds, of each server
DOUBT = 75  # seconds of each server, since the meter was read last

places = st.sampled_from([Scope("andes", "uno"), Scope("andes", "dos"), Scope("andes")])
levels = st.sampled_from([HUB, Scope("andes"), Scope("andes", "uno")])
windows = st.builds(
    lambda hours, window, is_each: Spending(
        SERVER_TIME, Allowance(hours * 3600, window), is_each=is_each
    ),
    st.integers(1, 30),
    st.one_of(
        st.builds(Rolling, st.integers(1, 9)),
        st.sampled_from([CalendarMonth("UTC"), WholeGrant(NOON - timedelta(days=3))]),
    ),
    st.booleans(),
)


@dataclass
class Run:
    """A server, as the model keeps it."""

    place: Scope
    person: str
    since: object
    until: object = None

    def seconds(self, begins, now) -> int:
        return max(timedelta(), (self.until or now) - max(self.since, begins)) // SECOND


class WindowHistories(RuleBasedStateMachine):
    house: ClassVar[House]
    people: ClassVar[list[str]]

    @initialize()
    def begin(self) -> None:
        self.house.clock.time = NOON
        with writing(self.house.database) as connection:
            for table in (lease_table, usage, spent, marks):
                connection.execute(delete(table))
            connection.execute(update(balances).values(held=0))
        for level in (HUB, Scope("andes"), Scope("andes", "uno")):
            self.limit(level, [])
        self.house.call(meter_leases)
        self.runs: dict[str, Run] = {}
        self.number = 0
        self.limits: dict[Scope, list[Spending]] = {}

    def limit(self, level: Scope, spending: list[Spending]) -> None:
        with self.house.database.write() as store:
            store.limits.set_quota(level, Quota({}, tuple(spending)))

    @rule(
        level=levels,
        spending=st.lists(windows, max_size=3, unique_by=lambda s: (s.is_each, s.allowance.window)),
    )
    def set_limits(self, level, spending) -> None:
        self.limit(level, spending)
        self.limits[level] = spending

    @rule(minutes=st.sampled_from([1, 2, 59, 60, 61, 300, 1440, 3000]), ticks=st.booleans())
    def pass_time(self, minutes, ticks) -> None:
        self.house.clock.advance(minutes=minutes)
        if ticks:
            self.house.call(meter_leases)

    @rule(which=st.integers(0, 50))
    def stop(self, which) -> None:
        going = [lease for lease, run in self.runs.items() if run.until is None]
        if going:
            lease = going[which % len(going)]
            assert self.house.call(leases.settle, lease)
            self.runs[lease].until = self.house.clock.now()

    @rule(place=places, person=st.integers(0, 1))
    def start(self, place, person) -> None:
        username = self.people[person]
        self.number += 1
        lease = f"lease-{self.number}"
        request = StartRequest(lease, ServerKey(username, lease), scope=place)
        looked = self.house.call(leases.refusals_of, {lease: request})
        try:
            self.house.call(leases.admit, request)
        except QuotaExceeded:
            assert looked, "told alike by a look"
            assert self.missing(place, username) > -DOUBT * self.going
            return
        assert not looked, "told alike by a look"
        assert self.missing(place, username) <= 0, "overspent"
        self.runs[lease] = Run(place, username, self.house.clock.now())

    @rule(place=places, person=st.integers(0, 1))
    def look(self, place, person) -> None:
        """What is left, and until when, is told by the sums as by all the hours."""
        now = self.house.clock.now()
        with self.house.database.read() as store:
            account = store.accounts.by_username(self.people[person])
            scope = replace(place, member=account.id)
            wanted = (scope, {SERVERS: 1}, now, now + LOOK_AHEAD)
            told = [
                remaining(
                    store.balances.standing(*wanted, hours=hours), scope, [SERVERS], now, HOUR
                )
                for hours in ("first", "each")
            ]
            each = store.balances.standing(*wanted, hours="each")
        assert told[0] == told[1]
        doubt = DOUBT * self.going
        for (level, resource), allowed in each.rules.spent.items():
            for one in allowed if level.member is None else ():
                for later in (0, 1, 25, 45 * 24):  # hours: what runs then has run on
                    at = now + later * HOUR
                    found = each.copy().spent(level, resource, one.window, at)
                    assert 0 <= found - self.spent(level, one.window, at) <= doubt

    @property
    def going(self) -> int:
        """Servers, of which each may be taken to have run since the meter was read last."""
        return sum(1 for run in self.runs.values() if run.until is None)

    def spent(self, level: Scope, window: Window, at: datetime) -> int:
        begins = window.begins_at(at)
        runs = (run for run in self.runs.values() if level in run.place.path())
        return sum(run.seconds(begins, at) for run in runs)

    def missing(self, place: Scope, person: str) -> int:
        """By how many seconds one more server would be too much, where it is nearest to it."""
        now = self.house.clock.now()
        found = [-(10**9)]
        for level, limited in self.limits.items():
            if level not in place.path():
                continue
            for one in limited:
                begins = one.allowance.window.begins_at(now)
                runs = [
                    run
                    for run in self.runs.values()
                    if level in run.place.path() and (not one.is_each or run.person == person)
                ]
                used = sum(run.seconds(begins, now) for run in runs)
                going = sum(1 for run in runs if run.until is None)
                found.append((going + 1) * RUNWAY - (one.allowance.limit - used))
        return max(found)


@pytest.fixture
def machine(database, tmp_path):
    house = make_house(tmp_path, clock=SetClock(), communities=(andes(servers=None),))
    ana = actor_of(house, "ana")
    for title in ("Uno", "Dos"):
        open_taller(house, title=title, lasts=timedelta(days=4000))
    codes = [
        house.call(issuing.issue_invite, ana, "andes", NewInvite(workshop=slug, role=role))
        for slug, role in (("uno", Role.HELPER), ("dos", Role.HELPER), (None, Role.LEARNER))
    ]
    people = ["luz", "rosa"]
    for person in people:
        for code in codes:
            asked = JoinRequest(code.link, f"{person} {code.link}", person, username=person)
            house.call(redeem_invite, asked)
    yield type("Histories", (WindowHistories,), {"house": house, "people": people})
    house.close()


def run(machine, examples: int, **more) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
            **more,
        ),
    )


def test_what_may_be_spent_is_what_the_model_says(machine, database) -> None:
    run(machine, 60 if database == "sqlite" else 8)


def one_window_hides_another(monkeypatch) -> None:
    claims = Ledger.claims

    def last_of_each(self, request, now):
        return iter({(one.scope, one.resource): one for one in claims(self, request, now)}.values())

    monkeypatch.setattr(Ledger, "claims", last_of_each)


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_rule_that_is_broken_is_found(machine, monkeypatch) -> None:
    one_window_hides_another(monkeypatch)
    with pytest.raises(AssertionError):
        run(
            machine,
            3000,  # what it comes upon depends on the modules that are loaded
            phases=[Phase.generate],
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            print_blob=False,
        )
