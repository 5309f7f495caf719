"""What a start and a stop cost in SQL: the same however many leases there are, on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from houses import NOON, SetClock, andes, make_house, open_taller
from sqlalchemy import event, insert

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import StartRequest, admit, settle
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.units import CPU, MEMORY, SERVER_TIME, SERVERS
from jupyterhub_communities.domain.windows import Rolling
from jupyterhub_communities.storage.tables import leases

MONTH = Allowance(10**9, Rolling(30))
LIMITED = Quota(
    {SERVERS: Limit(most=50_000), CPU: Limit(most=10**9), MEMORY: Limit(most=2**50)},
    (Spending(SERVER_TIME, MONTH), Spending(SERVER_TIME, MONTH, is_each=True)),
)


@pytest.fixture
def house(database, tmp_path):
    house = make_house(tmp_path, clock=SetClock(NOON), communities=(andes(servers=None),))
    with house.database.write() as store:
        store.balances.set_quota(HUB, LIMITED)
        store.balances.set_quota(Scope("andes"), LIMITED)
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


def start_and_stop(house, username: str) -> tuple[Counter[str], Counter[str]]:
    request = StartRequest(house.chance.identifier(), ServerKey(username, "counted"))
    started = statements(house, admit, request)
    return started, statements(house, settle, request.lease_id)


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
    with house.database.engine.begin() as connection:
        connection.execute(insert(leases), rows)
    start_and_stop(house, names[1])  # the first of a person makes their rows
    start, stop = start_and_stop(house, names[1])
    assert start["transaction"] == stop["transaction"] == 1
    # SELECT: the person with their grants, the workshop with its sessions and sites (4 in all); a lease
    # that the server left behind, counters, reservations, allowances (4); the meter's mark, and what
    # has ended since (2); of the hub and of the community what was spent, up to the window and up to now
    # (4); the person's own hours at the place, and elsewhere in the community and on the hub (3).
    # The counters of all levels are one UPDATE, the lease is one INSERT.
    assert (start["SELECT"], start["UPDATE"], start["INSERT"]) == (17, 1, 1)
    # The lease and the counters: each is looked up and written once.
    assert (stop["SELECT"], stop["UPDATE"], stop["INSERT"]) == (2, 2, 0)
    assert first_start["SELECT"] == start["SELECT"]
    assert first_start["INSERT"] == start["INSERT"] + 1, "rows of somebody's own"
    assert first_stop == stop
