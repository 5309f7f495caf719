"""`python -m benchmarks.signin --out DIR`: measures, and writes the table and the plot."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from . import report
from .hubs import running, systems
from .measure import Plan, classrooms, client, lags, measure, prepare


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.signin", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--quick", action="store_true", help="fewer sign-ins a batch")
    parser.add_argument(
        "--hub5", type=Path, help="a Python with JupyterHub 5.5 and NativeAuthenticator"
    )
    options = parser.parse_args()
    for asked_to_end in (signal.SIGINT, signal.SIGTERM):  # so that the hubs end too
        signal.signal(asked_to_end, lambda *_: sys.exit("ended early"))
    plan = Plan.quick() if options.quick else Plan()
    wanted = systems(options.hub5 and str(options.hub5.absolute()))
    with (
        tempfile.TemporaryDirectory(prefix="signin-", ignore_cleanup_errors=True) as folder,
        client() as learners,
        running(wanted, Path(folder)) as hubs,
    ):
        first = {hub.system.name: prepare(learners, hub, plan) for hub in hubs}
        _say("warm")
        batches = []
        for batch in measure(learners, hubs, plan):
            batches.append(batch)
            _say(
                f"{batch.repetition} {batch.system}, {batch.kind}, {batch.at_once} at once: "
                f"{1000 * batch.cpu / max(1, len(batch.seconds)):.1f} ms, "
                f"{len(batch.seconds) / batch.wall:.1f}/s, {len(batch.errors)} errors"
            )
        rooms = list(classrooms(learners, hubs, plan))
        _say("classrooms")
        later = list(lags(learners, hubs, plan))
    report.write(
        options.out,
        plan=plan,
        systems=wanted,
        batches=batches,
        rooms=rooms,
        first=first,
        later=later,
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


main()
