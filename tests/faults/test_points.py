"""`kill -9` of the hub, the service, the servers and the database at each named point of a start, a
stop and a tick: nothing leaks, nothing is given back twice, all is healed when all answer again.

The service ticks every second here, and the Hub looks after it as often; what is waited for has a
minute, as everybody is promised.

`FAULTS=all` kills everybody at every step: 35 tests, some three minutes. Without it there are those in
which most can go wrong, in little more than one: all four are killed while servers are held at every step
of a start and a stop at one time (the other ways to get there differ in who else is held), the hub with
an admission open, and the service where a tick has a transaction open, which is what it can lose.
"""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from adding_up import assert_adds_up, assert_metered
from hubs import COMMUNITIES, WATCHED, real_hub
from points import IN_TRANSACTION, START, STOP, TICK
from postgres import Postgresql

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from tools import wait_until

pytestmark = pytest.mark.hub

MINUTE = 60
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
OPEN = ("metering", "adopting", "warning")


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
    communities = COMMUNITIES.replace("{language: en}", f"{{database: '{server.new_database()}'}}")
    communities = communities.replace("profiles:", BRIEF)
    known = os.environ.get("PYTHONPATH")  # of a checkout that is not installed
    path = [str(folder / "site"), *([known] if known else [])]
    environment = {"PYTHONPATH": os.pathsep.join(path)}
    with real_hub(folder, more=MORE, communities=communities, environment=environment) as hub:
        hub.server = server
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
    wait_until(lambda: hub.user(username)["servers"].get("", {}).get("ready"))
    return username


# Who is killed


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


def kill_all(pids) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill_hub(hub) -> None:
    hub.process.kill()
    hub.process.wait()
    release(hub)
    hub.start()


def kill_service(hub) -> None:
    kill_all(processes(hub, "jupyterhub_communities service"))
    release(hub)


def kill_servers(hub) -> None:
    kill_all(processes(hub, "tiny_server.py"))
    release(hub)


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
    """Leases are those of the Hub's servers, none of which is on its way."""
    if not hub.answers():
        return False
    users = hub.api("GET", "/users?state=active").json()
    servers = {user["name"]: server for user in users for server in user["servers"].values()}
    with hub.house.database.read() as store:
        leases = store.leases.unsettled()
    return (
        all(server["ready"] and not server["pending"] for server in servers.values())
        and {lease.server.username for lease in leases} == set(servers)
        and len(leases) == len(servers)
    )


def assert_healed(hub) -> None:
    assert wait_until(lambda: answering(hub), seconds=MINUTE)
    began = time.monotonic()
    try:
        wait_until(lambda: agrees(hub), seconds=MINUTE, every=0.2)
    except pytest.fail.Exception:
        pytest.fail(
            f"not healed: {hub.api('GET', '/users?state=active').text}\n{hub.log()[-6000:]}"
        )
    assert time.monotonic() - began < MINUTE
    assert_adds_up(hub.house)
    assert_metered(hub.house)
    assert "did not add up" not in hub.log(), "the safety net had to hold"


def answering(hub) -> bool:
    return hub.answers()


@pytest.mark.parametrize("victim", KILL)
def test_a_kill_while_servers_are_at_each_step_of_starting_and_stopping(hub, victim) -> None:
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
    assert_healed(hub)


@pytest.mark.parametrize("victim", ["hub", "database"] if ALL else ["hub"])
@pytest.mark.parametrize(
    "point", IN_TRANSACTION if ALL else IN_TRANSACTION[:1], ids=lambda point: point.name
)
def test_a_kill_before_the_commit_of_a_start_or_stop(hub, point, victim) -> None:
    user = started(hub) if point.name == "settling" else somebody(hub)
    arm(hub, point.name)
    if point.name == "settling":
        hub.api("DELETE", f"/users/{user}/server")
    else:
        ask_to_start(hub, user)
    reached(hub, point.name)
    KILL[victim](hub)
    assert_healed(hub)


STOPPING = [point for point in TICK if point.name.startswith(("warn", "hub."))]
TICK_VICTIMS = [(point, "service") for point in TICK if ALL or point.name in OPEN]
TICK_VICTIMS += [(point, "database") for point in TICK if ALL]
TICK_VICTIMS += [(point, victim) for point in TICK[-2:] for victim in ("hub", "servers") if ALL]


@pytest.mark.parametrize(
    ("point", "victim"), TICK_VICTIMS, ids=lambda one: getattr(one, "name", one)
)
def test_a_kill_at_each_step_of_a_tick(hub, point, victim) -> None:
    wait_until(lambda: agrees(hub), seconds=MINUTE)
    if point in STOPPING:  # armed before: the server is soon warned of its end
        user = somebody(hub, hub.breve)
        arm(hub, point.name)
        ask_to_start(hub, user)
    else:
        user = started(hub)
        arm(hub, point.name)
    if point.name in ("adopting", "mended"):  # as if it had been admitted without the database
        with hub.house.database.write() as store:
            lease = next(one for one in store.leases.unsettled() if one.server.username == user)
            store.leases.settle(lease.id, hub.house.clock.now())
            store.balances.release(lease.charged, lease.amounts)
    held = reached(hub, point.name)
    assert held in processes(hub, "jupyterhub_communities service")
    KILL[victim](hub)
    if point in STOPPING:
        wait_until(lambda: user not in running(hub), seconds=MINUTE)
    assert_healed(hub)


def running(hub) -> list[str]:
    answer = hub.api("GET", "/users?state=active")
    return [user["name"] for user in answer.json()]


def test_every_point_was_reached_and_the_recount_found_nothing_to_mend(hub) -> None:
    """Each new service compared all counters with the leases, and said nothing of them."""
    assert len(re.findall("Starting service 'communities'|Started.*service", hub.log())) > 3
    assert "did not add up" not in hub.log()
