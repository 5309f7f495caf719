"""Measures starts and stops and writes the report: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import requests

from benchmarks.signin.hubs import DUMMY, OURS, MeasuredHub, System, running
from benchmarks.signin.report import environment, p, table
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite

TOKEN = "benchmark-" + "0" * 32  # of a service on hubs that live for this run alone
AT_ONCE = 4
SETTLES = 0.6  # seconds, in which a hub writes what it has put off
TARGET = 1.10  # of the plain hub's CPU, for a start and the stop after it

INSTANT = f"""
from benchmarks.spawn.instant import InstantSpawner

c.JupyterHub.spawner_class = InstantSpawner
c.JupyterHub.services = [{{"name": "bench", "api_token": {TOKEN!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "bench", "scopes": ["admin:users", "admin:servers"], "services": ["bench"]}}
]
c.JupyterHub.concurrent_spawn_limit = 0
"""
HOOK = """
c.Spawner.pre_spawn_hook = lambda spawner: None
"""
LIMITED = """\
hub: {{language: en, database: "{database}", quota: {{servers: 5000, cpu: 5000, memory: 10Ti}}}}
communities:
  - slug: andes
    name: {{es: Comunidad Andes, en: Andes Community}}
    language: es
    contact: hola@andes.example
    champions: [ana]
    quota: {{servers: 4000, cpu: 4000, memory: 8Ti}}
profiles:
  - slug: small
    name: {{en: Small, es: Pequeño}}
    cpu: 500m
    memory: 512M
"""
PLAIN = "plain hub"
SYSTEMS = [
    System(PLAIN, DUMMY + INSTANT, "", ""),
    System("with a hook that does nothing", DUMMY + INSTANT + HOOK, "", ""),
    System("communities", DUMMY + INSTANT + OURS, "", "", communities=LIMITED),
    System(
        "communities, PostgreSQL",
        DUMMY + INSTANT + OURS,
        "",
        "",
        communities=LIMITED,
        on_postgresql=True,
    ),
]


class _Answer(BaseHTTPRequestHandler):
    """What a single-user server says when the Hub looks whether it is there."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def instant_server() -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["INSTANT_SERVER"] = f"http://127.0.0.1:{server.server_port}"
    yield
    server.shutdown()


class People:
    """Those who start servers on one hub, by its API."""

    def __init__(self, hub: MeasuredHub, count: int) -> None:
        self._hub = hub
        self._sessions = threading.local()
        self.names = [f"learner-{number}" for number in range(count)]
        if hub.house is not None:  # members of a workshop, as in a classroom
            code = hub.newcomers(count)[0]["code"]
            joined = [
                hub.house.call(redeem_invite, JoinRequest(code, name, name)) for name in self.names
            ]
            self.names = [one.account.username for one in joined]
        self._call("POST", "users", json={"usernames": self.names})

    # The Hub answers when the server is up, and when it is down: asking meanwhile would cost it more than
    # the start.

    def start(self, username: str) -> float:
        """Seconds until the server had come up."""
        begun = time.monotonic()
        started = self._call("POST", f"users/{username}/server", json={})
        assert started.status_code == 201
        return time.monotonic() - begun

    def stop(self, username: str) -> None:
        assert self._call("DELETE", f"users/{username}/server").status_code == 204

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        if not hasattr(self._sessions, "own"):
            self._sessions.own = requests.Session()
            self._sessions.own.headers["Authorization"] = f"token {TOKEN}"
        url = f"{self._hub.url}/hub/api/{path}"
        answer: requests.Response = self._sessions.own.request(method, url, timeout=60, **more)
        answer.raise_for_status()
        return answer


def batch(hub: MeasuredHub, people: People) -> dict[str, Any]:
    """As in a class: all start a server, and later all stop it."""
    cpu = hub.cpu()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seconds = list(pool.map(people.start, people.names))
        time.sleep(SETTLES)
        list(pool.map(people.stop, people.names))
    cpu = hub.cpu() - cpu
    return {"system": hub.system.name, "cpu_ms": 1000 * cpu / len(seconds), "seconds": seconds}


def summary(batches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each system; its ratio is the median over the repetitions."""
    by_system: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in batches:
        by_system[one["system"]].append(one)
    plain = [one["cpu_ms"] for one in by_system[PLAIN]]
    return [
        {
            "system": name,
            "cpu_ms": median(one["cpu_ms"] for one in found),
            "ratio": median(
                one["cpu_ms"] / beside for one, beside in zip(found, plain, strict=True)
            ),
            "p50_ms": 1000 * median(s for one in found for s in one["seconds"]),
            "p95_ms": 1000 * p([s for one in found for s in one["seconds"]], 95),
            "starts": sum(len(one["seconds"]) for one in found),
        }
        for name, found in by_system.items()
    ]


def report(rows: list[dict[str, Any]], made: dict[str, str], repetitions: int) -> str:
    ours = next(row for row in rows if row["system"] == "communities")
    lines = [
        [
            row["system"],
            f"{row['cpu_ms']:.1f}",
            f"{row['ratio']:.2f}",
            f"{row['p50_ms']:.0f}",
            f"{row['p95_ms']:.0f}",
            str(row["starts"]),
        ]
        for row in rows
    ]
    reached = "reached" if ours["ratio"] <= TARGET else "**missed**"
    return "\n\n".join(
        [
            "# Starts: what they cost the Hub",
            ", ".join(f"{name} {value}" for name, value in made.items())
            + f"; {repetitions} repetitions, interleaved, {AT_ONCE} at once.",
            f"CPU of a start and its stop, of the plain hub's: at most {TARGET:.2f} wanted, "
            f"{ours['ratio']:.2f} found: {reached}.",
            table(["hub", "CPU ms", "×", "p50 ms", "p95 ms", "starts"], lines),
            "× is the median over the repetitions of the ratio to the plain hub in the same one. "
            "jupyterhub-usage-quotas 0.2.1 was found to cost 1.42.\n",
        ]
    )


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "spawn"
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 3), layout="constrained")
    names = [row["system"] for row in rows][::-1]
    bars = axis.barh(names, [row["cpu_ms"] for row in rows][::-1])
    axis.bar_label(bars, [f"{row['ratio']:.2f}" for row in rows][::-1], padding=3)
    axis.set_xlabel("hub CPU of a start and its stop, ms; the figure is its ratio to the plain hub")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.spawn", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--quick", action="store_true", help="fewer starts a batch")
    options = parser.parse_args()
    for asked_to_end in (signal.SIGINT, signal.SIGTERM):  # so that the hubs end too
        signal.signal(asked_to_end, lambda *_: sys.exit("ended early"))
    count, repetitions = (30, 3) if options.quick else (60, 7)
    batches = []
    with (
        tempfile.TemporaryDirectory(prefix="spawn-", ignore_cleanup_errors=True) as folder,
        instant_server(),
        running(SYSTEMS, Path(folder)) as hubs,
    ):
        people = {hub.system.name: People(hub, count) for hub in hubs}
        for hub in [*hubs, *hubs]:
            batch(hub, people[hub.system.name])  # warm
        for repetition in range(repetitions):
            by = repetition % len(hubs)
            for hub in hubs[by:] + hubs[:by]:
                batches.append(batch(hub, people[hub.system.name]))
                done = batches[-1]
                print(f"{repetition} {done['system']}: {done['cpu_ms']:.1f} ms", file=sys.stderr)
    rows, made = summary(batches), environment()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "spawn.md").write_text(report(rows, made, repetitions))
    (options.out / "spawn.json").write_text(
        json.dumps({"environment": made, "rows": rows, "batches": batches}, indent=1)
    )
    plot(rows, options.out / "spawn.svg")


main()
