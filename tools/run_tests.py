"""`make test`: all tests on this environment's Hub, then `tests/hub_integration` on JupyterHub 5.5.

The second run comes first in time and last in importance: the closing line is the main run's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--hub5", required=True, help="the Python of the environment with Hub 5.5")
options, arguments = parser.parse_known_args()

# What is ours whatever the Hub is, and takes long, or needs more packages: once is enough.
OURS = (
    "test_guessing.py",
    "test_bad_input.py",
    "test_kubernetes_lists.py",
    "test_own_languages.py",
    "test_postgresql.py",
    "test_weight.py",
)
CROWD = "test_line.py::test_three_hundred_click_at_once_and_nobody_is_lost"
ignored = [f"--ignore=tests/hub_integration/{name}" for name in OURS]
ignored.append(f"--deselect=tests/hub_integration/{CROWD}")

print("JupyterHub 5.5: tests/hub_integration", flush=True)
on_hub5 = subprocess.run(
    [options.hub5, "-m", "pytest", "-q", "--durations=5", "tests/hub_integration", *ignored],
    check=False,
)
print("JupyterHub 6.1: all tests", flush=True)
on_hub6 = subprocess.run(
    [sys.executable, "-m", "pytest", "-q", "--durations=20", *arguments], check=False
)
if on_hub5.returncode:
    print("The tests failed on JupyterHub 5.5: see above", file=sys.stderr)
sys.exit(on_hub6.returncode or on_hub5.returncode)
