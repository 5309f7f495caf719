"""`python -m benchmarks.decision --out DIR`: one decision, beside jupyterhub-usage-quotas' by Prometheus."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from postgres import Postgresql

from benchmarks import filled
from benchmarks.signin.report import environment, p, table, verdict_table
from jupyterhub_communities.application.house import House
from jupyterhub_communities.domain.ledger import Allowance, Request
from jupyterhub_communities.domain.limits import Quota, Spending
from jupyterhub_communities.domain.quotas import HUB, Scope
from jupyterhub_communities.domain.reservations import LOOK_AHEAD
from jupyterhub_communities.domain.units import MEMORY_TIME
from jupyterhub_communities.domain.windows import Rolling

from . import prometheus

PEOPLE, ASKED = 300, 10  # with hours in the window; whose decisions are timed
SHORT, LONG = 30, 300  # days
THEIRS = "jupyterhub-usage-quotas"
QUOTED = {"p50_ms": 8.5, "p95_ms": 14.3}  # where theirs cannot be run
TIMES_FASTER, MOST_GROWTH = 10.0, 1.2


@dataclass
class Way:
    """One way to decide, over a window with so much history behind it."""

    system: str
    of: str  # whose hours an allowance counts
    window: int
    history: int
    decide: Callable[[], list[float]]  # of each person asked, the seconds
    seconds: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)


def ours(kind: str, folder: Path, server: Postgresql) -> Iterator[Way]:
    for history in (SHORT, LONG):
        here = folder / f"{kind}-{history}"
        filled.database(kind, here, server)
        house, place, people = filled.house(here, days=SHORT, people=ASKED)
        accounts = [account for _, account in people]
        others = [f"other-{number}" for number in range(PEOPLE - ASKED)]
        filled.add_hours(house, place, [*accounts, *others], range(1, history + 1))
        _say(f"{kind}: {history} days")
        for window in (SHORT,) if history == SHORT else (SHORT, LONG):
            for each in (True, False):
                yield Way(
                    kind,
                    "each person" if each else "the community",
                    window,
                    history,
                    _deciding(house, place, accounts, window, is_each=each),
                )


def _deciding(
    house: House, place: Scope, accounts: list[str], window: int, *, is_each: bool
) -> Callable[[], list[float]]:
    spending = Spending(MEMORY_TIME, Allowance(filled.PLENTY, Rolling(window)), is_each)
    asked = [Request(Scope(place.community, place.workshop, one), filled.SIZES) for one in accounts]

    def decide() -> list[float]:
        with house.database.write() as store:
            store.limits.set_quota(HUB, Quota({}, ()))
            store.limits.set_quota(Scope("andes"), Quota({}, (spending,)))
        return [
            _decision(house, one, one.scope if is_each else Scope("andes"), window) for one in asked
        ]

    return decide


def _decision(house: House, asked: Request, counted: Scope, window: int) -> float:
    """What `admit` asks of the quotas, and answers, in a transaction of its own."""
    began = perf_counter()
    now = house.clock.now()
    with house.database.read() as store:
        ledger = store.balances.standing(asked.scope, asked.amounts, now, now + LOOK_AHEAD)
        verdict = ledger.judge(asked, now)
    took = perf_counter() - began
    if not verdict.fits or not ledger.spent(counted, MEMORY_TIME, Rolling(window), now):
        sys.exit("nothing that was spent has been found")
    return took


@contextmanager
def theirs(python: Path, url: str) -> Iterator[list[Way]]:
    """Their own `UsageQuotaManager.enforce`, which their hook awaits, in a process of its own."""
    script = Path(__file__).with_name("theirs.py")
    process = subprocess.Popen(
        [python, script, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told, said = process.stdin, process.stdout

    def deciding(window: int) -> Callable[[], list[float]]:
        def decide() -> list[float]:
            print(json.dumps({"window": window, "people": _names()[:ASKED]}), file=told, flush=True)
            seconds: list[float] = json.loads(said.readline())
            return seconds

        return decide

    try:
        yield [
            Way(THEIRS, "each person", window, LONG, deciding(window)) for window in (SHORT, LONG)
        ]
    finally:
        told.close()
        process.wait(30)


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """Ours, with the database server that is started meanwhile: whether a way to the server leads to
    another processor differs from server to server, by more than ten times the history costs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _names() -> list[str]:
    return [f"person{number:04}" for number in range(PEOPLE)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.decision", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--python312", type=Path, help="a Python with jupyterhub-usage-quotas")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--quick", dest="rounds", action="store_const", const=5, help="fewer rounds"
    )
    options = parser.parse_args()
    is_quoted = options.python312 is None or not prometheus.is_there()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="decision-", ignore_cleanup_errors=True)
            )
        )
        with _on_one_processor():
            server = Postgresql()
            stack.callback(server.close)
            ways = [way for kind in ("SQLite", "PostgreSQL") for way in ours(kind, folder, server)]
        if not is_quoted:
            # Those who are asked for have ten times the past; a decision reads nobody else's.
            past = [(name, LONG if n < ASKED else SHORT) for n, name in enumerate(_names())]
            url = stack.enter_context(prometheus.running(folder, past))
            ways += stack.enter_context(theirs(options.python312, url))
            _say("Prometheus")
        with _on_one_processor():
            _run(ways, options.rounds)
    write(options.out, ways, rounds=options.rounds, is_quoted=is_quoted)


def _run(ways: list[Way], rounds: int) -> None:
    for way in ways:
        way.decide()
    for number in range(rounds):
        start = number % len(ways)
        for way in ways[start:] + ways[:start]:
            seconds = way.decide()
            way.seconds += seconds
            way.medians.append(median(seconds))
        _say(f"round {number + 1} of {rounds}")


def rows(ways: list[Way]) -> list[dict[str, Any]]:
    """Growth is the median over the rounds of the ratio to the same question with a tenth of the
    history."""
    first = {(way.system, way.of): way for way in reversed(ways)}
    return [
        {
            "system": way.system,
            "of": way.of,
            "window_days": way.window,
            "history_days": way.history,
            "p50_ms": 1000 * median(way.seconds),
            "p95_ms": 1000 * p(way.seconds, 95),
            "growth": median(
                mine / least
                for mine, least in zip(way.medians, first[way.system, way.of].medians, strict=True)
            ),
            "n": len(way.seconds),
        }
        for way in ways
    ]


def verdicts(found: list[dict[str, Any]], *, is_quoted: bool) -> list[dict[str, Any]]:
    figures = []
    short = [row for row in found if row["window_days"] == SHORT]
    them = QUOTED if is_quoted else next(row for row in short if row["system"] == THEIRS)
    for kind in ("SQLite", "PostgreSQL"):
        mine = [row for row in found if row["system"] == kind]
        for name in ("p50_ms", "p95_ms"):
            slowest = max(row[name] for row in mine if row in short)
            label = f"{name[:3]} of {SHORT} days on {kind}, times faster than theirs"
            figures.append((label, f"at least {TIMES_FASTER:g}", them[name] / slowest, True))
        most = max(row["growth"] for row in mine)
        figures.append((f"10 times the history on {kind}", f"at most {MOST_GROWTH}", most, False))
    return [
        {
            "target": label,
            "wanted": wanted,
            "figure": figure,
            "reached": figure >= TIMES_FASTER if is_least else figure <= MOST_GROWTH,
        }
        for label, wanted, figure, is_least in figures
    ]


def markdown(result: dict[str, Any]) -> str:
    made = ", ".join(f"{name} {value}" for name, value in result["environment"].items())
    quoted = (
        f" {THEIRS} was not run: its figures, {QUOTED['p50_ms']} and {QUOTED['p95_ms']} ms, are "
        "quoted from an earlier run on another machine."
        if result["is_quoted"]
        else ""
    )
    return (
        "\n".join(
            [
                "# Decision: may this person start?\n",
                f"{made}; {result['rounds']} rounds of {ASKED} decisions, interleaved; {PEOPLE} people "
                f"of two hours a day. Ours and its databases have one processor, theirs all.{quoted}\n",
                verdict_table(result["verdicts"]),
                "\n## Decisions\n",
                "Milliseconds. × is the median over the rounds of the ratio to the same system's first "
                "row in the same round.\n",
                table(
                    [
                        "system",
                        "allowance of",
                        "window, days",
                        "history, days",
                        "p50",
                        "p95",
                        "×",
                        "n",
                    ],
                    [
                        [
                            row["system"],
                            row["of"],
                            str(row["window_days"]),
                            str(row["history_days"]),
                            *(f"{row[name]:.2f}" for name in ("p50_ms", "p95_ms", "growth")),
                            str(row["n"]),
                        ]
                        for row in result["rows"]
                    ],
                ),
            ]
        )
        + "\n"
    )


def plot(result: dict[str, Any], path: Path) -> None:
    """The median of each, and up to p95."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "decision"
    from matplotlib import pyplot

    found = result["rows"][::-1]
    names = [
        f"{r['system']}, {r['of']}: {r['window_days']} of {r['history_days']} days" for r in found
    ]
    figure, axis = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    p50 = [row["p50_ms"] for row in found]
    above = [row["p95_ms"] - row["p50_ms"] for row in found]
    axis.barh(names, p50, xerr=[[0] * len(found), above], capsize=2)
    axis.set_xscale("log")
    axis.set_xlabel("ms: median, and up to p95")
    axis.grid(visible=True, which="both", axis="x", alpha=0.2)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write(folder: Path, ways: list[Way], *, rounds: int, is_quoted: bool) -> None:
    """Writes `decision.json`, `decision.md` and `decision.svg`."""
    found = rows(ways)
    result = {
        "environment": environment(),
        "rounds": rounds,
        "is_quoted": is_quoted,
        "verdicts": verdicts(found, is_quoted=is_quoted),
        "rows": found,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decision.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "decision.md").write_text(markdown(result))
    plot(result, folder / "decision.svg")
    print(markdown(result))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


main()
