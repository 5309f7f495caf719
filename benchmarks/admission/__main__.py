"""`python -m benchmarks.admission --out DIR`: what a start and a stop take, with few and many leases."""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from postgres import Postgresql
from sqlalchemy import update
from transactions import writing

from benchmarks import filled
from benchmarks.signin.report import environment, p, table, verdict_table
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.leases import StartRequest, admit, settle_server
from jupyterhub_communities.application.ports import Desk
from jupyterhub_communities.application.rush import Rush
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.limits import Limit
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.refusals import QuotaExceeded
from jupyterhub_communities.domain.units import SERVERS
from jupyterhub_communities.storage.tables import leases

SIZES = (  # settled, active
    (100, 10),
    (10_000, 10),
    (1_000_000, 10),
    (100, 1_000),
    (100, 10_000),
    (1_000_000, 10_000),
)
QUICK = 10_000  # no more settled leases than this
DAYS = 30
PEOPLE = 20
OTHERS = [f"other-{number}" for number in range(280)]
FLAT, MOST_MS = 1.5, 10.0
VERBS = ("admit", "settle")
TAKE = (*VERBS, "refuse")  # what is timed: how long a refusal takes is no target


@dataclass
class Filled:
    """A house of one size, and what its starts and stops took."""

    database: str
    settled: int
    active: int
    house: House
    people: list[str]
    seconds: dict[str, list[float]] = field(default_factory=lambda: {verb: [] for verb in TAKE})
    cpu: dict[str, list[float]] = field(default_factory=lambda: {verb: [] for verb in TAKE})
    medians: dict[str, list[float]] = field(default_factory=lambda: {verb: [] for verb in TAKE})

    def run(self) -> None:
        """Everybody starts, is refused a second server, for now all is full, and stops."""
        house = self.house
        asked = [StartRequest(house.chance.identifier(), ServerKey(n, "")) for n in self.people]
        more = [StartRequest(house.chance.identifier(), ServerKey(n, "2")) for n in self.people]
        took = {
            "admit": [_timed(house, admit, one) for one in asked],
            "refuse": [_timed(house, _refused, Rush(), one) for one in more],
            "settle": [_timed(house, settle_server, one.server) for one in asked],
        }
        house.database.tidy()  # as the service does every few seconds
        with writing(house.database) as connection:  # as the tick of the minute leaves them
            connection.execute(
                update(leases)
                .where(leases.c.metered_at.is_(None), leases.c.settled_at.is_not(None))
                .values(metered_until=house.clock.now(), metered_at=house.clock.now())
            )
        for verb, times in took.items():
            seconds = [second for second, _ in times]
            self.seconds[verb] += seconds
            self.cpu[verb] += [cpu for _, cpu in times]
            self.medians[verb].append(median(seconds))

    def forget(self) -> None:
        for kept in (self.seconds, self.cpu, self.medians):
            kept.update({verb: [] for verb in TAKE})


def _timed(house: House, verb: Any, *args: Any) -> tuple[float, float]:
    """Seconds, and those of this process's CPU: on a busy machine they say more."""
    began, cpu = perf_counter(), process_time()
    house.call(verb, *args)
    return perf_counter() - began, process_time() - cpu


def _refused(desk: Desk, rush: Rush, request: StartRequest) -> None:
    """As the first of a rush, and told when there will be room."""
    try:
        admit(replace(desk, rush=rush), request)
    except QuotaExceeded as refusal:
        if refusal.earliest is not None:
            return
    sys.exit("there should have been no room until somebody's server ends")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.admission", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--quick", action="store_true", help="without a million settled leases")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    sizes = [size for size in SIZES if not options.quick or size[0] <= QUICK]
    with (
        tempfile.TemporaryDirectory(prefix="admission-", ignore_cleanup_errors=True) as folder,
        closing(_Closing(Postgresql())) as server,
    ):
        houses = [
            _fill(Path(folder) / f"{kind}-{settled}-{active}", kind, settled, active, server.it)
            for kind in ("SQLite", "PostgreSQL")
            for settled, active in sizes
        ]
        for one in houses:  # rows of one's own, caches
            one.run()
            one.forget()
        gc.collect()
        gc.freeze()  # as the Hub does when it has started
        for number in range(options.rounds):
            start = number % len(houses)
            for one in houses[start:] + houses[:start]:
                one.run()
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        for one in houses:
            one.house.close()
    write(options.out, houses, rounds=options.rounds, is_quick=options.quick)


class _Closing:
    def __init__(self, it: Postgresql) -> None:
        self.it, self.close = it, it.close


def _fill(folder: Path, kind: str, settled: int, active: int, server: Postgresql) -> Filled:
    filled.database(kind, folder, server)
    house, place, people = filled.house(folder, days=DAYS, people=PEOPLE)
    accounts = [account for _, account in people]
    filled.add_settled(house.database, place, [*accounts, *OTHERS], settled)
    filled.add_active(house, place, active, end=True)
    with house.database.write() as store:
        full = Limit(most=active + PEOPLE)
        store.limits.set_limit(Scope(place.community), SERVERS, full)
    filled.add_hours(house, place, [*accounts, *OTHERS], range(1, DAYS + 1))
    print(f"{kind}: {settled} settled, {active} active", file=sys.stderr, flush=True)
    return Filled(kind, settled, active, house, [name for name, _ in people])


def rows(houses: list[Filled]) -> list[dict[str, Any]]:
    """× is the median over the rounds of the ratio to the smallest size in the same round."""
    smallest = {}
    for one in houses:
        smallest.setdefault(one.database, one)
    return [
        {
            "database": one.database,
            "settled": one.settled,
            "active": one.active,
            "verb": verb,
            "p50_ms": 1000 * median(one.seconds[verb]),
            "p95_ms": 1000 * p(one.seconds[verb], 95),
            "p99_ms": 1000 * p(one.seconds[verb], 99),
            "cpu_ms": 1000 * median(one.cpu[verb]),
            "ratio": median(
                mine / least
                for mine, least in zip(
                    one.medians[verb], smallest[one.database].medians[verb], strict=True
                )
            ),
            "n": len(one.seconds[verb]),
        }
        for one in houses
        for verb in TAKE
    ]


def verdicts(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    figures = []
    for verb in VERBS:
        for kind in ("SQLite", "PostgreSQL"):
            ratios = [r["ratio"] for r in found if (r["verb"], r["database"]) == (verb, kind)]
            name = f"{verb} on {kind}, the slowest size by the fastest"
            figures.append((name, FLAT, max(ratios) / min(ratios)))
        slowest = max(r["p99_ms"] for r in found if (r["verb"], r["database"]) == (verb, "SQLite"))
        figures.append((f"{verb} on SQLite, p99 of the slowest size, ms", MOST_MS, slowest))
    return [
        {"target": name, "wanted": f"at most {most:g}", "figure": figure, "reached": figure <= most}
        for name, most, figure in figures
    ]


def markdown(result: dict[str, Any]) -> str:
    made = ", ".join(f"{name} {value}" for name, value in result["environment"].items())
    left_out = " Quick: without a million settled leases." if result["is_quick"] else ""
    return (
        "\n".join(
            [
                "# Admission: what a start and a stop take\n",
                f"{made}; {result['rounds']} rounds of {PEOPLE} starts, refusals and stops, interleaved; all that is active is known to end.{left_out}\n",
                verdict_table(result["verdicts"]),
                "\n## Sizes\n",
                "Milliseconds of a whole verb, its transaction included. × is the median over the rounds "
                "of the ratio to the first size in the same round; CPU is this process's: the database too with "
                "SQLite, without it with PostgreSQL.\n",
                table(
                    [
                        "verb",
                        "database",
                        "settled",
                        "active",
                        "p50",
                        "p95",
                        "p99",
                        "×",
                        "CPU p50",
                        "n",
                    ],
                    [
                        [
                            row["verb"],
                            row["database"],
                            f"{row['settled']:,}",
                            f"{row['active']:,}",
                            *(
                                f"{row[name]:.2f}"
                                for name in ("p50_ms", "p95_ms", "p99_ms", "ratio", "cpu_ms")
                            ),
                            str(row["n"]),
                        ]
                        for row in sorted(
                            result["rows"], key=lambda r: (r["verb"], r["database"] != "SQLite")
                        )
                    ],
                ),
            ]
        )
        + "\n"
    )


def plot(result: dict[str, Any], path: Path) -> None:
    """The median, with p95 above it, of each size."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "admission"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(TAKE), figsize=(15, 4.5), layout="constrained")
    for axis, verb in zip(axes, TAKE, strict=True):
        for kind in ("SQLite", "PostgreSQL"):
            found = [r for r in result["rows"] if (r["verb"], r["database"]) == (verb, kind)]
            sizes = [f"{r['settled']:,}\n{r['active']:,}" for r in found]
            above = [r["p95_ms"] - r["p50_ms"] for r in found]
            axis.errorbar(
                sizes,
                [r["p50_ms"] for r in found],
                yerr=[[0] * len(found), above],
                marker="o",
                capsize=3,
                label=kind,
            )
        axis.set_title(f"{verb}, ms: median, and up to p95")
        axis.set_xlabel("settled leases, active leases")
        axis.set_ylim(bottom=0)
        axis.grid(visible=True, alpha=0.2)
    axes[0].legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write(folder: Path, houses: list[Filled], *, rounds: int, is_quick: bool) -> None:
    """Writes `admission.json`, `admission.md` and `admission.svg`."""
    found = rows(houses)
    result = {
        "environment": environment(),
        "rounds": rounds,
        "is_quick": is_quick,
        "verdicts": verdicts(found),
        "rows": found,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "admission.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "admission.md").write_text(markdown(result))
    plot(result, folder / "admission.svg")
    print(markdown(result))


main()
