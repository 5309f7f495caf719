"""The real demo, as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools import end_process, free_port, need_proxy

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Demo:
    process: subprocess.Popen
    port: int
    data: Path
    facts: dict[str, Any]

    @property
    def hub(self) -> str:
        return self.facts["hub_url"]

    def code(self, language: str, role: str = "learner") -> str:
        return self.invite(language, role)["code"]

    def invite(self, language: str, role: str = "learner") -> dict[str, Any]:
        return next(
            invite
            for invite in self.facts["invites"]
            if invite["language"] == language and invite["role"] == role
        )

    def champion(self, community: str) -> dict[str, Any]:
        return next(c for c in self.facts["champions"] if c["community"] == community)

    def log(self) -> str:
        return (self.data / "hub.log").read_text(errors="replace")


def start_demo(data: Path, *arguments: str) -> Demo:
    need_proxy()
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterhub_communities", "demo", "--json"),
            *("--port", str(port), "--data-dir", str(data), *arguments),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    line = process.stdout.readline()
    if not line:
        process.wait()
        log = data / "hub.log"
        pytest.fail(f"the demo did not start: {log.read_text()[-3000:] if log.exists() else ''}")
    return Demo(process, port, data, json.loads(line))


def stop_demo(demo: Demo) -> None:
    end_process(demo.process, seconds=40)
    demo.process.stdout.close()
