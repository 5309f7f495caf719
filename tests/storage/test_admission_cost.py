"""What a start and a stop cost in SQL: the same however many leases there are, on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from houses import NOON, SetClock, actor_of, andes, make_house, open_taller
from sqlalchemy import event, insert
from transactions import writing

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import (
    StartRequest,
    admit,
    settle_server,
    start_choices,
)
from jupyterhub_communities.application.news import news_of
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.metering import METERED
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.units import CPU, MEMORY, SERVER_TIME, SERVERS
from jupyterhub_communities.domain.windows import HOUR, Rolling, hour_of
from jupyterhub_communities.storage.tables import balances, leases, spent

MONTH = Allowance(10**9, Rolling(30))
LIMITED = Quota(
    {SERVERS: Limit(most=50_000), CPU: Limit(most=10**9), MEMORY: Limit(most=2**50)},
    (Spending(SERVER_TIME, MONTH), Spending(SERVER_TIME, MONTH, is_each=True)),
)


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, clock=SetClock(NOON), communities=(andes(servers=None),))
    with house.database.write() as store:
        store.limits.set_quota(HUB, LIMITED)
        store.limits.set_quota(Scope("andes"), LIMITED)
        store.marks.set(METERED, NOON)
    yield house
    house.close()


def statements(house, verb, *args) -> Counter[str]:
    """What the verb asked of the database, by kind."""
    asked: Counter[str] = Counter()

    def count(_connection, _cursor, statement, *_more) -> None:
        asked[statement.split(None, 1)[0]] += 1

    def count_transaction(_connection) -> None:
        asked["transaction"] += 1

    counts = {"before_cursor_execute": count, "begin": count_transaction}
    for what, counter in counts.items():
        event.listen(house.database.engine, what, counter)
    try:
        house.call(verb, *args)
    finally:
        for what, counter in counts.items():
            event.remove(house.database.engine, what, counter)
    return asked


class Steps:
    """Of SQLite's own machine, which fetches each row: the same on every computer."""

    def __init__(self, house) -> None:
        self.count = 0
        event.listen(house.database.engine, "checkout", self._listen)

    def _listen(self, connection, *_more) -> None:
        connection.set_progress_handler(self._step, 10)

    def _step(self) -> None:
        self.count += 1


def start_and_stop(house, username: str) -> tuple[Counter[str], Counter[str]]:
    request = StartRequest(house.chance.identifier(), ServerKey(username, "counted"))
    started = statements(house, admit, request)
    return started, statements(house, settle_server, request.server)


def test_a_start_and_a_stop_ask_as_much_with_ten_leases_as_with_thousands(house) -> None:
    opened = open_taller(house, seats=None)
    names = []
    for name in ("Rosa", "Luz"):
        joined = house.call(redeem_invite, JoinRequest(opened.learner_invite.code, name, name))
        names.append(joined.account.username)
    first_start, first_stop = start_and_stop(house, names[0])
    rows = [
        {
            "id": f"{state}-{number}",
            "hub": "hub",
            "username": f"other-{number}",
            "server_name": "",
            "account_id": f"account-{number}",
            "community": "andes",
            "requested_at": NOON - timedelta(days=number % 30, hours=1),
            "active_at": NOON,
            "settled_at": NOON if state == "settled" else None,
            "metered_at": NOON if state == "settled" else None,
            "adopted": False,
        }
        for state, most in (("settled", 3000), ("active", 1000))
        for number in range(most)
    ]
    with writing(house.database) as connection:
        connection.execute(insert(leases), rows)
    start_and_stop(house, names[1])  # the first of a person makes their rows
    start, stop = start_and_stop(house, names[1])
    assert start["transaction"] == stop["transaction"] == 1
    # SELECT: the person with their grants; the workshop with its sessions (2); a lease that the server
    # left behind, counters with what may be spent (2); sites, reservations and what is not metered yet where
    # there are any; of the hub and of the community what was spent, up to the window and up to now; the
    # person's own hours at the place and elsewhere, once for both lengths of window (2).
    # The counters of all levels are one UPDATE, the lease is one INSERT.
    assert (start["SELECT"], start["UPDATE"], start["INSERT"]) == (7, 1, 1)
    # The lease and the counters, nothing looked up before.
    assert (stop["SELECT"], stop["UPDATE"], stop["INSERT"]) == (0, 2, 0)
    assert first_start["SELECT"] == start["SELECT"] - 1, "nothing has ended yet"
    assert first_start["INSERT"] == start["INSERT"] + 1, "rows of somebody's own"
    assert first_stop == stop


def test_what_is_left_is_told_as_quickly_of_a_long_window_as_of_a_short_one(tmp_path) -> None:
    house = make_house(tmp_path, clock=SetClock(NOON), communities=(andes(servers=None),))
    joined = JoinRequest(open_taller(house).learner_invite.code, "Rosa", "Rosa")
    username = house.call(redeem_invite, joined).account.username
    steps = Steps(house)

    def costs(days: int) -> tuple[int, int]:
        """In steps and statements, of Home and of the form."""
        window = Allowance(10**12, Rolling(days))
        for level in (HUB, Scope("andes")):
            with house.database.write() as store:
                limits = tuple(Spending(what, window) for what in (SERVER_TIME, "cpu-time"))
                store.limits.set_quota(level, Quota({}, limits))
        steps.count = 0
        asked = [statements(house, look, username) for look in (news_of, start_choices)]
        return steps.count, sum(one["SELECT"] for one in asked)

    hour = hour_of(NOON)
    with writing(house.database) as connection:
        connection.execute(
            insert(spent),
            [
                {"scope": key, "resource": what, "hour": hour - n * HOUR, "total": 10**8 - n}
                for key in ("hub:hub", "hub/andes")
                for what in (SERVER_TIME, "cpu-time")
                for n in range(24 * 400)
            ],
        )
    costs(2)
    short, long = costs(2), costs(365)
    (left,) = house.call(news_of, username).left
    house.close()
    assert [one.until for one in left.left] == [hour + HOUR] * 2, "the first hour of all"
    assert long[0] <= short[0] * 1.2, (short, long)
    assert long[1] == short[1]


EACH = Spending(SERVER_TIME, MONTH, is_each=True)


@pytest.mark.parametrize(
    "limit", [Limit(most=10**6, each=50), Limit(most=10**6, is_shared_equally=True)]
)
def test_limits_of_each_person_ask_nothing_of_those_who_are_gone(tmp_path, limit) -> None:
    house = make_house(tmp_path, communities=(andes(servers=None, champions=("ana", "bia")),))
    with house.database.write() as store:
        # Of the hub no equal part: for that all who run anything on it are counted.
        hub = Limit(most=10**6, each=50)
        for level, held in ((HUB, hub), (Scope("andes"), limit)):
            store.limits.set_quota(level, Quota({SERVERS: held}, (EACH,)))
        store.marks.set(METERED, NOON)
    opened = open_taller(house)
    house.call(redeem_invite, JoinRequest(opened.learner_invite.link, "Ana", "Ana", username="ana"))
    steps = Steps(house)

    def costs() -> tuple[int, int]:
        """Of starts, and of a look at what runs."""
        found = []
        steps.count = 0
        for username, place in (("ana", opened.workshop.slug), ("bia", None)):
            request = StartRequest(
                house.chance.identifier(), ServerKey(username), scope=Scope("andes", place)
            )
            house.call(admit, request)
        found.append(steps.count)
        steps.count = 0
        with house.database.read() as store:
            assert len(store.drains.all(house.clock.now())) >= 4
        found.append(steps.count)
        for username in ("ana", "bia"):
            house.call(settle_server, ServerKey(username))
        return found[0], found[1]

    costs()  # their rows are made
    before = costs()
    people = [f"{number:032x}" for number in range(3000)]
    gone = [
        {"scope": f"hub/andes/w{n % 40}/@{one}", "resource": what, "held": 0}
        for n, one in enumerate(people)
        for what in (SERVERS, CPU, MEMORY)
    ]
    past = {"hub": "hub", "server_name": "", "community": "andes", "adopted": False}
    past |= {"requested_at": NOON, "settled_at": NOON, "metered_at": NOON}
    with writing(house.database) as connection:
        connection.execute(insert(balances), gone)
        connection.execute(
            insert(leases),
            [{**past, "id": one, "username": one, "account_id": one} for one in people],
        )
        own = actor_of(house, "ana").account_id
        connection.execute(
            insert(leases),
            [{**past, "id": f"own-{n}", "username": "ana", "account_id": own} for n in range(3000)],
        )
    after = costs()
    running = [
        {**past, "id": f"runs-{one}", "username": f"runs-{one}", "account_id": one}
        | {"community": "brasil", "settled_at": None}
        for one in people
    ]
    with writing(house.database) as connection:
        connection.execute(insert(leases), running)
    beside_others, _ = costs()
    house.close()
    assert beside_others <= before[0] * 1.2, (before, beside_others)
    assert all(new <= old * 1.2 for new, old in zip(after, before, strict=True)), (before, after)
