"""The demo as a person runs it: what it prints, keeps, refuses and leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from demos import ROOT, start_demo, stop_demo

from tools import free_port, is_listening, wait_until

pytestmark = pytest.mark.hub


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "jupyterhub_communities", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def children_of(session: int) -> list[str]:
    """Processes that mention the demo's data directory, of any session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


def test_the_json_says_where_everything_is(demo) -> None:
    facts = demo.facts
    assert set(facts) == {"hub_url", "service_url", "api_url", "operator", "champions", "invites"}
    assert {i["language"] for i in facts["invites"]} == {"es", "pt-BR", "en", "sw", "fr", "ar"}
    communities = {"andes", "cerrado", "bonde", "sahel", "nilein"}
    assert {c["community"] for c in facts["champions"]} == communities
    for person in (facts["operator"], *facts["champions"]):
        answer = requests.get(
            f"{facts['api_url']}me",
            headers={"Authorization": f"token {person['api_token']}"},
            timeout=20,
        )
        assert answer.json()["username"] == person["username"]
    operator = requests.get(
        f"{facts['hub_url']}api/users",
        headers={"Authorization": f"token {facts['operator']['api_token']}"},
        timeout=20,
    )
    assert operator.ok, "the operator administers the hub"


def test_a_second_demo_in_the_same_directory_is_told_so(demo) -> None:
    done = run("--data-dir", str(demo.data), "--port", str(free_port()))
    assert done.returncode == 2
    assert "running in" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_taken_port_is_one_sentence(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--data-dir", str(tmp_path / "d"), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "--port 9000" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_directory_of_something_else_is_left_alone(tmp_path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = run("--data-dir", str(tmp_path), "--reset", "--port", str(free_port()))
    assert done.returncode == 2
    assert "--data-dir" in done.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    done = run("--data-dir", str(tmp_path / "file" / "demo"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_proxy_names_what_installs_it(tmp_path) -> None:
    copy = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", copy], check=True)
    done = subprocess.run(
        [
            copy / "bin" / "python",
            "-m",
            "jupyterhub_communities",
            "demo",
            "--data-dir",
            tmp_path / "d",
        ],
        cwd=ROOT,
        env={"PATH": "/nowhere", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "make demo" in done.stderr


def test_ctrl_c_leaves_no_process_and_no_port_and_the_next_run_keeps_everything(tmp_path) -> None:
    data = tmp_path / "data"
    first = start_demo(data)
    champion = first.champion("andes")
    assert requests.post(
        f"{first.hub}api/users/{champion['username']}/server",
        headers={"Authorization": f"token {champion['api_token']}"},
        timeout=60,
    ).status_code in (201, 202)
    wait_until(lambda: "jupyterhub-singleuser" in "".join(children_of(0)))
    os.kill(first.process.pid, signal.SIGINT)
    assert first.process.wait(40) == 0
    first.process.stdout.close()
    wait_until(lambda: not is_listening(first.port))
    wait_until(lambda: not [line for line in children_of(0) if str(data) in line])
    homes = {home.name for home in (data / "homes").iterdir()}
    assert champion["username"] in homes

    second = start_demo(data)
    try:
        for part in ("operator", "champions"):
            assert second.facts[part] == first.facts[part]
        assert second.facts["invites"] == first.facts["invites"]
        assert json.loads((data / "demo.json").read_text())["return_keys"]
    finally:
        stop_demo(second)
