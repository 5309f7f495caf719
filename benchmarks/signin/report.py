"""The table, the plot, and whether the targets are reached."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from .hubs import ROOT, System
from .measure import NEW, RETURNING, Batch, Plan

Key = tuple[str, str, int]  # system, kind, at once

# What issue "Sign-in" asks for, and how a figure meets it.
TARGETS = {
    "CPU of a new person, of Dummy's": ("at most", 1.30),
    "CPU of a returning person, of Dummy's": ("at most", 1.15),
    "Rate at 1, 10, 50, 100 at once, of Dummy's: the lowest": ("at least", 0.8),
    "Rate, of NativeAuthenticator's": ("at least", 10.0),
    "Longest that our code held the loop, ms of CPU": ("at most", 20.0),
    "Classroom: seconds until all are in": ("at most", 60.0),
    "Classroom: p95 of a sign-in, seconds": ("at most", 5.0),
    "Errors": ("at most", 0.0),
}


def p(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100)[percent - 1] if len(seconds) > 1 else seconds[0]


def environment() -> dict[str, str]:
    """What the figures were measured on, without names of machines."""
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "revision": revision.stdout.strip(),
        "python": platform.python_version(),
        "jupyterhub": version("jupyterhub"),
        "sqlalchemy": version("sqlalchemy"),
        "tornado": version("tornado"),
        "cores": str(os.cpu_count()),
    }


def rows(batches: list[Batch], systems: list[System]) -> list[dict[str, Any]]:
    """One a system, kind and number at once; ratios are medians of the repetitions' ratios."""
    by_key: dict[Key, dict[int, Batch]] = defaultdict(dict)
    for batch in batches:
        by_key[batch.system, batch.kind, batch.at_once][batch.repetition] = batch
    beside = {system.name: system.beside for system in systems}
    found = []
    for (system, kind, at_once), runs in by_key.items():
        base = by_key.get((beside[system], kind, at_once), {})
        seconds = [second for batch in runs.values() for second in batch.seconds]
        found.append(
            {
                "system": system,
                "kind": kind,
                "at_once": at_once,
                "cpu_ms": median(1000 * _cpu(batch) for batch in runs.values()),
                "cpu_ratio": _ratio(runs, base, _cpu),
                "rate": median(map(_rate, runs.values())),
                "rate_ratio": _ratio(runs, base, _rate),
                "p50": p(seconds, 50),
                "p95": p(seconds, 95),
                "sign_ins": len(seconds),
                "errors": sum(len(batch.errors) for batch in runs.values()),
            }
        )
    return found


def _cpu(batch: Batch) -> float:
    return batch.cpu / max(1, len(batch.seconds))


def _rate(batch: Batch) -> float:
    return len(batch.seconds) / batch.wall


def _ratio(
    runs: dict[int, Batch], base: dict[int, Batch], figure: Callable[[Batch], float]
) -> float | None:
    ratios = [figure(runs[number]) / figure(base[number]) for number in runs if number in base]
    return median(ratios) if ratios else None


def classroom_rows(batches: list[Batch]) -> list[dict[str, Any]]:
    found = []
    by_key: dict[tuple[str, float], list[Batch]] = defaultdict(list)
    for batch in batches:
        by_key[batch.system, batch.spread].append(batch)
    for (system, spread), runs in by_key.items():
        seconds = [second for batch in runs for second in batch.seconds]
        found.append(
            {
                "system": system,
                "spread": spread,
                "people": max(len(batch.seconds) + len(batch.errors) for batch in runs),
                "all_in": max(batch.wall for batch in runs),
                "p50": p(seconds, 50),
                "p95": max(p(batch.seconds, 95) for batch in runs),
                "errors": sum(len(batch.errors) for batch in runs),
            }
        )
    return found


def lag_rows(first: dict[str, Any], later: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for system, seen in first.items():
        runs = [lag for lag in later if lag["system"] == system]
        longest = max(runs, key=lambda lag: lag["longest_of_ours"])
        found.append(
            {
                "system": system,
                "longest_lag_ms": 1000 * max(lag["longest_lag"] for lag in runs),
                "median_lag_ms": 1000 * median(lag["longest_lag"] for lag in runs),
                "longest_of_ours_ms": 1000 * longest["longest_of_ours"],
                "where": longest["holds_of_ours"][0][2] if longest["holds_of_ours"] else "",
                "first_lag_ms": 1000 * seen["longest_lag"],
                "first_of_ours_ms": 1000 * seen["longest_of_ours"],
                "first_where": seen["holds_of_ours"][0][2] if seen["holds_of_ours"] else "",
            }
        )
    return found


def verdicts(
    table: list[dict[str, Any]], rooms: list[dict[str, Any]], lags: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each target with the figure of this run."""
    ours = [row for row in table if row["system"] == "communities"]

    def cpu(kind: str) -> float:
        return median(row["cpu_ratio"] for row in ours if row["kind"] == kind)

    figures: dict[str, float] = {
        "CPU of a new person, of Dummy's": cpu(NEW),
        "CPU of a returning person, of Dummy's": cpu(RETURNING),
        "Rate at 1, 10, 50, 100 at once, of Dummy's: the lowest": min(
            row["rate_ratio"] for row in ours
        ),
        "Longest that our code held the loop, ms of CPU": max(
            max(lag["longest_of_ours_ms"], lag["first_of_ours_ms"]) for lag in lags
        ),
        "Errors": float(
            sum(row["errors"] for row in [*ours, *rooms] if row["system"] == "communities")
        ),
    }
    arriving = [row for row in rooms if row["system"] == "communities" and row["spread"]]
    if arriving:
        figures["Classroom: seconds until all are in"] = arriving[0]["all_in"]
        figures["Classroom: p95 of a sign-in, seconds"] = arriving[0]["p95"]
    native = [
        ours5["rate"] / row["rate"]
        for row in table
        for ours5 in table
        if row["system"] == "native, Hub 5"
        and ours5["system"] == "communities, Hub 5"
        and (row["kind"], row["at_once"]) == (ours5["kind"], ours5["at_once"])
    ]
    if native:
        figures["Rate, of NativeAuthenticator's"] = min(native)
    return [
        {
            "target": name,
            "wanted": f"{sense} {bound:g}",
            "figure": figures[name],
            "reached": figures[name] <= bound if sense == "at most" else figures[name] >= bound,
        }
        for name, (sense, bound) in TARGETS.items()
        if name in figures
    ]


def verdict_table(verdicts: list[dict[str, Any]]) -> str:
    """The targets, and what became of each."""
    rows = [
        [
            row["target"],
            row["wanted"],
            f"{row['figure']:.2f}",
            "reached" if row["reached"] else "**missed**",
        ]
        for row in verdicts
    ]
    return table(["target", "wanted", "this run", ""], rows)


def markdown(result: dict[str, Any]) -> str:
    """The whole report as a page."""
    made = ", ".join(f"{name} {value}" for name, value in result["environment"].items())
    parts = [
        "# Sign-in: what it costs\n",
        f"{made}; {result['plan']['repetitions']} repetitions, interleaved.\n",
        verdict_table(result["verdicts"]),
        "\n## Sign-ins\n",
        "CPU is that of the Hub's process; × is the median over the repetitions of the ratio to "
        "DummyAuthenticator on the same Hub in the same repetition.\n",
        table(
            [
                "system",
                "person",
                "at once",
                "CPU ms",
                "×",
                "a second",
                "×",
                "p50 ms",
                "p95 ms",
                "n",
                "errors",
            ],
            [
                [
                    row["system"],
                    row["kind"],
                    str(row["at_once"]),
                    f"{row['cpu_ms']:.1f}",
                    _times(row["cpu_ratio"]),
                    f"{row['rate']:.1f}",
                    _times(row["rate_ratio"]),
                    f"{1000 * row['p50']:.0f}",
                    f"{1000 * row['p95']:.0f}",
                    str(row["sign_ins"]),
                    str(row["errors"]),
                ]
                for row in sorted(
                    result["rows"], key=lambda row: (row["kind"], row["at_once"], row["system"])
                )
            ],
        ),
        "\n## A classroom behind one address\n",
        table(
            ["system", "new people", "arrive within", "all in after s", "p50 s", "p95 s", "errors"],
            [
                [
                    row["system"],
                    str(row["people"]),
                    f"{row['spread']:g} s" if row["spread"] else "one moment",
                    f"{row['all_in']:.1f}",
                    f"{row['p50']:.2f}",
                    f"{row['p95']:.2f}",
                    str(row["errors"]),
                ]
                for row in sorted(result["classrooms"], key=lambda row: row["spread"])
            ],
        ),
        "\n## How long the event loop was held\n",
        "Milliseconds. *Lag*: the latest that a 1 ms ticker came, whoever held the loop; *ours*: the "
        "longest that this package's own code ran in one callback, in CPU time. *First*: the three "
        "sign-ins right after the start, when templates and catalogues are read.\n",
        table(
            [
                "system",
                "lag",
                "lag, median run",
                "ours",
                "where",
                "first: lag",
                "first: ours",
                "where",
            ],
            [
                [
                    row["system"],
                    f"{row['longest_lag_ms']:.1f}",
                    f"{row['median_lag_ms']:.1f}",
                    f"{row['longest_of_ours_ms']:.1f}",
                    row["where"],
                    f"{row['first_lag_ms']:.1f}",
                    f"{row['first_of_ours_ms']:.1f}",
                    row["first_where"],
                ]
                for row in result["lags"]
            ],
        ),
    ]
    return "\n".join(parts) + "\n"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"


def table(heads: list[str], lines: Iterable[list[str]]) -> str:
    return "\n".join(
        "| " + " | ".join(cells) + " |" for cells in [heads, ["---"] * len(heads), *lines]
    )


def plot(result: dict[str, Any], path: Path) -> None:
    """CPU, rate and p95 over the number at once; a line a system."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "signin"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(13, 7), sharex=True, layout="constrained")
    for line, kind in zip(axes, (NEW, RETURNING), strict=True):
        shown = [("cpu_ms", "hub CPU, ms"), ("rate", "sign-ins a second"), ("p95", "p95, s")]
        for axis, (name, label) in zip(line, shown, strict=True):
            for system in dict.fromkeys(row["system"] for row in result["rows"]):
                found = [r for r in result["rows"] if r["system"] == system and r["kind"] == kind]
                axis.plot(
                    [row["at_once"] for row in found],
                    [row[name] for row in found],
                    marker="o",
                    linestyle="--" if "Hub 5" in system else "-",
                    label=system,
                )
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.set_title(f"{kind}: {label}")
            axis.set_xlabel("at once")
            axis.grid(visible=True, which="both", alpha=0.2)
    axes[0][0].legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write(
    folder: Path,
    *,
    plan: Plan,
    systems: list[System],
    batches: list[Batch],
    rooms: list[Batch],
    first: dict[str, Any],
    later: list[dict[str, Any]],
) -> dict[str, Any]:
    """Writes `signin.json`, `signin.md` and `signin.svg`."""
    table, room_rows, lag_table = (
        rows(batches, systems),
        classroom_rows(rooms),
        lag_rows(first, later),
    )
    result = {
        "environment": environment(),
        "plan": {
            "repetitions": plan.repetitions,
            "batches": plan.batches,
            "classroom": plan.classroom,
            "classroom_seconds": plan.classroom_seconds,
        },
        "verdicts": verdicts(table, room_rows, lag_table),
        "rows": table,
        "classrooms": room_rows,
        "lags": lag_table,
        "client_cpu_share": max(batch.client_cpu / batch.wall for batch in [*batches, *rooms]),
        "errors": [error for batch in [*batches, *rooms] for error in batch.errors][:50],
        "batches": [
            {**batch.as_json(), "seconds": [round(second, 4) for second in batch.seconds]}
            for batch in [*batches, *rooms]
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "signin.json").write_text(json.dumps(result, indent=1) + "\n")
    (folder / "signin.md").write_text(markdown(result))
    plot(result, folder / "signin.svg")
    print(markdown(result), file=sys.stdout)
    return result
