"""A real LDAP directory: Debian's slapd, over files of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ldap3
import pytest

from tools import end_process, free_port, is_listening, wait_until

SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")

BASE = "dc=provider,dc=example"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
MANAGER = f"cn=manager,{BASE}"
MANAGER_PASSWORD = "the manager's secret"
PASSWORD = "learning together"  # of everybody who is added without another

_CONFIG = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath {modules}
moduleload back_mdb
database mdb
maxsize 10485760
suffix "{base}"
rootdn "{manager}"
rootpw "{password}"
directory "{folder}/directory"
dbnosync
"""


def need_slapd() -> str:
    found = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin") or shutil.which("slapd")
    if found is None:
        pytest.skip("install Debian's package slapd")
    return found


@dataclass
class Slapd:
    """One directory: people under `ou=people` by `uid`, groups under `ou=groups` by `cn`."""

    folder: Path
    port: int
    process: subprocess.Popen | None = None

    def start(self) -> None:
        log = (self.folder / "slapd.log").open("ab")
        self.process = subprocess.Popen(
            [
                need_slapd(),
                *("-f", str(self.folder / "slapd.conf")),
                *("-h", f"ldap://127.0.0.1:{self.port}"),
                *("-d", "0"),  # stays in the foreground
            ],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        wait_until(self._answers, seconds=20)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "slapd.log").read_text()
        return is_listening(self.port)

    def stop(self) -> None:
        if self.process is not None:
            end_process(self.process)

    def add_user(self, username: str, *, password: str = PASSWORD, name: str | None = None) -> None:
        name = name or username.title()
        entry = {
            "sn": name,
            "cn": name,
            "mail": f"{username}@provider.example",
            "userPassword": password,
        }
        with self._manager() as directory:
            directory.add(person(username), "inetOrgPerson", entry)

    def remove_user(self, username: str) -> None:
        with self._manager() as directory:
            directory.delete(person(username))

    def add_group(self, name: str, members: Iterable[str]) -> None:
        """A group has at least one member: so LDAP's `groupOfNames` wants it."""
        entry = {"member": [person(username) for username in members]}
        with self._manager() as directory:
            directory.add(group(name), "groupOfNames", entry)

    def change_group(self, name: str, members: Iterable[str]) -> None:
        members = [person(username) for username in members]
        with self._manager() as directory:
            directory.modify(group(name), {"member": [(ldap3.MODIFY_REPLACE, members)]})

    def hub_config(self) -> str:
        """Lines of `jupyterhub_config.py` for `LDAPAuthenticator`."""
        return f"""
c.JupyterHub.authenticator_class = "ldap"
c.LDAPAuthenticator.server_address = "127.0.0.1"
c.LDAPAuthenticator.server_port = {self.port}
c.LDAPAuthenticator.tls_strategy = "insecure"
c.LDAPAuthenticator.bind_dn_template = ["uid={{username}},{PEOPLE}"]
c.LDAPAuthenticator.group_search_filter = "(member={{userdn}})"
c.LDAPAuthenticator.group_attributes = ["member"]
"""

    def set_up(self) -> None:
        with self._manager() as directory:
            directory.add(BASE, ["dcObject", "organization"], {"dc": "provider", "o": "Provider"})
            for unit in (PEOPLE, GROUPS):
                directory.add(unit, "organizationalUnit")

    def _manager(self) -> ldap3.Connection:
        server = ldap3.Server("127.0.0.1", port=self.port, connect_timeout=5)
        return ldap3.Connection(server, MANAGER, MANAGER_PASSWORD, raise_exceptions=True)


def person(username: str) -> str:
    """The distinguished name of a person."""
    return f"uid={username},{PEOPLE}"


def group(name: str) -> str:
    """The distinguished name of a group, as `allowed_groups` wants it."""
    return f"cn={name},{GROUPS}"


@contextmanager
def slapd(folder: Path) -> Iterator[Slapd]:
    """A directory that answers, with nobody in it, until the end of the block."""
    need_slapd()
    directory = Slapd(folder, free_port())
    (folder / "directory").mkdir()
    (folder / "slapd.conf").write_text(
        _CONFIG.format(
            schemas=SCHEMAS,
            modules=MODULES,
            folder=folder,
            base=BASE,
            manager=MANAGER,
            password=MANAGER_PASSWORD,
        )
    )
    try:
        directory.start()
        directory.set_up()
        yield directory
    finally:
        directory.stop()
