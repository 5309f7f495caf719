"""`make test`: all tests on this environment's Hub, and `tests/hub_integration` on JupyterHub 5.5.

Those on 5.5 mostly wait for servers: they run beside the fast tests, which mostly compute. The tests
that start hubs and browsers of their own then have the machine to themselves.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--hub5", required=True, help="the Python of the environment with Hub 5.5")
options, arguments = parser.parse_known_args()

# What is ours whatever the Hub is, and takes long, or needs more packages: once is enough.
CROWD = "test_three_hundred_click_at_once_and_nobody_is_lost"
OURS = ("test_guessing.py", "test_bad_input.py", "test_kubernetes_lists.py", "test_postgresql.py")
ignored = [f"--ignore=tests/hub_integration/{name}" for name in OURS]
ignored += ["--deselect=tests/hub_integration/test_line.py::" + CROWD]
WITH_HUBS = ("hub_integration", "demo", "faults", "browser")
fast = [
    str(folder)
    for folder in sorted(Path("tests").iterdir())
    if any(folder.glob("test_*.py")) and folder.name not in WITH_HUBS
]


def pytest(python: str, *more: str) -> list[str]:
    return [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more]


with tempfile.TemporaryFile("w+") as said:
    on_hub5 = subprocess.Popen(
        pytest(options.hub5, "--durations=5", "tests/hub_integration", *ignored),
        stdout=said,
        stderr=subprocess.STDOUT,
    )
    print("JupyterHub 6.1: fast tests", flush=True)
    failed = subprocess.run(
        pytest(sys.executable, "--durations=10", *fast, *arguments), check=False
    ).returncode
    failed_on_hub5 = on_hub5.wait()
    said.seek(0)
    print(f"JupyterHub 5.5: tests/hub_integration\n{said.read()}", flush=True)
print("JupyterHub 6.1: tests with hubs and browsers of their own", flush=True)
failed_with_hubs = subprocess.run(
    pytest(sys.executable, "--durations=20", *(f"tests/{name}" for name in WITH_HUBS), *arguments),
    check=False,
).returncode
for code, what in (
    (failed, "the fast tests"),
    (failed_on_hub5, "those on JupyterHub 5.5"),
    (failed_with_hubs, "those with hubs and browsers of their own"),
):
    if code:
        print(f"Failed: {what}. See above.", file=sys.stderr)
sys.exit(failed or failed_on_hub5 or failed_with_hubs)
