"""A PostgreSQL of the tests' own: Debian's programs, an unprivileged user, a free port.

It is gone when the tests are, however they end: a watcher holds the other end of a pipe.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, make_url

from jupyterhub_communities.storage.database import SqlDatabase
from jupyterhub_communities.storage.tables import metadata
from tools import free_port, is_listening, wait_until

_UNPRIVILEGED = "postgres" if os.path.exists("/var/lib/postgresql") else "nobody"
_WATCH = 'cat; "$0/pg_ctl" stop --silent --mode immediate --pgdata "$1/data"; rm -rf "$1"'
# Nothing here outlives the machine: a crash of it may lose what it likes.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "log_statement": "all",
}
TEMPLATE = "template_communities"


def need_postgresql() -> Path:
    """The folder of the newest server's programs."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3])
    )
    found = str(folders[-1]) if folders else shutil.which("pg_ctl")
    if found is None:
        pytest.skip("install Debian's package postgresql-15")
    return Path(found).resolve().parent


class Postgresql:
    """One server, with a database of its own for each test."""

    def __init__(self) -> None:
        self._programs = need_postgresql()
        # PostgreSQL refuses to run as root.
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as = {"user": _UNPRIVILEGED, "extra_groups": []}
        self.folder = Path(tempfile.mkdtemp(prefix="communities-postgresql-"))
        if self._as:
            shutil.chown(self.folder, _UNPRIVILEGED)
        self._watcher = subprocess.Popen(
            ["sh", "-c", _WATCH, str(self._programs), str(self.folder)],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._as,
        )
        self.port = free_port()
        self.password = secrets.token_hex()
        self._numbers = count(1)
        self._idle: list[str] = []
        self._make_cluster()
        self.start()
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        database = SqlDatabase(self.url(TEMPLATE))
        database.upgrade()
        database.close()

    def _make_cluster(self) -> None:
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        # Sorts and compares as the servers of people do, and not byte by byte.
        collation = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
        self._run(
            "initdb",
            "--no-sync",
            "--encoding=UTF8",
            "--username=tests",
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            *collation,
        )

    def start(self) -> None:
        settings = [f"-c {name}='{value}'" for name, value in _SETTINGS.items()]
        options = " ".join([f"-p {self.port}", *settings])
        self._run("pg_ctl", "start", "--wait", "--log", str(self.log), "--options", options)

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode", mode)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """All of its processes stand still: it takes what it is asked, and answers nothing."""
        postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        processes = [postmaster, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments, f"--pgdata={self.folder / 'data'}"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **self._as,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def url(self, database: str) -> str:
        return URL.create(
            "postgresql", "tests", self.password, "127.0.0.1", self.port, database
        ).render_as_string(hide_password=False)

    def connect(self, database: str) -> psycopg.Connection:
        """For what a test does behind the house's back."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="tests",
            password=self.password,
            dbname=database,
            autocommit=True,
        )

    def new_database(self, template: str = TEMPLATE) -> str:
        """The address of a database with the tables of this version, and nothing in them."""
        name = f"test_{next(self._numbers)}"
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, name: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def lend(self) -> str:
        """One that is empty: `CREATE DATABASE` costs ten times what emptying one costs."""
        return self._idle.pop() if self._idle else self.new_database()

    def take_back(self, url: str) -> None:
        name = make_url(url).database
        tables = [table.name for table in reversed(metadata.sorted_tables)]
        with self.connect(name) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute(
                "SET session_replication_role = replica"
            )  # also what is never changed
            connection.execute(";".join(f"DELETE FROM {table}" for table in tables))
        self._idle.append(url)

    def close(self) -> None:
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()
        self._watcher.wait(30)
        wait_until(lambda: not is_listening(self.port))
