"""The line for servers, over HTTP against a real hub, without scripts."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
from crowds import COMMUNITIES, Learner, all_start, gather, instant_servers, lost, seconds_of
from hubs import ADMIN_TOKEN, real_hub, text_of, token_of

from jupyterhub_communities.application.line import tickets_in_line
from jupyterhub_communities.domain.leases import ServerKey
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.hub.client import HubClient
from jupyterhub_communities.service.restarts import Restarts
from tools import wait_until

COUNTING = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r})
import sql_counter
sql_counter.install(c)
"""
# Of whom a file has the name.
FAILING = """
async def fail(spawner):
    if os.path.exists(f"no-server-for-{spawner.user.name}"):
        raise RuntimeError("no machine")

import os
c.Spawner.pre_spawn_hook = fail
"""
FINE = {200, 302, 303}
# The Hub's own handlers, before ours.
PLAIN = """
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub_communities.hub import starting
starting.START_HANDLERS[:] = [
    (path, SpawnHandler if path.startswith("/spawn/") or path == "/spawn" else handler)
    for path, handler in starting.START_HANDLERS
]
"""


def a_hub(folder, more, communities=COMMUNITIES):
    return real_hub(folder, more=more, communities=communities)


def limited(to: int) -> str:
    return f"c.JupyterHub.concurrent_spawn_limit = {to}\n"


def statuses(people) -> set[int]:
    return {status for one in people for status in one.statuses}


def starts(hub, learner) -> int:
    """Over REST."""
    return hub.api("POST", f"/users/{learner.username}/server").status_code


@pytest.mark.alone
def test_three_hundred_click_at_once_and_nobody_is_lost(tmp_path) -> None:
    """With the Hub's default limit of 100 starts at a time, and two communities: the ten who clicked
    last do not wait until the 290 of the other have their servers."""
    with a_hub(tmp_path, instant_servers()) as hub:
        many = gather(hub, hub.workshop("Grande", seats=400), 290, "grande")
        few = gather(hub, hub.workshop("Petit", "sahel", by="awa"), 10, "petit")
        all_start([*many, *few])
        assert lost(hub, [*many, *few]) == []
        assert statuses([*many, *few]) <= FINE
        assert any(one.waited for one in many), "how many depends on how fast the machine is"
        last_of_few = max(one.ended_at for one in few)
        assert sum(one.ended_at < last_of_few for one in many) < 250


@pytest.mark.parametrize("plain", [False, True], ids=["line", "plain"])
def test_twelve_click_where_five_may_start_at_once(tmp_path, plain) -> None:
    """On the plain Hub, seven get a 429."""
    more = limited(5) + (PLAIN if plain else "")
    with a_hub(tmp_path, instant_servers(1) + more) as hub:
        people = gather(hub, hub.workshop("Doce"), 12, "doce")
        all_start(people, pace=0.2)
        if plain:
            assert 1 <= len(lost(hub, people)) <= 7
            assert 429 in statuses(people)
        else:
            assert lost(hub, people) == []
            assert statuses(people) <= FINE
            assert sum(one.waited for one in people) >= 5


def test_a_hub_that_runs_as_many_servers_as_it_may_starts_the_next_when_one_stops(tmp_path) -> None:
    """JupyterHub's `active_server_limit`, of which its own page says 429."""
    more = "c.JupyterHub.active_server_limit = 2\n"
    with a_hub(tmp_path, instant_servers(0) + more) as hub:
        first, second, third, fourth = gather(hub, hub.workshop("Dos"), 4, "dos")
        for one in (first, second):
            one.start(pace=0.2)
        assert lost(hub, [first, second]) == []
        for place, one in enumerate((third, fourth), 1):
            assert f"Tu lugar en la fila {place}" in text_of(one.look("/hub/spawn"))
        stop(hub, first)
        third.start(pace=0.2)
        assert lost(hub, [second, third, fourth]) == [fourth.username]
        assert statuses([third, fourth]) <= FINE


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """With one place for andes, and none of the Hub's own limits in the way."""
    folder = tmp_path_factory.mktemp("line")
    communities = COMMUNITIES.replace("champions: [ana]", "champions: [ana], quota: {servers: 1}")
    with a_hub(folder, instant_servers(0) + COUNTING + FAILING, communities) as hub:
        yield hub


@pytest.fixture
def full(hub, request):
    """Somebody whose server takes the community's one place, and two who want one."""
    name = request.node.name[5:17].replace("_", "-")
    first, second, third = gather(hub, hub.workshop(name), 3, name)
    first.look("/hub/spawn")
    assert lost(hub, [first]) == []
    yield first, second, third
    for one in (first, second, third):
        stop(hub, one)
    for ticket in hub.house.call(tickets_in_line):
        leave(next(o for o in (first, second, third) if o.username == ticket.server.username))


# Of ours nothing: the page is answered from memory, and its language from the cookie or the browser.
# The Hub looks up the session's user, and notes now and then when they were last active.
A_POLL = {"hub": 4, "ours": 0}


def cost_of_a_poll(hub, learner: Learner) -> dict[str, int]:
    """Statements, the fewest of some polls: now and then one looks at the database for all who wait."""
    found = []
    learner.device.session.headers["X-Counted"] = "yes"
    for _ in range(6):
        requests.get(f"{hub.url}/hub/counted", timeout=30)
        page = learner.look(f"/hub/communities/line/{learner.username}")
        assert seconds_of(page)
        notes = requests.get(f"{hub.url}/hub/counted", timeout=30).json()
        asked = [n for n in notes if " " in n["what"] and n["whose"] in ("hub", "ours")]
        found.append(asked)
    del learner.device.session.headers["X-Counted"]
    fewest = min(found, key=len)
    return {whose: sum(n["whose"] == whose for n in fewest) for whose in A_POLL}


def test_a_page_that_waits_costs_a_few_statements_however_many_wait(hub, full) -> None:
    _, second, third = full
    second.look("/hub/spawn")
    alone = cost_of_a_poll(hub, second)
    third.look("/hub/spawn")
    crowd = gather(hub, hub.workshop("Muchas"), 20, "muchas")
    for one in crowd:
        one.look("/hub/spawn")
    assert len(hub.house.call(tickets_in_line)) == 22
    among_many = cost_of_a_poll(hub, second)
    for one in crowd:
        leave(one)
    assert among_many == alone
    assert all(alone[whose] <= most for whose, most in A_POLL.items()), alone


def stop(hub, learner: Learner) -> None:
    hub.api("DELETE", f"/users/{learner.username}/server")
    wait_until(lambda: not hub.user(learner.username)["servers"])


def leave(learner: Learner):
    return learner.device.post("/hub/communities/leave-line", leave_form(learner, learner))


def leave_form(learner: Learner, of: Learner) -> dict[str, str]:
    learner.look("/hub/home")
    token = learner.device.session.cookies["_xsrf"]
    return {"_xsrf": token, "user": of.username, "server": ""}


def test_who_finds_the_quota_full_is_started_when_somebody_stops(hub, full) -> None:
    first, second, third = full
    page = second.look("/hub/spawn")
    assert page.status_code == 200
    assert "Tu lugar en la fila 1" in text_of(page)
    assert "Eres la siguiente persona de tu comunidad." in text_of(page)
    assert seconds_of(page) == 3
    page = third.look("/hub/spawn?opt-profile=small")
    assert "Tu lugar en la fila 2" in text_of(page)
    assert "Hay una persona de tu comunidad antes que tú." in text_of(page)
    stop(hub, first)
    third.look(page.url.removeprefix(hub.url))
    assert lost(hub, [second, third]) == [second.username, third.username], "it is not its turn"
    second.start(pace=0.2)
    assert lost(hub, [second]) == []
    assert [one.server.username for one in hub.house.call(tickets_in_line)] == [third.username]


def test_a_rescue_starts_at_once_also_of_who_waits_in_line(hub, full) -> None:
    _, second, third = full
    second.look("/hub/spawn")
    assert "/communities/line/" in third.look("/hub/spawn").url
    third.start(f"/hub/spawn/{third.username}?opt-rescue=yes", pace=0.2)
    assert lost(hub, [second, third]) == [second.username]
    assert [one.server.username for one in hub.house.call(tickets_in_line)] == [second.username]


def troubles(hub, at: Scope) -> list[str]:
    """What the board of a workshop knows."""
    with hub.house.database.read() as store:
        return [one.code for one in store.board.troubles(at.community, at.workshop).values()]


def test_a_server_that_staff_restart_is_back_before_who_waits(hub, full) -> None:
    first, second, _ = full
    second.look("/hub/spawn")

    async def restart() -> None:
        restarts = Restarts(HubClient(f"{hub.url}/hub/api", ADMIN_TOKEN))
        restarts.restart([ServerKey(first.username)])
        await restarts.finished()

    asyncio.run(restart())
    assert lost(hub, [first, second]) == [second.username]
    (ticket,) = hub.house.call(tickets_in_line)
    assert ticket.server.username == second.username
    assert troubles(hub, ticket.scope) == []


def test_whose_place_was_taken_during_a_restart_stands_in_line_and_the_board_knows(
    hub, full
) -> None:
    first, second, _ = full
    stop(hub, first)
    second.start(pace=0.2)
    answer = hub.api("POST", f"/users/{first.username}/server?restart=yes")
    assert answer.status_code == 429
    (ticket,) = hub.house.call(tickets_in_line)
    assert ticket.server.username == first.username
    assert troubles(hub, ticket.scope) == ["quota.exceeded"]
    stop(hub, second)
    first.start(pace=0.2)
    assert lost(hub, [first]) == []


def test_nobody_passes_who_waits_by_calling_their_own_start_a_restart(hub, full) -> None:
    first, second, third = full
    second.look("/hub/spawn")
    stop(hub, first)
    headers = {"Authorization": f"token {token_of(hub, third.username)}"}
    address = f"{hub.url}/hub/api/users/{third.username}/server?restart=yes"
    answer = requests.post(address, headers=headers, timeout=30)
    assert answer.status_code == 429
    assert [one.server.username for one in hub.house.call(tickets_in_line)] == [second.username]


def test_a_database_that_is_away_in_a_turn_costs_nobody_the_place(hub, full) -> None:
    first, second, _ = full
    line = second.look("/hub/spawn").url.removeprefix(hub.url)
    stop(hub, first)
    time.sleep(1.1)  # then it is looked again at what is left
    with closing(sqlite3.connect(hub.folder / "communities.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # which a start waits for in vain
        page = second.look(line)
        for _ in range(6):
            time.sleep(0.5)
            page = second.look(page.url.removeprefix(hub.url))
    second.start(line, pace=0.2)
    assert lost(hub, [second]) == []
    assert statuses([second]) <= FINE


def test_a_start_that_fails_in_its_turn_is_told_to_whoever_looks_again(hub, full) -> None:
    """The script of the page shows nothing of an answer that is an error."""
    first, second, _ = full
    line = second.look("/hub/spawn").url.removeprefix(hub.url)
    (hub.folder / f"no-server-for-{second.username}").touch()
    stop(hub, first)
    time.sleep(1.1)  # then it is its turn
    assert second.look(line).status_code == 500
    again = second.look(line)
    assert "/spawn-pending/" in again.url
    assert "Ya no estás en la fila" not in text_of(again)
    assert hub.house.call(tickets_in_line) == []


def test_who_deletes_a_server_that_is_in_line_has_left_the_line_for_it(hub, full) -> None:
    first, second, _ = full
    line = second.look(f"/hub/spawn/{second.username}/lab").url.removeprefix(hub.url)
    assert "/communities/line/" in line
    hub.api("DELETE", f"/users/{second.username}/servers/lab", json={"remove": True})
    stop(hub, first)
    time.sleep(1.1)  # then it would be its turn
    page = second.look(line)
    assert page.status_code == 200
    assert "Ya no estás en la fila" in text_of(page)
    assert hub.house.call(tickets_in_line) == []


def test_several_pages_of_one_person_that_ask_at_the_turn_lead_to_the_one_server(hub, full) -> None:
    first, second, _ = full
    line = second.look("/hub/spawn").url.removeprefix(hub.url)
    stop(hub, first)
    time.sleep(1.1)  # then it is its turn
    pages = [Learner(hub.browser(), second.username) for _ in range(6)]
    for one in pages:
        one.device.session.cookies.update(second.device.session.cookies)
    with ThreadPoolExecutor(len(pages)) as pool:
        list(pool.map(lambda one: one.start(line, pace=0.2), pages))
    assert statuses(pages) <= FINE
    assert lost(hub, [second]) == []


def test_a_user_whom_the_hub_deletes_holds_nobody_up(hub, full) -> None:
    _, second, _ = full
    (gone,) = gather(hub, hub.workshop("Adios"), 1, "adios")
    gone.look("/hub/spawn")
    assert "Tu lugar en la fila 2" in text_of(second.look("/hub/spawn"))
    assert hub.api("DELETE", f"/users/{gone.username}").status_code == 204
    assert [one.server.username for one in hub.house.call(tickets_in_line)] == [second.username]
    line = f"/hub/communities/line/{second.username}"
    wait_until(lambda: "Tu lugar en la fila 1" in text_of(second.look(line)))


def test_a_restart_of_the_hub_keeps_the_line(hub, full) -> None:
    first, second, third = full
    second.look("/hub/spawn")
    third.look("/hub/spawn")
    hub.restart()
    path = f"/hub/communities/line/{third.username}"
    assert "Tu lugar en la fila 2" in text_of(third.look(path))
    stop(hub, first)
    second.start(f"/hub/communities/line/{second.username}", pace=0.2)
    assert lost(hub, [second]) == []
    wait_until(lambda: "Tu lugar en la fila 1" in text_of(third.look(path)))


def test_a_place_is_left_by_a_button_and_by_signing_out(hub, full) -> None:
    _, second, third = full
    second.look("/hub/spawn")
    third.look("/hub/spawn")
    assert leave(second).url.endswith("/hub/home")
    page = second.look(f"/hub/communities/line/{second.username}")
    assert "Ya no estás en la fila" in text_of(page)
    assert seconds_of(page) is None
    assert "Tu lugar en la fila 1" in text_of(third.look("/hub/spawn"))
    third.look("/hub/logout")
    assert hub.house.call(tickets_in_line) == []


def test_a_place_is_nobody_elses(hub, full) -> None:
    _, second, third = full
    second.look("/hub/spawn")
    assert third.look(f"/hub/communities/line/{second.username}").status_code in (403, 404)
    form = leave_form(third, second)
    third.device.post("/hub/communities/leave-line", form)
    third.device.post("/hub/communities/leave-line", {**form, "_xsrf": "wrong"})
    assert len(hub.house.call(tickets_in_line)) == 1


def test_the_api_stands_in_no_line_and_gets_past_nobody(hub, full) -> None:
    first, second, third = full
    answer = hub.api("POST", f"/users/{second.username}/server")
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert hub.house.call(tickets_in_line) == []
    second.look("/hub/spawn")
    stop(hub, first)
    answer = hub.api("POST", f"/users/{third.username}/server")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert "fila" in answer.json()["message"] or "in line" in answer.json()["message"]
    (elsewhere,) = gather(hub, hub.workshop("Ailleurs", "sahel", by="awa"), 1, "ailleurs")
    assert starts(hub, elsewhere) in (201, 202), "another community has places"
    stop(hub, elsewhere)
