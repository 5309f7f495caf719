"""Houses with a past: leases that were settled, leases that are held, and hours that were spent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from string import ascii_lowercase

from houses import NOON, SetClock, andes, make_house, open_taller
from postgres import Postgresql
from sqlalchemy import Connection, func, insert, literal, make_url, select, text
from transactions import writing

from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.ports import Hold
from jupyterhub_communities.domain.ledger import Allowance
from jupyterhub_communities.domain.limits import Limit, Quota, Spending
from jupyterhub_communities.domain.metering import METERED, Bucket
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.units import CPU, MEMORY, SERVER_TIME, SERVERS
from jupyterhub_communities.domain.windows import Rolling
from jupyterhub_communities.storage.database import SqlDatabase
from jupyterhub_communities.storage.tables import leases

SIZES = {SERVERS: 1, CPU: 500, MEMORY: 512_000_000}  # as the profile `small` of tests/houses.py
SPENDS = {"server-time": 3600, "cpu-time": 500 * 3600, "memory-time": 500_000 * 3600}
PLENTY = 2**60
_BATCH = 1000  # then they are doubled


def limits(days: int) -> Quota:
    """What may be held at one time, and spent over a window: by all together and by each."""
    window = Allowance(PLENTY, Rolling(days))
    return Quota(
        {SERVERS: Limit(most=10**6), CPU: Limit(most=PLENTY), MEMORY: Limit(most=PLENTY)},
        (Spending(SERVER_TIME, window), Spending(SERVER_TIME, window, is_each=True)),
    )


def database(kind: str, folder: Path, server: Postgresql) -> None:
    """What `make_house(folder)` builds on: an SQLite file, or a database of its own."""
    folder.mkdir(parents=True)
    if kind == "PostgreSQL":
        url = server.new_database()
        with server.connect("postgres") as connection:  # the tests log every statement
            name = make_url(url).database
            connection.execute(f"ALTER DATABASE {name} SET log_statement = 'none'")
        (folder / "database").write_text(url)


def house(folder: Path, *, days: int, people: int) -> tuple[House, Scope, list[tuple[str, str]]]:
    """A hub, its community with limits, a workshop that is open, and people in it (username,
    account)."""
    made = make_house(folder, clock=SetClock(NOON), communities=(andes(servers=None),))
    with made.database.write() as store:
        store.limits.set_quota(HUB, limits(days))
        store.limits.set_quota(Scope("andes"), limits(days))
        store.marks.set(METERED, NOON)
    opened = open_taller(made, seats=None)
    joined = []
    for number in range(people):
        asked = JoinRequest(opened.learner_invite.code, f"Person {number}", f"attempt-{number}")
        account = made.call(redeem_invite, asked).account
        joined.append((account.username, account.id))
    return made, Scope("andes", opened.workshop.slug), joined


def add_settled(database: SqlDatabase, place: Scope, accounts: Sequence[str], count: int) -> None:
    """Leases of the past, in turn of the accounts, wholly metered."""
    times = [NOON - timedelta(hours=2 + number) for number in range(min(count, _BATCH))]
    rows = [
        row(f"settled-{number}", accounts[number % len(accounts)], place)
        | {"requested_at": at, "active_at": at, "settled_at": at + timedelta(hours=1)}
        | {"metered_until": at + timedelta(hours=1), "metered_at": at + timedelta(hours=1)}
        for number, at in enumerate(times)
    ]
    with writing(database) as connection:
        if connection.dialect.name == "postgresql":  # no statement of the package is that long
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(insert(leases), rows)
        for letter in ascii_lowercase:  # the same leases again, under other ids
            there = _count(connection)
            if there >= count:
                break
            columns = [column for column in leases.c if column.name != "id"]
            again = select(leases.c.id + literal(letter), *columns).limit(count - there)
            names = ["id", *(column.name for column in columns)]
            connection.execute(insert(leases).from_select(names, again))
    _settle_down(database)


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(leases)).scalar_one()


def add_active(house: House, place: Scope, count: int, *, end: bool = False) -> None:
    """Leases of others that run, with what they hold at every level. They `end` when that is known:
    one each second, from in an hour on."""
    rows = [
        row(f"active-{number}", f"other-{number}", place)
        | {"requested_at": NOON - timedelta(hours=1), "active_at": NOON - timedelta(hours=1)}
        | {"settled_at": None, "metered_until": NOON, "metered_at": None}
        | {"ends_at": NOON + timedelta(hours=1, seconds=number) if end else None}
        for number in range(count)
    ]
    with writing(house.database) as connection:
        connection.execute(insert(leases), rows)
    holds = [(level, count) for level in place.path()]
    holds += [(Scope(place.community, place.workshop, f"other-{n}"), 1) for n in range(count)]
    for start in range(0, len(holds), 500):  # no transaction is long
        with house.database.write() as store:
            store.balances.hold(
                Hold(scope, resource, amount * times, is_first=not _is_limited(scope))
                for scope, times in holds[start : start + 500]
                for resource, amount in SIZES.items()
            )
    _settle_down(house.database)


def add_hours(house: House, place: Scope, accounts: Sequence[str], days: range) -> None:
    """Two hours of each account on each of these days before today, oldest first."""
    for day in sorted(days, reverse=True):
        with house.database.write() as store:
            for hour in (9, 10):
                at = NOON.replace(hour=hour) - timedelta(days=day)
                store.usage.add(
                    {
                        Bucket(at, Scope(place.community, place.workshop, one), "small"): SPENDS
                        for one in accounts
                    }
                )
    _settle_down(house.database)


def row(lease_id: str, account: str, place: Scope) -> dict[str, object]:
    return {
        "id": lease_id,
        "hub": "hub",
        "username": account,
        "server_name": "",
        "account_id": account,
        "community": place.community,
        "workshop": place.workshop,
        "profile": "small",
        "adopted": False,
        "amounts": SIZES,
    }


def _is_limited(scope: Scope) -> bool:
    return scope.member is None and scope.workshop is None


def _settle_down(database: SqlDatabase) -> None:
    """PostgreSQL does this by itself within minutes; SQLite's file is used as it is."""
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            connection.rollback()
            raw.autocommit = True
            raw.execute("VACUUM ANALYZE")
            raw.autocommit = False
