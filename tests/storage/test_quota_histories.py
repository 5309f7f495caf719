"""What is stored against the model of `quota_model`: random histories of the real verbs.

Starts, stops, limits that are raised and cut, reservations, borrowing, clocks that are set, ticks of
the meter, and a hub that lost servers or has others. Whatever happens: what is admitted is what the
model admits, levels add up, no lease is lost or given back twice, and what is spent is the model's,
to the second. Controls break one rule each, and are found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import ClassVar

import pytest
from adding_up import assert_adds_up, assert_metered
from houses import MEDIUM, NOON, SMALL, SetClock, actor_of, andes, make_house, reconcile
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from quota_model import Held, broken, holds_under
from sqlalchemy import delete, func, select
from transactions import writing

from jupyterhub_communities.application import issuing, leases
from jupyterhub_communities.application.admission import set_aside
from jupyterhub_communities.application.communities import Declaration, apply_declarations
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.application.leases import StartRequest
from jupyterhub_communities.application.metering import meter_leases
from jupyterhub_communities.application.reconciling import recount
from jupyterhub_communities.application.workshops import (
    NewWorkshop,
    open_workshop,
    set_reserved,
)
from jupyterhub_communities.domain.borrowing import Share
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.domain.ledger import Rules
from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.metering import whole_second
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.refusals import QuotaExceeded, ReservationTooLarge
from jupyterhub_communities.domain.reservations import LOOK_AHEAD, Reservation, reserved_at
from jupyterhub_communities.domain.units import CPU, SERVERS
from jupyterhub_communities.domain.workshops import Session
from jupyterhub_communities.storage.balances import SqlBalances
from jupyterhub_communities.storage.leases import SqlLeases
from jupyterhub_communities.storage.limits import SqlLimits
from jupyterhub_communities.storage.tables import leases as lease_table
from jupyterhub_communities.storage.tables import metadata, usage

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
EARLY = NOON - timedelta(days=30)  # people came then, so that a clock set back keeps nobody out
LATE = NOON + timedelta(days=90)  # the last session: nobody's time is over before
COMMUNITIES = {"andes": "ana", "brasil": "bia", "congo": "eva"}
WORKSHOPS = {("andes", "uno"): 4, ("andes", "dos"): 3, ("brasil", "uno"): 5}  # seats
PLACES = [Scope(), *map(Scope, COMMUNITIES), *(Scope(*place) for place in WORKSHOPS)]
CORE = 1000
PROFILES = {one.slug: one for one in (SMALL, MEDIUM)}

ROLE_OF = {True: Role.LEARNER, False: Role.HELPER}  # by whether it is of a whole community

limits = st.none() | st.integers(0, 12)
shares = st.none() | st.builds(Share, st.integers(0, 8), limits, limits)
some = st.integers(0, 50)  # one of those that there are


@dataclass
class Running:
    """A lease as the model keeps it."""

    held: Held
    key: ServerKey
    place: Scope
    since: object  # its whole second
    metered: object


class StoredHistories(RuleBasedStateMachine):
    house: ClassVar[House]

    @initialize(
        opens=st.lists(st.integers(-2, 14), min_size=3, max_size=3),
        lasts=st.lists(st.integers(1, 8), min_size=3, max_size=3),
        is_cohort=st.booleans(),
    )
    def begin(self, opens, lasts, is_cohort) -> None:
        self.clock = self.house.clock
        self.clock.time = EARLY
        with writing(self.house.database) as connection:
            for table in reversed(metadata.sorted_tables):
                if not table.name.startswith("audit"):  # which is never deleted from
                    connection.execute(delete(table))
        self.most = {SERVERS: 9, CPU: None}  # of the hub
        self.shares: dict[str, Share | None] = {"andes": Share(5, 3, 3), "brasil": Share(4)}
        self.each: dict[str | None, int | None] = {"andes": 2}  # None: of the hub
        self.cohorts = {"andes": "south", "brasil": "south"} if is_cohort else {}
        self.workshop_most: dict[Scope, int | None] = {}
        self.reserved: dict[Scope, dict[str, int]] = {}
        self.sessions: dict[Scope, list[Session]] = {}
        self.running: dict[str, Running] = {}
        self.ended = 0  # seconds of leases that are settled
        self.counted = 0  # seconds, at the last tick
        self.number = 0
        self._declare()
        for (place, seats), start, hours in zip(WORKSHOPS.items(), opens, lasts, strict=True):
            self._open(Scope(*place), seats, start, hours)
        self.people = [("stranger", Scope())]
        for place in PLACES[1:]:
            self.people += [(self._join(place, n), place) for n in range(2)]
        self.clock.time = NOON

    def _open(self, scope: Scope, seats: int, opens: int, lasts: int) -> None:
        first = Session(NOON + opens * HOUR, NOON + (opens + lasts) * HOUR)
        self.sessions[scope] = [first, Session(LATE, LATE + HOUR)]
        wanted = NewWorkshop(
            title=scope.workshop,
            language="es",
            zone="America/Lima",
            sessions=tuple(self.sessions[scope]),
            seats=seats,
            profile="small",
        )
        champion = actor_of(self.house, COMMUNITIES[scope.community])
        opened = self.house.call(open_workshop, champion, scope.community, wanted)
        assert opened.workshop.slug == scope.workshop

    def _join(self, place: Scope, number: int) -> str:
        champion = actor_of(self.house, COMMUNITIES[place.community])
        # A code beside the workshop's own: a helper's, for it adds no seat.
        issued = self.house.call(
            issuing.issue_invite,
            champion,
            place.community,
            NewInvite(workshop=place.workshop, role=ROLE_OF[place.workshop is None]),
        )
        name = f"{place.key}-{number}"
        return self.house.call(redeem_invite, JoinRequest(issued.code, name, "N")).account.username

    def _declare(self) -> None:
        declared = []
        for slug, champion in COMMUNITIES.items():
            limit = Limit(each=self.each.get(slug), share=self.shares.get(slug))
            quota = Quota({} if limit == Limit() else {SERVERS: limit})
            community = replace(andes(slug=slug).community, cohort=self.cohorts.get(slug))
            declared.append(Declaration(community, quota, (champion,)))
        hub = {what: Limit(most=n) for what, n in self.most.items()}
        hub[SERVERS] = replace(hub[SERVERS], each=self.each.get(None))
        quota = Quota({what: limit for what, limit in hub.items() if limit != Limit()})
        self.house.call(apply_declarations, tuple(declared), quota)

    # The model

    def limits_now(self) -> Rules:
        reservations = [
            Reservation(scope, one.starts_at, one.ends_at, amounts, EARLY)
            for scope, amounts in self.reserved.items()
            for one in self.sessions[scope]
        ]
        return Rules(
            most={(HUB, what): n for what, n in self.most.items() if n is not None},
            shares={(c, SERVERS): share for c, share in self.shares.items() if share is not None},
            cohorts=self.cohorts,
            reservations=reservations,
        )

    def refused(self, new: Held, place: Scope, but: str | None = None) -> set[tuple[str, str]]:
        """The kinds of levels, with resources, at which one more lease would be too much."""
        held = [one.held for lease, one in self.running.items() if lease != but]
        now, rules = self.clock.now(), self.limits_now()
        turns = {t for r in rules.reservations for t in (r.starts_at, r.ends_at)}
        moments = [now, *(at for at in turns if now < at < now + LOOK_AHEAD)]
        found = {(level.kind, what) for level, what in broken(rules, held, new, moments)}
        mine = [one for one in held if one.scope.member == new.scope.member]  # None: the stranger
        for level in (HUB, Scope(place.community)):
            each = self.each.get(level.community)
            if each is not None and holds_under([*mine, new], level, SERVERS) > each:
                found.add(("member", SERVERS))
        return found

    def held_now(self, person: int, profile: str) -> tuple[Held, str, Scope]:
        username, place = self.people[person % len(self.people)]
        with self.house.database.read() as store:
            account = store.accounts.by_username(username)
        scope = replace(place, member=None if account is None else account.id)
        self.number += 1
        return Held(self.number, scope, dict(set_aside(None, PROFILES[profile]))), username, place

    def note(self, lease: str, held: Held, key: ServerKey, place: Scope) -> None:
        now = whole_second(self.clock.now())
        self.running[lease] = Running(held, key, place, now, now)

    def note_end(self, lease: str) -> None:
        one = self.running.pop(lease)
        self.ended += (max(whole_second(self.clock.now()), one.metered) - one.since) // SECOND

    def one_that_runs(self, number: int) -> str:
        return list(self.running)[number % len(self.running)]

    # What happens

    @rule(person=some, profile=st.sampled_from(sorted(PROFILES)))
    def start(self, person, profile) -> None:
        held, username, place = self.held_now(person, profile)
        lease = f"lease-{held.number}"
        self.admit(lease, held, ServerKey(username, lease), place, profile)

    def admit(self, lease, held, key, place, profile, but: str | None = None) -> None:
        expected = self.refused(held, place, but)
        scope = None if place == HUB else place
        request = StartRequest(lease, key, profile=profile, scope=scope)
        told = set()
        try:
            self.house.call(leases.admit, request)
        except QuotaExceeded as refusal:
            told = {(one.scope, one.resource) for one in refusal.violations} or {("nobody", "")}
        assert told == expected, "of each limit, whether it is overstepped"
        if told:
            return
        if but is not None:
            self.note_end(but)
        self.note(lease, held, key, place)

    @rule(profile=st.sampled_from(sorted(PROFILES)))
    def look_at_all(self, profile) -> None:
        """As in a rush: what everybody is told by one look is what each would be told alone."""
        expected, requests = {}, {}
        for number in range(len(self.people)):
            held, username, place = self.held_now(number, profile)
            key = f"look-{held.number}"
            scope = None if place == HUB else place
            requests[key] = StartRequest(
                key, ServerKey(username, key), profile=profile, scope=scope
            )
            if refused := self.refused(held, place):
                expected[key] = refused
        told = self.house.call(leases.refusals_of, requests)
        violations = {
            key: {(one.scope, one.resource) for one in refusal.violations}
            for key, refusal in told.items()
        }
        assert violations == expected, "of each limit, whether it is overstepped"
        for key, request in requests.items():
            alone = self.house.call(leases.refusals_of, {key: request})
            assert repr(alone.get(key)) == repr(told.get(key))

    @precondition(lambda self: self.running)
    @rule(which=some, profile=st.sampled_from(sorted(PROFILES)))
    def start_again(self, which, profile) -> None:
        """A server whose stop was never told: its lease goes, if the new one fits in its place."""
        old = self.one_that_runs(which)
        one = self.running[old]
        self.number += 1
        held = Held(self.number, one.held.scope, dict(set_aside(None, PROFILES[profile])))
        self.admit(f"lease-{self.number}", held, one.key, one.place, profile, but=old)

    @precondition(lambda self: self.running)
    @rule(which=some)
    def stop(self, which) -> None:
        lease = self.one_that_runs(which)
        assert self.house.call(leases.settle, lease)
        assert not self.house.call(leases.settle, lease), "given back once"
        self.note_end(lease)

    @rule(
        lost=st.sets(some, max_size=3), extra=st.lists(some, max_size=2), age=st.integers(0, 7200)
    )
    def reconcile(self, lost, extra, age) -> None:
        """The Hub has lost some servers, and has others that nobody asked for."""
        snapshot_at = self.clock.now() - age * SECOND
        gone = {self.one_that_runs(n) for n in lost} if self.running else set()
        servers = {
            one.key: RunningServer(one.key, ready=True)
            for lease, one in self.running.items()
            if lease not in gone
        }
        for number, person in enumerate(extra):
            key = ServerKey(self.people[person % len(self.people)][0], f"x{self.number}-{number}")
            servers[key] = RunningServer(key, ready=False)
        with self.house.database.read() as store:
            asked = {one.id: one.requested_at for one in store.leases.unsettled()}
        mended = reconcile(self.house, servers, snapshot_at)
        expected = {lease for lease in gone if asked[lease] < snapshot_at}
        assert {one.id for one in mended.settled} == expected
        for lease in expected:
            self.note_end(lease)
        assert len(mended.adopted) == len(extra)
        places = dict(self.people)
        for lease in mended.adopted:
            place = places[lease.server.username]
            assert lease.scope == place
            self.number += 1
            held = Held(self.number, lease.charged, {SERVERS: 1})
            self.note(lease.id, held, lease.server, place)

    @rule(what=st.sampled_from([SERVERS, CPU]), most=limits)
    def set_hub_limit(self, what, most) -> None:
        self.most[what] = most if most is None or what == SERVERS else most * CORE // 2
        self._declare()

    @rule(each=limits)
    def set_hub_each(self, each) -> None:
        self.each[None] = each
        self._declare()

    @rule(community=st.sampled_from(sorted(COMMUNITIES)), share=shares, each=limits)
    def set_community(self, community, share, each) -> None:
        self.shares[community], self.each[community] = share, each
        self._declare()

    @rule(community=st.sampled_from(sorted(COMMUNITIES)), cohort=st.none() | st.just("south"))
    def move_community(self, community, cohort) -> None:
        self.cohorts = {c: name for c, name in self.cohorts.items() if c != community}
        if cohort is not None:
            self.cohorts[community] = cohort
        self._declare()

    @rule(place=st.sampled_from(sorted(WORKSHOPS)), keeps=st.sampled_from([True, True, False]))
    def reserve(self, place, keeps) -> None:
        scope = Scope(*place)
        champion = actor_of(self.house, COMMUNITIES[scope.community])
        call = partial(self.house.call, set_reserved, champion, *place, is_reserved=keeps)
        if not keeps:
            call()
            self.reserved.pop(scope, None)
            return
        if scope in self.reserved:
            call()
            return
        seats = WORKSHOPS[place]
        new = {what: seats * n for what, n in set_aside(None, SMALL).items()}
        fits = self.calendar_has(scope, new)
        try:
            call()
        except ReservationTooLarge:
            assert not fits
            return
        assert fits, "promised twice"
        self.reserved[scope] = new

    def calendar_has(self, scope: Scope, new: dict[str, int]) -> bool:
        """Is there enough at each moment of each session, by what is owned?"""
        now = self.clock.now()
        known = [one for one in self.limits_now().reservations if one.ends_at > now]
        share = self.shares.get(scope.community)
        owned = {SERVERS: None if share is None else share.nominal}
        theirs = [one for one in known if one.scope.community == scope.community]
        for session in self.sessions[scope]:
            if session.ends_at <= now:
                continue
            moments = [session.starts_at, *(one.starts_at for one in known)]
            for at in moments:
                if not session.starts_at <= at < session.ends_at:
                    continue
                for most, others in ((owned, theirs), (self.most, known)):
                    for what, wanted in new.items():
                        limit = most.get(what)
                        if limit is not None and reserved_at(others, what, at) + wanted > limit:
                            return False
        return True

    @rule(seconds=st.sampled_from([-7200, -61, -1, 1, 59, 600, 3599, 3600, 20_000, 86_400]))
    def move_clock(self, seconds) -> None:
        self.clock.advance(seconds=seconds + 0.4)

    @rule()
    def tick(self) -> None:
        self.house.call(meter_leases)
        now = whole_second(self.clock.now())
        self.counted = self.ended
        for one in self.running.values():
            one.metered = max(one.metered, now)
            self.counted += (one.metered - one.since) // SECOND

    @rule(minutes=st.integers(1, 3), more=st.integers(0, 59))
    def run_by_the_minute(self, minutes, more) -> None:
        """Of what runs no more is in doubt than since the last minute."""
        self.tick()
        for _ in range(minutes):
            self.clock.advance(minutes=1)
            self.tick()
        self.clock.advance(seconds=more)
        now = whole_second(self.clock.now())
        exact = self.ended + sum(
            (max(one.metered, now) - one.since) // SECOND for one in self.running.values()
        )
        assert 0 <= exact - self.spent() <= 60 * len(self.running)

    def spent(self) -> int:
        with self.house.database.engine.connect() as connection:
            total = connection.execute(select(func.sum(usage.c.server_time))).scalar()
        return int(total or 0)

    # What always holds

    @invariant()
    def no_lease_is_lost_or_there_twice(self) -> None:
        query = select(lease_table.c.id).where(lease_table.c.settled_at.is_(None))
        with self.house.database.engine.connect() as connection:
            assert set(connection.execute(query).scalars()) == set(self.running)

    @invariant()
    def levels_add_up_to_what_the_model_holds(self) -> None:
        held = [one.held for one in self.running.values()]
        with self.house.database.read() as store:
            for place in PLACES:
                found = store.balances.get(place, SERVERS).held
                assert found == holds_under(held, place, SERVERS)
        assert_adds_up(self.house)

    @invariant()
    def what_is_spent_is_what_the_leases_spent_up_to_the_last_tick(self) -> None:
        assert self.spent() == self.counted

    def teardown(self) -> None:
        if hasattr(self, "running"):
            assert self.house.call(recount) == 0
            assert_metered(self.house)


def histories_of(house: House) -> type[StoredHistories]:
    return type("StoredHistories", (StoredHistories,), {"house": house})


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, clock=SetClock())
    yield house
    house.close()


def test_whatever_happens_the_database_says_what_the_model_says(house, database) -> None:
    examples = 80 if database == "sqlite" else 15
    run_state_machine_as_test(
        histories_of(house),
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )


# Controls: rules that are broken


def hub_keeps_what_is_given_back(monkeypatch) -> None:
    hold = SqlBalances.hold

    def forgets(self, holds):
        return hold(self, [h for h in holds if h.scope != HUB or h.amount > 0])

    monkeypatch.setattr(SqlBalances, "hold", forgets)


def caps_are_not_asked(monkeypatch) -> None:
    hold = leases.hold
    monkeypatch.setattr(leases, "hold", lambda *asked, **_: hold(*asked, is_capped=False))


def reservations_are_not_seen(monkeypatch) -> None:
    """By who starts; the calendar knows them."""
    known = SqlBalances.reservations

    def sees_none(self, now, until=None, *, are_kept=False):
        return [] if are_kept else known(self, now, until)

    monkeypatch.setattr(SqlBalances, "reservations", sees_none)


def pools_are_not_added_up_anew(monkeypatch) -> None:
    monkeypatch.setattr(SqlLimits, "add_up_cohorts", lambda self: 0)


def what_is_settled_is_settled_again(monkeypatch) -> None:
    settle = SqlLeases.settle
    monkeypatch.setattr(SqlLeases, "settle", lambda *call: settle(*call) or True)


def seconds_are_counted_twice(monkeypatch) -> None:
    monkeypatch.setattr(SqlLeases, "note_metered", lambda *call, **more: None)


BROKEN: list[Callable[[pytest.MonkeyPatch], None]] = [
    hub_keeps_what_is_given_back,
    caps_are_not_asked,
    reservations_are_not_seen,
    pools_are_not_added_up_anew,
    what_is_settled_is_settled_again,
    seconds_are_counted_twice,
]


@pytest.mark.parametrize("breaks", BROKEN)
def test_a_rule_that_is_broken_is_found(tmp_path, monkeypatch, breaks) -> None:
    house = make_house(tmp_path, clock=SetClock())
    breaks(monkeypatch)
    try:
        with pytest.raises(AssertionError):
            run_state_machine_as_test(
                histories_of(house),
                settings=settings(
                    max_examples=1000,  # what it comes upon depends on the modules that are loaded
                    stateful_step_count=25,
                    phases=[Phase.generate],  # found is enough: it need not be made small
                    derandomize=True,
                    database=None,
                    report_multiple_bugs=False,
                    print_blob=False,
                    suppress_health_check=list(HealthCheck),
                ),
            )
    finally:
        house.close()
