"""`kill -9` of the hub, the service, the servers and the database at each named point of a start, a
stop and a tick: nothing leaks, nothing is given back twice, all is healed when all answer again.

The timers of the service keep their own pace: of its minute everybody has one whole pass, at the latest
as it ends. So one pass has to be enough, and must heal it as it is when all answer again, which is the
earliest time for it. After a kill of the hub or the service, that is the pass of a new service as it
starts. After one of the servers or the database a tick makes the timers pass. Until the next pass all is
healed, or the test fails. Where the database is killed within a tick no other is given: that one was the
last before the kill, so the next comes as late as it can. Only the Hub's own look at its servers comes
every 2 seconds and not every 30; a server that was killed needs one.

`FAULTS=all` kills each of the four at every point by itself: 93 tests, a quarter of an hour. Without it
there are those in which most can go wrong, in little more than one minute: all four are killed while
servers are held at every step of a start and a stop at one time (each step by itself has less to be
healed, and nobody else in its way), the hub with an admission open, and the service where a tick has a
transaction open, which is what it can lose.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from adding_up import assert_adds_up, assert_metered
from hubs import COMMUNITIES, WATCHED, real_hub
from points import POINTS, START, STOP, TICK, ticks_beside
from postgres import Postgresql
from sqlalchemy import make_url

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.service.timers import RECONCILE_EVERY
from tools import wait_until

pytestmark = pytest.mark.hub

MINUTE = 60
ONE_PASS = (
    RECONCILE_EVERY - 10
)  # in which there is no second one, also where it began a little before
# In this community a server runs for three seconds, with a warning of two.
BRIEF = """\
  - {slug: breve, name: Breve, champions: [bia], max_session: 3s, stop_warning: 2s}
profiles:"""
# JupyterHub waits 30 seconds for a server that has come up and does not answer: nothing of ours happens
# meanwhile.
MORE = f"""{WATCHED}
c.Spawner.http_timeout = 5
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0.1, "slow_stop_timeout": 0.1}}
"""
NUMBERS = iter(range(10_000))
ALL = os.environ.get("FAULTS") == "all"
# What the rows themselves tell of each transaction: which leases began and ended in it, and what became
# of the number of servers that the hub holds.
WITNESS = """
CREATE TABLE witnessed (turn xid8 DEFAULT pg_current_xact_id(), lease text, leases int, held int);
CREATE FUNCTION see_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO witnessed (lease, leases, held)
    VALUES (NEW.id, CASE WHEN NEW.settled_at IS NULL THEN 1 ELSE -1 END, 0);
  RETURN NULL;
END $$;
CREATE FUNCTION see_held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO witnessed (leases, held) VALUES (0, NEW.held - OLD.held);
  RETURN NULL;
END $$;
CREATE TRIGGER begins AFTER INSERT ON leases FOR EACH ROW EXECUTE FUNCTION see_lease();
CREATE TRIGGER ends AFTER UPDATE OF settled_at ON leases FOR EACH ROW EXECUTE FUNCTION see_lease();
CREATE TRIGGER moves AFTER UPDATE OF held ON balances FOR EACH ROW
  WHEN (NEW.scope = 'hub:hub' AND NEW.resource = 'servers') EXECUTE FUNCTION see_held();
"""


@pytest.fixture(scope="module")
def server():
    """Of this module's own: it is killed."""
    server = Postgresql()
    yield server
    server.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory, server):
    folder = tmp_path_factory.mktemp("points")
    (folder / "armed").mkdir()
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(
        f"import sys\nfrom pathlib import Path\nsys.path.append({str(Path(__file__).parent)!r})\n"
        f"import points\npoints.install(Path({str(folder / 'armed')!r}))\n"
    )
    ticks_beside(folder / "armed").touch()
    url = server.new_database()
    communities = COMMUNITIES.replace("{language: en}", f"{{database: '{url}'}}")
    communities = communities.replace("profiles:", BRIEF)
    known = os.environ.get("PYTHONPATH")  # of a checkout that is not installed
    path = [str(folder / "site"), *([known] if known else [])]
    environment = {"PYTHONPATH": os.pathsep.join(path)}
    with real_hub(folder, more=MORE, communities=communities, environment=environment) as hub:
        hub.server, hub.database = server, make_url(url).database
        with server.connect(hub.database) as connection:
            connection.execute(WITNESS)
        hub.standing = None
        hub.andes = hub.workshop("Puntos", seats=400)
        hub.breve = hub.workshop("Breve", "breve", by="bia", seats=400)
        yield hub


@pytest.fixture(autouse=True)
def _nobody_is_held_any_more(hub):
    yield
    release(hub)


def armed(hub) -> Path:
    return hub.folder / "armed"


def arm(hub, *names: str) -> None:
    for name in names:
        (armed(hub) / name).touch()


def reached(hub, name: str) -> int:
    """The process that is held there."""
    file = armed(hub) / f"{name}.reached"
    return int(wait_until(lambda: file.exists() and file.read_text(), every=0.02))


def release(hub) -> None:
    for file in armed(hub).iterdir():
        file.unlink()


def tick(hub) -> None:
    """Each timer of the service passes now, and then not for a minute."""
    with ticks_beside(armed(hub)).open("ab") as file:
        file.write(b".")


def somebody(hub, opened=None) -> str:
    request = JoinRequest((opened or hub.andes).learner_invite.code, f"p{next(NUMBERS)}", "Pa")
    username = hub.house.call(redeem_invite, request).account.username
    assert hub.api("POST", f"/users/{username}").status_code == 201
    return username


def ask_to_start(hub, username: str) -> None:
    answer = hub.api("POST", f"/users/{username}/server", json={})
    assert answer.status_code in (201, 202), answer.text


def started(hub, opened=None) -> str:
    username = somebody(hub, opened)
    ask_to_start(hub, username)
    wait_until(lambda: is_ready(hub, username))
    return username


def is_ready(hub, username: str) -> bool:
    return hub.user(username)["servers"].get("", {}).get("ready", False)


def bystander(hub) -> None:
    """Somebody whose server runs, so that there is always one to kill."""
    if hub.standing is None or not is_ready(hub, hub.standing):
        hub.standing = started(hub)


# How somebody comes to a point


def come_to(hub, point) -> str:
    """Who is held there, or whose server is."""
    if point in START or point.name in ("admitting", "activating"):
        user = somebody(hub)
        arm(hub, f"{point.name}@{user}" if point in START else point.name)
        ask_to_start(hub, user)
    elif point in STOP or point.name == "settling":
        user = started(hub)
        arm(hub, f"{point.name}@{user}" if point in STOP else point.name)
        hub.api("DELETE", f"/users/{user}/server")
    elif point in STOPPING:  # armed before: the server is soon warned of its end
        user = somebody(hub, hub.breve)
        arm(hub, point.name)
        ask_to_start(hub, user)
        wait_until(lambda: lease_of(hub, user))
        tick(hub)
    else:
        user = started(hub)
        arm(hub, point.name)
        if point.name in ("adopting", "mended"):
            take_lease_away(hub, user)
        tick(hub)
    named = point in START or point in STOP
    held = reached(hub, f"{point.name}@{user}" if named else point.name)
    assert held in (processes(hub, SERVICE) if point in TICK else [hub.process.pid])
    return user


def lease_of(hub, username: str):
    with hub.house.database.read() as store:
        return next(iter(store.leases.of_username(username)), None)


def take_lease_away(hub, username: str) -> None:
    """As if the server had been admitted without the database."""
    lease = lease_of(hub, username)
    with hub.house.database.write() as store:
        store.leases.settle(lease.id, hub.house.clock.now())
        store.balances.release(lease.charged, lease.amounts)


# Who is killed

SERVICE = "jupyterhub_communities service"
TINY = "tiny_server.py"


def processes(hub, wanted: str) -> list[int]:
    """Those of this hub by a part of their command."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            where = f"{command} {(folder / 'cwd').readlink()}"
        except OSError:
            continue
        if wanted in command and str(hub.folder) in where:
            found.append(int(folder.name))
    return found


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill_hub(hub) -> None:
    hub.process.kill()
    hub.process.wait()
    release(hub)
    hub.launches = 0
    hub.start()


def kill_service(hub) -> None:
    kill_these(hub, SERVICE)
    release(hub)


def kill_servers(hub) -> None:
    kill_these(hub, TINY)
    release(hub)


def kill_these(hub, wanted: str) -> None:
    pids = processes(hub, wanted)
    assert pids, "there was nobody to kill"
    kill_all(pids)
    wait_until(lambda: not set(pids) & set(processes(hub, wanted)), every=0.02)


def kill_database(hub) -> None:
    """With what it has of its own, at once: then it is started again."""
    postmaster = int((hub.server.folder / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)  # it would start its children anew
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    kill_all([*map(int, children), postmaster])
    release(hub)
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))
    hub.server.start()


KILL = {
    "hub": kill_hub,
    "service": kill_service,
    "servers": kill_servers,
    "database": kill_database,
}

# What must be so afterwards


def agrees(hub) -> bool:
    """Leases are those of the Hub's servers, which run, and none of which is on its way."""
    if not hub.answers():
        return False
    users = hub.api("GET", "/users?state=active").json()
    servers = {user["name"]: server for user in users for server in user["servers"].values()}
    with hub.house.database.read() as store:
        leases = store.leases.unsettled()
    alive = processes(hub, TINY)
    return (
        all(server["ready"] and not server["pending"] for server in servers.values())
        # One that was killed is ready for the Hub until it looks, and for a moment has no number.
        and all((server["state"] or {}).get("pid") in alive for server in servers.values())
        and {lease.server.username for lease in leases} == set(servers)
        and len(leases) == len(servers)
        and all(lease.active_at for lease in leases)
    )


def assert_healed(
    hub, *, within: float = ONE_PASS, ticks: bool = False, gone: str | None = None
) -> float:
    """From when all answer; in how many seconds. `ticks`: the timers pass then. `gone`: whose server is
    to have been stopped as well."""
    wait_until(hub.answers, seconds=MINUTE)
    began = time.monotonic()
    if ticks:
        tick(hub)
    try:
        wait_until(
            lambda: agrees(hub) and (gone is None or lease_of(hub, gone) is None),
            seconds=within,
            every=0.2,
        )
    except pytest.fail.Exception:
        pytest.fail(
            f"not healed: {hub.api('GET', '/users?state=active').text}\n{hub.log()[-6000:]}"
        )
    seconds = time.monotonic() - began
    assert_adds_up(hub.house)
    assert_metered(hub.house)
    assert_settled_once(hub)
    assert "did not add up" not in hub.log(), "the safety net had to hold"
    return seconds


def assert_settled_once(hub) -> None:
    """Whatever was killed: each lease began once and ended at most once, and the transactions in which
    they did are those that took and gave back, one server for each."""
    with hub.server.connect(hub.database) as connection:
        twice = connection.execute(
            "SELECT lease, array_agg(leases) FROM witnessed WHERE lease IS NOT NULL GROUP BY lease"
            " HAVING array_agg(leases ORDER BY leases DESC) NOT IN (ARRAY[1], ARRAY[1, -1])"
        ).fetchall()
        uneven = connection.execute(
            "SELECT turn, sum(leases), sum(held) FROM witnessed GROUP BY turn"
            " HAVING sum(leases) <> sum(held)"
        ).fetchall()
    assert (twice, uneven) == ([], [])


STOPPING = [point for point in TICK if point.name.startswith(("warn", "hub."))]
TOGETHER = [*START, *STOP]
BY_ITSELF = [
    (point, victim)
    for point in POINTS
    for victim in KILL
    if ALL
    or (point.name == "admitting" and victim == "hub")
    or (point.name in ("metering", "adopting", "warning") and victim == "service")
]
# Point and victim → in how many seconds all was healed, with others held elsewhere and alone.
HEALED_TOGETHER: dict[tuple[str, str], float] = {}
HEALED: dict[tuple[str, str], float] = {}


@pytest.mark.parametrize("victim", KILL)
def test_a_kill_while_servers_are_at_each_step_of_starting_and_stopping(hub, victim) -> None:
    bystander(hub)
    stopping = {point.name: started(hub) for point in STOP}
    starting = {point.name: somebody(hub) for point in START}
    names = [f"{name}@{user}" for name, user in {**starting, **stopping}.items()]
    arm(hub, *names)
    for user in starting.values():
        ask_to_start(hub, user)
    for user in stopping.values():
        hub.api("DELETE", f"/users/{user}/server")
    for name in names:
        assert reached(hub, name) == hub.process.pid
    KILL[victim](hub)
    seconds = assert_healed(hub, ticks=victim in ("servers", "database"))
    HEALED_TOGETHER.update({(point.name, victim): seconds for point in TOGETHER})


@pytest.mark.parametrize(("point", "victim"), BY_ITSELF, ids=lambda one: getattr(one, "name", one))
def test_a_kill_at_each_point_by_itself(hub, point, victim) -> None:
    wait_until(lambda: agrees(hub), seconds=MINUTE)
    bystander(hub)
    user = come_to(hub, point)
    KILL[victim](hub)
    HEALED[point.name, victim] = assert_healed(
        hub,
        within=MINUTE if point in TICK and victim == "database" else ONE_PASS,
        ticks=point not in TICK and victim in ("servers", "database"),
        gone=user if point in STOPPING else None,
    )


def test_every_point_was_reached_with_every_victim_and_each_lease_was_settled_once(hub) -> None:
    """Each new service compared all counters with the leases, and said nothing of them."""
    assert set(HEALED_TOGETHER) == {(point.name, victim) for point in TOGETHER for victim in KILL}
    assert set(HEALED) == {(point.name, victim) for point, victim in BY_ITSELF}
    if ALL:
        assert len(HEALED) == len(POINTS) * len(KILL) == 88
    print(
        f"{len(HEALED_TOGETHER)} at one time, {len(HEALED)} by themselves; seconds until all was healed:"
    )
    for (point, victim), seconds in [*HEALED_TOGETHER.items(), *HEALED.items()]:
        print(f"{seconds:5.1f} {point} {victim}")
    assert_settled_once(hub)
    with hub.server.connect(hub.database) as connection:
        counted = connection.execute(
            "SELECT count(*) FILTER (WHERE leases = 1), count(*) FILTER (WHERE leases = -1),"
            " (SELECT count(*) FROM leases), (SELECT count(settled_at) FROM leases) FROM witnessed"
        ).fetchone()
    begun, ended, leases, settled = counted
    assert (begun, ended) == (leases, settled)
    assert settled > len(HEALED)
    assert "did not add up" not in hub.log()
