"""How large a year of a busy hub is: 300 people with 5 hours on each of 250 days, through the real
repositories.

`make bench-usage`
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import Connection

from jupyterhub_communities.application.ports import Hold, Store
from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.metering import meter
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.storage.database import SqlDatabase

PEOPLE, DAYS, HOURS = 300, 250, 5
COMMUNITIES, WORKSHOPS = 6, 10  # of each
STAYS = 25  # days of a person in a workshop, then in the next one
TABLES = ("usage", "spent", "leases", "balances")
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_CHANCE = Random(1)


def identifier() -> str:
    return f"{_CHANCE.getrandbits(128):032x}"


ACCOUNTS = [identifier() for _ in range(PEOPLE)]


def leases_of(number: int) -> list[Lease]:
    """Everybody's one start of a day, at some minute of the day."""
    found = []
    for n, account in enumerate(ACCOUNTS):
        start = _FIRST + timedelta(days=number, hours=13 + n % 5, minutes=1 + n % 59)
        workshop = f"workshop-{(n + number // STAYS) % WORKSHOPS}"
        found.append(
            Lease(
                id=identifier(),
                server=ServerKey(f"person-{n}"),
                account_id=account,
                scope=Scope(f"community-{n % COMMUNITIES}", workshop),
                profile="small",
                requested_at=start,
                settled_at=start + timedelta(hours=HOURS),
                amounts={"servers": 1, "cpu": 500, "memory": 2**29},
            )
        )
    return found


def hold_and_release(store: Store, leases: Sequence[Lease]) -> None:
    """Who starts somewhere for the first time gets counters there, which stay."""
    store.balances.hold(
        Hold(level, resource, amount, is_first=True)
        for lease in leases
        for level in lease.charged.path()
        for resource, amount in lease.amounts.items()
    )
    for lease in leases:
        store.balances.release(lease.charged, lease.amounts)


def run(store: Store, leases: Sequence[Lease], now: datetime) -> None:
    for lease in leases:
        assert lease.settled_at is not None
        store.leases.add(lease)
        store.leases.activate([lease.id], lease.requested_at + timedelta(seconds=5))
        store.leases.settle(lease.id, lease.settled_at)
    store.usage.add(meter(leases, now))
    store.leases.note_metered([lease.id for lease in leases], now)


def sizes(connection: Connection) -> dict[str, int]:
    """Bytes of each table with its indexes."""
    query = (
        "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) GROUP BY tbl_name"
    )
    return {name: size for name, size in connection.exec_driver_sql(query)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "communities.sqlite"
        database = SqlDatabase(f"sqlite:///{file}", busy_timeout=60)
        database.upgrade()
        began = time.perf_counter()
        for number in range(DAYS):
            leases = leases_of(number)
            with database.write() as store:
                if number % STAYS == 0:
                    hold_and_release(store, leases)
                run(store, leases, _FIRST + timedelta(days=number + 1))
        took = time.perf_counter() - began
        with database.engine.connect() as connection:
            found = sizes(connection)
            print("| table | rows | MB |\n| --- | --- | --- |")
            for table in TABLES:
                rows = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                print(f"| {table} | {rows:,} | {found[table] / 1e6:.1f} |")
            rest = sum(found.values()) - sum(found[table] for table in TABLES)
            print(f"| all others, empty | | {rest / 1e6:.1f} |")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            written = file.stat().st_size
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            packed = file.stat().st_size
        database.close()
        print(f"\n{written / 1e6:.0f} MB in SQLite, {packed / 1e6:.0f} MB after a VACUUM")
        print(f"written in {took:.0f} s")


if __name__ == "__main__":
    main()
