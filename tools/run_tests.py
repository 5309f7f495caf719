"""`make test`: `tests/hub_integration` on JupyterHub 5.5, then all tests on this environment's Hub.

Most tests wait more than they compute, so files run beside each other; what measures itself runs
first, alone. The last run is the one that counts most: the closing line is its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

# What is ours whatever the Hub is, and takes long, or needs more packages: once is enough.
OURS = (
    "test_guessing.py",
    "test_bad_input.py",
    "test_kubernetes_lists.py",
    "test_own_languages.py",
    "test_postgresql.py",
    "test_unreachable.py",
    "test_weight.py",
)
CROWD = "test_line.py::test_three_hundred_click_at_once_and_nobody_is_lost"


def run(title: str, python: str, *arguments: str) -> int:
    print(title, flush=True)
    return subprocess.run([python, "-m", "pytest", "-q", *arguments], check=False).returncode


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--hub5", required=True, help="the Python of the environment with Hub 5.5")
options, more = parser.parse_known_args()

# By file, in the order of the tiers: servers that a file shares are started once.
workers = len(os.sched_getaffinity(0)) + 1
beside = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]

ignored = [f"--ignore=tests/hub_integration/{name}" for name in OURS]
ignored.append(f"--deselect=tests/hub_integration/{CROWD}")

failed = [
    run(
        "JupyterHub 5.5: tests/hub_integration",
        options.hub5,
        *("tests/hub_integration", "-m", "not alone", "--durations=5"),
        *(*ignored, *beside),
    ),
    run("JupyterHub 6.1: what measures itself", sys.executable, "-m", "alone", *more),
    run(
        "JupyterHub 6.1: all other tests",
        sys.executable,
        *("-m", "not alone", "--durations=20", *beside, *more),
    ),
]
if any(failed[:-1]):
    print("An earlier run failed: see above", file=sys.stderr)
sys.exit(next((code for code in reversed(failed) if code), 0))
