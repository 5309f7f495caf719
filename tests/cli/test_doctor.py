"""`jupyterhub-communities doctor`: what is broken on purpose is found, and told with what to do."""

from __future__ import annotations

import json
import re
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time

import pytest

from jupyterhub_communities import doctor
from jupyterhub_communities.app import open_house
from jupyterhub_communities.application.issuing import issue_bound_invite
from jupyterhub_communities.cli import main
from jupyterhub_communities.doctor_hub import look_at_version
from jupyterhub_communities.domain.metering import METERED

NOWHERE = "http://127.0.0.1:1/hub/"
FILE = "communities: [{slug: andes, name: Andes, champions: [ana], quota: {servers: 4}}]\n"
CONFIGURE = """\
from jupyterhub_communities import configure
configure(c, "communities.yaml")
"""
APART = "c.JupyterHub.subdomain_host = 'https://hub.example.org'\n"


@pytest.fixture
def hub(tmp_path, capsys):
    """The folder of a hub where all is well, but that it does not run."""
    assert main(["init", "--config", str(tmp_path / "communities.yaml")]) == 0
    (tmp_path / "communities.yaml").write_text(FILE)
    (tmp_path / "jupyterhub_config.py").write_text(APART + CONFIGURE)
    assert main(["apply", "--config", str(tmp_path / "communities.yaml")]) == 0
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def look(hub, capsys):
    def look(address=NOWHERE):
        file = str(hub / "communities.yaml")
        status = main(["doctor", "--config", file, "--hub", address, "--json"])
        return status, {one["name"]: one for one in json.loads(capsys.readouterr().out)}

    return look


def in_house(hub, act) -> None:
    with closing(open_house(hub / "communities.yaml")) as house:
        act(house)


def test_a_hub_where_all_is_well_has_nothing_to_mend(hub, look, capsys) -> None:
    status, found = look()
    assert (status, set(found)) == (0, {"hub"})
    assert found["hub"]["level"] == "unseen"
    assert not (hub / ".communities.yaml.running").exists(), "no hub has read the file"
    main(["doctor", "--config", str(hub / "communities.yaml"), "--hub", NOWHERE])
    assert capsys.readouterr().out.endswith("Nothing has to be mended.\n")


def test_servers_on_the_services_host_are_told_and_nothing_to_mend(hub, look) -> None:
    (hub / "jupyterhub_config.py").write_text(CONFIGURE)
    status, found = look()
    assert (status, found["subdomain_host"]["level"]) == (0, "know")


def open_key(hub) -> None:
    (hub / "communities.key").chmod(0o644)


def another_key(hub) -> None:
    in_house(hub, lambda house: house.call(issue_bound_invite, "ana"))
    (hub / "communities.key").unlink()
    main(["init", "--config", str(hub / "communities.yaml")])


def no_tables(hub) -> None:
    (hub / "communities.sqlite").unlink()


def no_file(hub) -> None:
    (hub / "communities.yaml").write_text("hub: {database: nowhere/communities.sqlite}")


def another_quota(hub) -> None:
    (hub / "communities.yaml").write_text(FILE.replace("4", "5"))


def broken_file(hub) -> None:
    (hub / "communities.yaml").write_text(FILE.replace("quota", "quotas"))


def no_service(hub) -> None:
    def act(house):
        with house.database.write() as store:
            store.marks.set(METERED, house.clock.now() - timedelta(hours=2))

    in_house(hub, act)


def unfinished_language(hub) -> None:
    (hub / "communities.yaml").write_text(FILE + "hub: {catalogues: locale}\n")


def config(text):
    return lambda hub: (hub / "jupyterhub_config.py").write_text(APART + CONFIGURE + text)


@pytest.mark.parametrize(
    ("broken", "name", "says"),
    [
        (open_key, "key", "is open to others. Run: chmod 600"),
        (another_key, "key", "does not belong to this database"),
        (no_tables, "database", "Run: jupyterhub-communities upgrade-db"),
        (no_file, "database", "does not answer"),
        (another_quota, "apply", "quota hub/andes servers"),
        (broken_file, "file", "quotas"),
        (no_service, "timers", "metering usage (done until "),
        (unfinished_language, "languages", "there is no folder"),
        (config("c.JupyterHub.load_groups = {'x': []}"), "load_groups", "will not start"),
        (config("c.JupyterHub.spawner_class = 'simple'"), "spawner_class", "knows nothing of"),
        (config("c.JupyterHub.authenticator_class = 'dummy'"), "authenticator_class", "Dummy"),
        (config("c.JupyterHub.load_roles = []"), "scopes", "lacks admin:groups"),
        (config("c.JupyterHub.services = []"), "service", "no service communities"),
        (config("import nothing_of_this_name"), "config", "ModuleNotFoundError"),
    ],
)
def test_what_is_broken_is_found(hub, look, capsys, broken, name, says) -> None:
    broken(hub)
    capsys.readouterr()
    status, found = look()
    assert status == 1
    assert found[name]["level"] == "mend"
    assert says in f"{found[name]['says']} {found[name]['do']}"


def test_load_groups_before_configure_is_told_as_configure_says_it(hub, look) -> None:
    text = "c.JupyterHub.load_groups = {'x': []}\n" + CONFIGURE
    (hub / "jupyterhub_config.py").write_text(text)
    status, found = look()
    assert status == 1
    assert found["config"]["says"].startswith("JupyterHub.load_groups cannot be used together")


def test_where_the_database_lies_is_looked_at(hub, look, monkeypatch) -> None:
    mounts = hub / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {hub} nfs4 rw 0 0\n")
    monkeypatch.setattr(doctor, "MOUNTS", mounts)
    monkeypatch.setattr(doctor, "LEAST_FREE", 10**18)
    monkeypatch.setattr(doctor, "LEAST_SHARE", 1.0)
    status, found = look()
    assert (status, set(found)) == (1, {"network", "disk", "hub"})
    assert "nfs4" in found["network"]["says"]


@pytest.mark.parametrize(
    ("version", "is_well"),
    [("5.4.3", False), ("5.5.0", True), ("6.1.1", True), ("7.0.0", False), ("6.2.0b1", True)],
)
def test_versions_of_the_hub(version, is_well) -> None:
    assert (not list(look_at_version(version))) is is_well


@contextmanager
def answering(version="6.1.1", *, apart=0.0, scopes=(), has_service=True):
    """A hub, as far as it is asked."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            answers = {"/hub/api/": {"version": version}, "/hub/api/user": {"scopes": scopes}}
            if has_service:
                answers["/services/communities/health"] = {"status": "ok"}
            answer = answers.get(self.path)
            self.send_response_only(200 if answer else 404)
            self.send_header("Date", formatdate(time() + apart, usegmt=True))
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hub/"
        server.shutdown()


def test_a_hub_that_runs_is_asked(hub, look, monkeypatch) -> None:
    (hub / "jupyterhub_config.py").write_text(CONFIGURE)  # the service is on the Hub's host
    with answering() as address:
        status, found = look(address)
        assert (status, set(found)) == (0, {"subdomain_host"})
    with answering("4.1.0", apart=-60, has_service=False) as address:
        status, found = look(address)
        assert {"version", "clock", "service"} <= set(found)
        assert re.search(r" 6[01] seconds apart", found["clock"]["says"])
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "its token")
    with answering(scopes=["admin:groups"]) as address:
        status, found = look(address)
        assert status == 1
        assert "lacks groups" in found["scopes"]["says"]
