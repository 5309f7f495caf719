"""The ledger against the model of `quota_model`: random histories of starts, stops, limit changes,
reservations and clock steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from quota_model import Held, broken, holds_under

from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.each import EachLimit
from jupyterhub_communities.domain.earliest import End
from jupyterhub_communities.domain.ledger import Ledger, Request, Rules
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import ReservationTooLarge
from jupyterhub_communities.domain.reservations import (
    Reservation,
    check_reservations,
    overbookings,
    reserved_at,
)
from jupyterhub_communities.domain.windows import (
    WholeGrant,
)

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CPU, SERVERS = "cpu", "servers"
COMMUNITIES = ["andes", "brasil", "congo"]
WORKSHOPS = [Scope("andes", "w1"), Scope("andes", "w2"), Scope("brasil", "w1")]
PLACES = [HUB, *map(Scope, COMMUNITIES), *WORKSHOPS]

places = st.sampled_from([*PLACES[1:], *PLACES])  # rarely nobody's
scopes = st.builds(
    lambda place, member: replace(place, member=member),
    places,
    st.sampled_from([None, "ana", "luz"]),
)
amounts = st.fixed_dictionaries({SERVERS: st.just(1), CPU: st.integers(0, 6)})
limits = st.none() | st.integers(0, 20)
shares = st.builds(Share, st.integers(0, 20), limits, limits)


class Histories(RuleBasedStateMachine):
    """Whatever happens, the ledger says what the model says."""

    leases = Bundle("leases")
    reservations = Bundle("reservations")

    @initialize(cohort=st.booleans())
    def begin(self, cohort) -> None:
        self.now = self.latest = NOON
        self.seconds = 0  # of all leases, by a clock that is never set back
        self.held: list[Held] = []
        self.number = 0
        cohorts = {"andes": "south", "brasil": "south"} if cohort else {}
        andes = Scope("andes")
        self.rules = Rules(
            most={(HUB, CPU): 18, (WORKSHOPS[0], SERVERS): 4},
            most_each={(andes, SERVERS): [EachLimit(andes, 2)]},
            shares={("andes", CPU): Share(12, 6, 8), ("brasil", CPU): Share(10)},
            cohorts=cohorts,
        )
        self.ledger = Ledger(self.rules)

    def change(self, **changes) -> None:
        self.rules = replace(self.rules, **changes)
        self.ledger.set_rules(self.rules, self.now)

    def begin_lease(self, scope, amounts) -> Held:
        self.number += 1
        return Held(self.number, scope, amounts)

    @rule(
        target=leases,
        starts=st.lists(st.tuples(scopes, amounts, st.integers(0, 12)), min_size=1, max_size=5),
    )
    def start(self, starts):
        return multiple(*(lease for one in starts if (lease := self.start_one(*one))))

    def start_one(self, scope, amounts, lasts) -> Held | None:
        lease = self.begin_lease(scope, amounts)
        lasts = lasts * HOUR
        verdict = self.ledger.judge(Request(scope, amounts, lasts), self.now)
        hours = [self.now + n * HOUR for n in range(max(1, lasts // HOUR))]
        expected = broken(self.rules, self.held, lease, hours)
        assert {(claim.scope, claim.resource) for claim in verdict.exceeded} == expected
        if not verdict.fits:
            return None
        levels = [(level, r) for level in self.rules.path(scope) for r in amounts]
        before = [self.ledger.held(*level) for level in levels]
        self.ledger.hold(scope, amounts, self.now)
        self.held.append(lease)
        for level, held in zip(levels, before, strict=True):
            limit = self.rules.limit(*level)
            if limit is not None and self.ledger.held(*level) > held:
                assert self.ledger.held(*level) <= limit, "admission oversteps no limit"
        return lease

    @rule(target=leases, scope=scopes, amounts=amounts)
    def adopt(self, scope, amounts):
        """A server that runs already, even over the limit."""
        lease = self.begin_lease(scope, amounts)
        self.ledger.hold(scope, amounts, self.now)
        self.held.append(lease)
        return lease

    @rule(lease=consumes(leases))
    def stop(self, lease) -> None:
        self.ledger.release(lease.scope, lease.amounts, self.now)
        self.held.remove(lease)

    @rule(community=st.sampled_from(COMMUNITIES), share=st.none() | shares)
    def set_share(self, community, share) -> None:
        kept = {key: s for key, s in self.rules.shares.items() if key != (community, CPU)}
        self.change(shares=kept if share is None else {**kept, (community, CPU): share})

    @rule(scope=st.sampled_from(PLACES), resource=st.sampled_from([CPU, SERVERS]), most=limits)
    def set_limit(self, scope, resource, most) -> None:
        kept = {key: n for key, n in self.rules.most.items() if key != (scope, resource)}
        self.change(most=kept if most is None else {**kept, (scope, resource): most})

    @rule(community=st.sampled_from(COMMUNITIES), cohort=st.sampled_from([None, "south", "north"]))
    def move_community(self, community, cohort) -> None:
        kept = {c: name for c, name in self.rules.cohorts.items() if c != community}
        self.change(cohorts=kept if cohort is None else {**kept, community: cohort})

    @rule(hours=st.integers(-5, 30))
    def move_clock(self, hours) -> None:
        self.now += hours * HOUR
        if self.now > self.latest:
            self.seconds += len(self.held) * ((self.now - self.latest) // timedelta(seconds=1))
            self.latest = self.now

    @rule(
        target=reservations,
        wishes=st.lists(
            st.tuples(
                st.sampled_from(WORKSHOPS),
                st.integers(-2, 20),
                st.integers(1, 8),
                st.integers(0, 14),
            ),
            min_size=1,
            max_size=3,
        ),
    )
    def reserve(self, wishes):
        return multiple(*(made for wish in wishes if (made := self.reserve_one(*wish))))

    def reserve_one(self, workshop, opens, lasts, cpu) -> Reservation | None:
        starts_at = self.now + opens * HOUR
        new = Reservation(workshop, starts_at, starts_at + lasts * HOUR, {CPU: cpu}, self.now)
        share = self.rules.shares.get((workshop.community, CPU))
        owned = {} if share is None else {CPU: share.nominal}
        others = [r for r in self.rules.reservations if r.scope.community == workshop.community]
        hours = [starts_at + n * HOUR for n in range(lasts)]
        most = max(reserved_at([*others, new], CPU, hour) for hour in hours)
        try:
            check_reservations([new], others, owned)
        except ReservationTooLarge as refused:
            left = refused.left
        else:
            left = None
        if left is not None:
            assert most > share.nominal
            assert left == max(0, share.nominal - (most - cpu))
            return None
        assert share is None or most <= share.nominal or not cpu
        self.change(reservations=[*self.rules.reservations, new])
        return new

    @rule(reservation=consumes(reservations))
    def close(self, reservation) -> None:
        """A workshop is closed by hand."""
        left = list(self.rules.reservations)
        left.remove(reservation)
        self.change(reservations=left)

    @invariant()
    def counters_are_what_the_leases_add_up_to(self) -> None:
        for resource in (CPU, SERVERS):
            for level in {level for one in self.held for level in one.scope.path()} | set(PLACES):
                assert self.ledger.held(level, resource) == holds_under(self.held, level, resource)

    @invariant()
    def what_is_held_below_a_level_is_what_the_level_holds(self) -> None:
        held = self.ledger.held
        for resource in (CPU, SERVERS):
            members = [replace(p, member=m) for p in PLACES for m in ("ana", "luz")]
            nodes = {*PLACES[1:], *members}
            for parent in PLACES:
                children = [node for node in nodes if node.path()[-2] == parent]
                direct = sum(o.amounts[resource] for o in self.held if o.scope == parent)
                below = sum(held(child, resource) for child in children)
                assert held(parent, resource) == below + direct
            for cohort in ("south", "north"):
                drawn = [
                    max(0, held(Scope(c), resource) - self.rules.shares[c, resource].guaranteed)
                    for c in COMMUNITIES
                    if self.rules.cohorts.get(c) == cohort and (c, resource) in self.rules.shares
                ]
                assert held(Scope(cohort=cohort), resource) == sum(drawn)

    @invariant()
    def what_is_spent_below_a_level_is_what_the_level_spends(self) -> None:
        always = WholeGrant(NOON - timedelta(days=3650))

        def spent(scope: Scope) -> int:
            return self.ledger.spent(scope, "server-time", always, self.now)

        for parent in [HUB, *map(Scope, COMMUNITIES)]:
            nodes = [*PLACES[1:], *(replace(p, member=m) for p in PLACES for m in ("ana", "luz"))]
            below = sum(spent(node) for node in nodes if node.path()[-2] == parent)
            assert spent(parent) >= below, "some are charged to the place itself"
        assert spent(HUB) == self.seconds, "of all leases together"

    @rule(community=st.sampled_from(COMMUNITIES), hours=st.integers(0, 24))
    def look_who_must_give(self, community, hours) -> None:
        share = self.rules.shares.get((community, CPU))
        if share is None:
            return
        own = [r for r in self.rules.reservations if r.scope.community == community]
        over = overbookings(own, {CPU: share.nominal}, self.now)
        assert all(
            sum(giving.amount for giving in one.givers) == one.reserved - one.owned > 0
            for one in over
        )
        at = self.now + hours * HOUR
        found = [one.reserved for one in over if one.starts_at <= at < one.ends_at]
        reserved = reserved_at(own, CPU, at)
        assert found == ([reserved] if reserved > share.nominal else [])


class Promises(RuleBasedStateMachine):
    """Where nobody cuts a limit and servers stop in time, a workshop gets what it reserved: neither
    its own community nor borrowers stand in its way."""

    @initialize(nominals=st.lists(st.integers(0, 12), min_size=2, max_size=2), lend=limits)
    def begin(self, nominals, lend) -> None:
        self.now = NOON
        self.ends: list[End] = []
        self.rules = Rules(
            most={(HUB, CPU): sum(nominals)},
            shares={
                ("andes", CPU): Share(nominals[0], may_lend=lend),
                ("brasil", CPU): Share(nominals[1]),
            },
            cohorts={"andes": "south", "brasil": "south"},
        )
        self.ledger = Ledger(self.rules)

    @rule(
        starts=st.lists(
            st.tuples(
                st.sampled_from([Scope("andes"), Scope("brasil"), *WORKSHOPS]),
                st.integers(1, 6),
                st.integers(1, 12),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def start(self, starts) -> None:
        for scope, cpu, lasts in starts:
            self.start_one(Request(scope, {CPU: cpu}, lasts * HOUR))

    def start_one(self, request) -> None:
        if self.ledger.judge(request, self.now).fits:
            self.ledger.hold(request.scope, request.amounts, self.now)
            self.ends.append(End(self.now + request.lasts, request.scope, request.amounts))

    @rule(
        workshop=st.sampled_from(WORKSHOPS),
        opens=st.integers(12, 30),
        lasts=st.integers(1, 8),
        cpu=st.integers(1, 12),
    )
    def reserve(self, workshop, opens, lasts, cpu) -> None:
        starts_at = self.now + opens * HOUR
        new = Reservation(workshop, starts_at, starts_at + lasts * HOUR, {CPU: cpu}, self.now)
        others = [r for r in self.rules.reservations if r.scope.community == workshop.community]
        owned = {CPU: self.rules.shares[workshop.community, CPU].nominal}
        try:
            check_reservations([new], others, owned)
        except ReservationTooLarge:
            return
        self.rules = replace(self.rules, reservations=[*self.rules.reservations, new])
        self.ledger.set_rules(self.rules, self.now)

    @rule(hours=st.integers(1, 12))
    def wait(self, hours) -> None:
        for _ in range(hours):
            self.now += HOUR
            for end in [end for end in self.ends if end.at <= self.now]:
                self.ends.remove(end)
                self.ledger.release(end.scope, end.amounts, self.now)
            self.check_promises()

    def check_promises(self) -> None:
        for one in self.rules.reservations:
            held = self.ledger.held(one.scope, CPU)
            together = reserved_at(
                [r for r in self.rules.reservations if r.scope == one.scope], CPU, self.now
            )
            if one.holds(self.now) and held < one.amount(CPU) == together:
                rest = {CPU: one.amount(CPU) - held}
                request = Request(one.scope, rest, one.ends_at - self.now)
                assert self.ledger.judge(request, self.now).fits


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=25)
TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=30, stateful_step_count=25)
