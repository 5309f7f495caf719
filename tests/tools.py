"""Programs, ports and processes for tests."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


def need_proxy() -> str:
    """npm's configurable-http-proxy: beside this Python, in the checkout's .venv, or on PATH."""
    checkout = Path(__file__).resolve().parents[1]
    for folder in (Path(sys.executable).parent, checkout / ".venv" / "bin"):
        if (folder / "configurable-http-proxy").exists():
            return str(folder / "configurable-http-proxy")
    found = shutil.which("configurable-http-proxy")
    if found is None:
        pytest.skip("install npm's package configurable-http-proxy")
    return found


def need_chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("install Debian's package chromium")
    return found


def free_port() -> int:
    """Never the same twice, and none of those that the system gives to connections: between here
    and the server that listens, somebody else could have got it."""
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with socket.socket() as probe:
            if port not in _handed_out and probe.connect_ex(("127.0.0.1", port)) != 0:
                _handed_out.add(port)
                return port


_handed_out: set[int] = set()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], T], *, seconds: float = 30, every: float = 0.1) -> T:
    """The first true answer. Fails when none came in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"nothing happened within {seconds} seconds: {condition}")
        time.sleep(every)


def end_process(process: subprocess.Popen, *, seconds: float = 20) -> None:
    """Asks a process that leads its own session to end, then ends the session."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
