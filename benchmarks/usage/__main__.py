"""How large a year of a busy hub is: 300 people with 5 hours on each of 250 days, through the real meter.

`make bench-usage`
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jupyterhub_communities.domain.leases import Lease, ServerKey
from jupyterhub_communities.domain.metering import meter
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.storage.database import SqlDatabase

PEOPLE, DAYS, HOURS = 300, 250, 5
COMMUNITIES, WORKSHOPS = 6, 10  # of each


def leases_of(day: datetime) -> list[Lease]:
    """Everybody once, from some minute of the morning on."""
    found = []
    for n in range(PEOPLE):
        start = day + timedelta(hours=13 + n % 5)
        scope = Scope(f"community-{n % COMMUNITIES}", f"workshop-{n % WORKSHOPS}")
        found.append(
            Lease(
                id=f"{n:032x}",
                server=ServerKey(f"person-{n}"),
                account_id=f"{n:032x}",
                scope=scope,
                profile="small",
                requested_at=start,
                settled_at=start + timedelta(hours=HOURS),
                amounts={"servers": 1, "cpu": 500, "memory": 2**29},
            )
        )
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "communities.sqlite"
        database = SqlDatabase(f"sqlite:///{file}", busy_timeout=60)
        database.upgrade()
        began = time.perf_counter()
        first = datetime(2026, 1, 1, tzinfo=UTC)
        for n in range(DAYS):
            day = first + timedelta(days=n)
            with database.write() as store:
                store.usage.add(meter(leases_of(day), day + timedelta(days=1)))
        took = time.perf_counter() - began
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM")
            for table in ("usage", "spent"):
                rows = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                print(f"{table}: {rows:,} rows")
        database.close()
        print(f"{file.stat().st_size / 1e6:.0f} MB in SQLite, written in {took:.0f} s")


if __name__ == "__main__":
    main()
