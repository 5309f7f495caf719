"""The live board: its stream, a person's page, help, and what the Hub is asked."""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from houses import actor_of
from newcomers import add_people

from jupyterhub_communities.application.board import note_trouble
from jupyterhub_communities.application.hands import raise_hand
from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.application.leases import (
    StartRequest,
    activate,
    admit,
    settle_server,
)
from jupyterhub_communities.application.members import remove_member
from jupyterhub_communities.application.workshops import view_workshop
from jupyterhub_communities.domain.board import SILENT
from jupyterhub_communities.domain.grants import Role
from jupyterhub_communities.domain.leases import RunningServer, ServerKey
from jupyterhub_communities.service import board as board_pages
from jupyterhub_communities.service import live
from jupyterhub_communities.service.live import LiveBoards
from jupyterhub_communities.service.restarts import Restarts
from jupyterhub_communities.service.sharing import Sharing

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """What the clock does every few seconds, many times in one."""
    monkeypatch.setattr(LiveBoards.__init__, "__kwdefaults__", {"every": 0.05})
    monkeypatch.setattr(live, "_ASK_HUB_EVERY", 0.05)
    monkeypatch.setattr(board_pages, "KEEP_ALIVE", 0.1)


@pytest.fixture
def luz(world) -> str:
    request = JoinRequest(world.opened.learner_invite.code, "luz", "Luz")
    username = world.house.call(redeem_invite, request).account.username
    world.tokens["luz"] = world.model(username)
    return username


def start(world, username) -> ServerKey:
    key = ServerKey(username)
    world.house.call(admit, StartRequest(f"of {username}", key))
    world.house.call(activate, f"of {username}")
    world.hub.running[key] = RunningServer(key, ready=True)
    return key


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


class Stream:
    """What a browser would do with the events."""

    def __init__(self) -> None:
        self.events: list[dict[str, str]] = []
        self.comments = 0
        self._rest = ""
        self._more = asyncio.Event()

    async def read(self, reader: asyncio.StreamReader) -> None:
        """A body in chunks, as HTTP/1.1 has them."""
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.splitlines()[0]:
            return
        while size := int(await reader.readline(), 16):
            self.take(await reader.readexactly(size))
            await reader.readline()

    def take(self, chunk: bytes) -> None:
        *whole, self._rest = (self._rest + chunk.decode()).split("\n\n")
        for block in whole:
            lines = [line.partition(": ") for line in block.split("\n")]
            self.comments += block.startswith(":")
            self.events.append({name: value for name, _, value in lines if name})
        self._more.set()

    async def until(self, is_met, seconds=10.0) -> None:
        async with asyncio.timeout(seconds):
            while not is_met():
                self._more.clear()
                await self._more.wait()

    @property
    def boards(self) -> list[str]:
        return [
            text_of(json.loads(one["data"])) for one in self.events if one.get("event") == "board"
        ]

    @property
    def has_ended(self) -> bool:
        return any(one.get("event") == "end" for one in self.events)


@pytest.fixture
def watch(service, taller):
    @asynccontextmanager
    async def watch(who="champion", path="", **headers):
        stream = Stream()
        address = urlsplit(f"{service}{taller}/board/events{path}")
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        asked = {
            "Host": address.netloc,
            "Authorization": f"token {who}",
            "Accept-Language": "en",
            **headers,
        }
        lines = [
            f"GET {address.path}?{address.query} HTTP/1.1",
            *(f"{k}: {v}" for k, v in asked.items()),
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode())
        reading = asyncio.create_task(stream.read(reader))
        try:
            yield stream
        finally:
            reading.cancel()
            writer.close()

    return watch


async def test_a_board_is_sent_when_it_changes_and_only_then(world, watch, luz) -> None:
    async with watch() as stream:
        await stream.until(lambda: stream.boards)
        assert "Luz" in stream.boards[0]
        comments = stream.comments
        await stream.until(lambda: stream.comments > comments + 2)
        assert len(stream.boards) == 1, "nothing has changed"
        start(world, luz)
        await stream.until(lambda: len(stream.boards) == 2)
        assert "Running 1" in stream.boards[1]
        at = ("andes", world.opened.workshop.slug)
        actor = actor_of(world.house, luz)
        world.house.call(raise_hand, actor, luz, *at, "¿Dónde está el mapa?")
        await stream.until(lambda: len(stream.boards) == 3)
        assert "Luz has waited for 1 minute. ¿Dónde está el mapa?" in stream.boards[2]
        assert stream.events[0] == {"retry": "5000"}


async def test_a_browser_that_comes_back_is_sent_what_is_new(world, watch, luz) -> None:
    async with watch() as stream:
        await stream.until(lambda: stream.boards)
        last = next(one["id"] for one in stream.events if "id" in one)
    async with watch(**{"Last-Event-ID": last}) as again:
        await again.until(lambda: again.comments > 2)
        assert again.boards == []
        start(world, luz)
        await again.until(lambda: len(again.boards) == 1)


async def test_a_stream_ends_with_the_right_and_with_the_session(world, watch, luz) -> None:
    async with watch() as champions, watch("helper") as helpers:
        await champions.until(lambda: champions.boards)
        await helpers.until(lambda: helpers.boards)
        del world.tokens["champion"]
        world.hub_auth.cache.clear()  # else it knows them for ten seconds more
        helper = world.usernames[Role.HELPER]
        world.house.call(remove_member, actor_of(world.house, "ana"), "andes", helper)
        await helpers.until(lambda: helpers.has_ended)
        await champions.until(lambda: champions.has_ended)


@pytest.mark.parametrize(
    ("who", "status"),
    [("learner", 403), ("luz", 403), ("bia", 404), ("nobody", 401), ("server", 403)],
)
async def test_a_stream_is_for_who_sees_the_board(visit, taller, luz, who, status) -> None:
    assert (await visit(f"{taller}/board/events", who=who)).code == status


async def test_many_readers_cost_one_look_and_are_bounded(
    visit, taller, watch, luz, monkeypatch
) -> None:
    looks = []
    look_at_board = live.look_at_board

    def counted(*args, **more):
        looks.append(1)
        return look_at_board(*args, **more)

    monkeypatch.setattr(live, "look_at_board", counted)
    monkeypatch.setattr(live, "MOST_STREAMS_EACH", 3)
    async with watch() as one, watch() as two, watch() as three:
        for stream in (one, two, three):
            await stream.until(lambda stream=stream: stream.boards)
        began, comments = len(looks), one.comments
        await one.until(lambda: one.comments > comments + 5)
        took = len(looks) - began
        assert took < 25, "as for one reader: 20 a second here"
        fourth = await visit(f"{taller}/board/events")
        assert (fourth.code, fourth.headers["Retry-After"]) == (503, "60")
    async with asyncio.timeout(20):
        while True:  # until the service has noticed that they are gone
            async with watch() as later:
                try:
                    await later.until(lambda later=later: later.boards, seconds=0.5)
                    break
                except TimeoutError:
                    pass


# Long boards


async def test_a_large_workshops_board_is_paged_searched_and_followed(
    visit, world, taller, watch, luz
) -> None:
    add_people(world.house, 120, workshop=world.opened.workshop.slug, names=120)
    page = (await visit(taller)).body.decode()
    assert len(re.findall('id="person-', page)) == 50
    assert "Luz" not in text_of(page), "the others have joined before"
    seen, path = 0, taller
    while path:
        page = html.unescape((await visit(path)).body.decode())
        seen += len(re.findall('id="person-', page))
        more = re.search(r'id="more-rows" rel="next" href="[^"?]*([^"#]*)#people', page)
        path = more and taller + more[1]
    assert seen == 121
    assert "Luz" in text_of(page), "without a script"
    listed = re.search(r'data-events="[^"?]*(\?[^"]*)"', page)[1]
    part = (await visit(f"{taller}/people{listed}")).body.decode()
    assert "Luz" in text_of(part)
    found = (await visit(f"{taller}?q=LUZ")).body.decode()
    assert re.findall('id="person-[^"]*" [^>]*><bdi>([^<]*)', found) == ["Luz"]
    assert (await visit(f"{taller}?only=made-up&after=made-up")).code == 200
    async with watch() as everybody, watch(path="?only=running") as running:
        await everybody.until(lambda: everybody.boards)
        await running.until(lambda: running.boards)
        assert "Nobody is on this list now." in running.boards[0]
        start(world, luz)
        await running.until(lambda: len(running.boards) == 2)
        assert "Luz" in running.boards[1]
        assert "Luz" not in everybody.boards[-1]


async def test_a_page_of_a_board_is_drawn_once_for_all_who_read_it(
    world, watch, luz, monkeypatch
) -> None:
    pages = []
    page_of_board = board_pages.page_of_board
    monkeypatch.setattr(
        board_pages, "page_of_board", lambda *given: pages.append(1) or page_of_board(*given)
    )
    async with watch() as one, watch() as two, watch("instructor") as three:
        for stream in (one, two, three):
            await stream.until(lambda stream=stream: stream.boards)
        before = len(pages)
        start(world, luz)
        for stream in (one, two, three):
            await stream.until(lambda stream=stream: "Running 1" in stream.boards[-1])
        assert len(pages) - before <= 2, "for each look, not for each reader"


# A person's page


async def test_a_persons_page_says_what_is_in_the_way_and_offers_what_helps(
    visit, world, taller, luz
) -> None:
    page = await visit(f"{taller}/people/{luz}", who="helper")
    assert "Joined" in text_of(page.body.decode())
    assert 'value="restart"' not in page.body.decode(), "there is no server"
    key = start(world, luz)
    page = (await visit(f"{taller}/people/{luz}", who="helper")).body.decode()
    assert 'value="restart"' in page
    stopped = await visit(f"{taller}/people/{luz}", who="helper", data={"action": "stop"})
    assert (stopped.code, key in world.hub.running) == (303, False)
    assert (await visit(f"{taller}/people/nobody", who="helper")).code == 404
    assert (await visit(f"{taller}/people/{luz}", who="learner")).code == 403
    world.house.call(settle_server, key)
    world.house.call(note_trouble, luz, SILENT)
    page = await visit(f"{taller}/people/{luz}", who="helper")
    assert "Stuck The server does not answer. Restart it." in text_of(page.body.decode())
    assert 'value="stop"' not in page.body.decode(), "it was given up"
    await visit(f"{taller}/people/{luz}", who="helper", data={"action": "restart"})
    assert world.hub.started == [key]
    wrong = await visit(f"{taller}/people/{luz}", data={"action": "dance"})
    assert wrong.code == 400


async def test_a_restart_stops_wholly_and_starts_again(world) -> None:
    hub, key = world.hub, ServerKey("luz")
    hub.running[key] = RunningServer(key, ready=True)
    restarts = Restarts(hub)
    restarts.restart([key])
    restarts.restart([key])
    await restarts.finished()
    assert (hub.started, hub.running) == ([key], {})
    restarts.restart([key])
    await restarts.finished()
    assert hub.started == [key, key], "one that has not come up is started again"
    hub.running[key] = RunningServer(key, ready=True)
    hub.away_for.add("luz")
    restarts.restart([key])
    await restarts.finished()
    assert hub.started == [key, key], "nothing starts that did not stop"


async def test_what_is_stopped_while_it_is_restarted_stays_stopped(world) -> None:
    hub, key = world.hub, ServerKey("luz")
    hub.running[key] = RunningServer(key, ready=True)
    stopping, stop = asyncio.Event(), hub.stop_server

    async def stop_slowly(server) -> None:
        if not stopping.is_set():
            stopping.set()
            await asyncio.sleep(60)
        await stop(server)

    hub.stop_server = stop_slowly
    restarts = Restarts(hub)
    restarts.restart([key])
    await stopping.wait()
    await restarts.stop([key])
    await restarts.finished()
    assert (hub.started, hub.running) == ([], {})


async def test_a_hub_that_is_away_says_so_where_a_server_is_to_stop(
    call, world, taller, luz
) -> None:
    start(world, luz)
    world.hub.away_for.add(luz)
    status, problem, _ = await call("POST", f"{taller}/board/{luz}/stop")
    assert (status, problem["code"]) == (502, "http.502")
    assert (await call("POST", f"{taller}/board/{luz}/restart"))[0] == 202
    assert (await call("POST", f"{taller}/board/ana/stop"))[0] == 404


# Help


async def test_a_learner_asks_and_reads_who_comes(visit, taller, luz, world) -> None:
    page = (await visit(taller, who="luz")).body.decode()
    assert 'value="raise"' in page
    long = {"action": "raise", "question": "x" * 201}
    refused = await visit(f"{taller}/help", who="luz", data=long)
    assert refused.code == 400
    assert "x" * 201 in refused.body.decode(), "what was typed is still there"
    asked = {"action": "raise", "question": "¿Dónde está?"}
    assert (await visit(f"{taller}/help", who="luz", data=asked)).code == 303
    assert "Your hand is up." in text_of((await visit(taller, who="luz")).body.decode())
    took = await visit(f"{taller}/people/{luz}", who="helper", data={"action": "take"})
    assert took.code == 303
    other = await visit(f"{taller}/people/{luz}", who="instructor", data={"action": "take"})
    assert other.code == 409
    assert "Persona helper is coming already." in text_of(other.body.decode())
    page = (await visit(taller, who="luz")).body.decode()
    assert "Persona helper is coming." in text_of(page)
    assert 'name="minutes"' not in page, "servers share the service's host here"
    data = {"action": "open", "minutes": "30"}
    assert (await visit(f"{taller}/help", who="luz", data=data)).code == 403
    assert world.hub.shares == set()


@pytest.fixture
def apart(world):
    world.house.settings = replace(world.house.settings, are_servers_apart=True)


async def test_a_server_is_opened_for_who_comes_until_the_learner_says(
    visit, call, world, taller, luz, apart
) -> None:
    key, helper = start(world, luz), world.usernames[Role.HELPER]
    await visit(f"{taller}/help", who="luz", data={"action": "raise"})
    await visit(f"{taller}/people/{luz}", who="helper", data={"action": "take"})
    assert 'name="minutes"' in (await visit(taller, who="luz")).body.decode()
    data = {"action": "open", "minutes": "30"}
    assert (await visit(f"{taller}/help", who="luz", data=data)).code == 303
    assert world.hub.shares == {(key, helper)}
    assert "can open your server until 7:30" in text_of(
        (await visit(taller, who="luz")).body.decode()
    )
    here = f"{taller}/people/{luz}"
    assert f'href="/hub/user/{luz}/"' in (await visit(here, who="helper")).body.decode()
    assert f'href="/hub/user/{luz}/"' not in (await visit(here, who="instructor")).body.decode()
    board = (await call("GET", f"{taller}/board"))[1]
    (hand,) = [row["hand"] for row in board if row["hand"]]
    assert (hand["helper"], hand["access_until"]) == (helper, "2026-03-02T12:30:00+00:00")
    assert (await visit(f"{taller}/help", who="luz", data={"action": "close"})).code == 303
    assert world.hub.shares == set()


async def test_the_documented_curls_for_access_run_where_it_is_offered(
    visit, service, world, taller, luz, apart
) -> None:
    """The demo, on which all others are run, never offers it."""
    key, helper = start(world, luz), world.usernames[Role.HELPER]
    await visit(f"{taller}/help", who="luz", data={"action": "raise"})
    await visit(f"{taller}/people/{luz}", who="helper", data={"action": "take"})
    page = (DOCS / "api.md").read_text()
    commands = re.findall(r"^\$ (curl -X (\w+) .*/help/access\")$", page, re.MULTILINE)
    for method, shares in (("PUT", {(key, helper)}), ("DELETE", set())):
        (command,) = (command for command, verb in commands if verb == method)
        options = "-sS --fail-with-body -o /dev/null -w %{http_code}"
        done = await asyncio.create_subprocess_shell(
            command.replace("curl ", f"curl {options} ", 1),
            env={
                **os.environ,
                "TOKEN": "luz",
                "API": f"{service}api/v1",
                "WORKSHOP": world.opened.workshop.slug,
            },
            stdout=asyncio.subprocess.PIPE,
        )
        status, _ = await done.communicate()
        assert (done.returncode, status) == (0, b"204"), command
        assert world.hub.shares == shares


async def test_what_the_hub_could_not_be_told_is_told_by_the_clock(
    visit, call, world, taller, luz, apart
) -> None:
    key, helper = start(world, luz), world.usernames[Role.HELPER]
    await visit(f"{taller}/help", who="luz", data={"action": "raise"})
    await visit(f"{taller}/people/{luz}", who="helper", data={"action": "take"})
    world.hub.away_for.add(luz)
    status, _, _ = await call("PUT", f"{taller}/help/access", token="luz", body={"minutes": 15})
    assert status == 502
    world.hub.away_for.clear()
    view = world.house.call(
        view_workshop, actor_of(world.house, "ana"), "andes", world.opened.workshop.slug
    )
    assert view.live.hands[0].access is None, "nothing was given"
    status, _, _ = await call("PUT", f"{taller}/help/access", token="luz", body={"minutes": 15})
    assert (status, world.hub.shares) == (204, {(key, helper)})
    world.house.clock.advance(minutes=15)
    world.hub.away_for.add(luz)
    sharing = Sharing(world.house, world.hub)
    await sharing.carry_out()
    assert world.hub.shares == {(key, helper)}, "it did not answer"
    world.hub.away_for.clear()
    await sharing.pass_once()
    assert world.hub.shares == set()


async def test_what_was_taken_back_while_the_hub_was_told_is_not_given(
    visit, world, taller, luz, apart
) -> None:
    """The Hub takes its time, and another service takes the access back meanwhile."""
    start(world, luz)
    await visit(f"{taller}/help", who="luz", data={"action": "raise"})
    await visit(f"{taller}/people/{luz}", who="helper", data={"action": "take"})

    class SlowHub(type(world.hub)):
        async def share_server(self, server, username) -> None:
            with world.house.database.write() as store:
                (hand,) = store.hands.all()
                store.hands.end_access(hand.id, world.house.clock.now())
            await super().share_server(server, username)

    world.hub.__class__ = SlowHub
    data = {"action": "open", "minutes": "30"}
    await visit(f"{taller}/help", who="luz", data=data)
    assert world.hub.shares == set()


# Rehearsals


async def test_a_rehearsal_is_walked_from_the_workshops_page(visit, world, taller) -> None:
    begun = await visit(f"{taller}/rehearsal", who="instructor", data={"action": "begin"})
    assert begun.code == 303
    page = (await visit(taller, who="instructor")).body.decode()
    code = re.search(r'id="rehearsal-code">([^<]+)<', page)[1]
    assert "The code opens. Not yet" in text_of(page)
    world.house.call(redeem_invite, JoinRequest(code, "rehearsal", "Prueba"))
    page = (await visit(taller, who="instructor")).body.decode()
    assert "The code opens. Done" in text_of(page)
    assert "Prueba Rehearsal" in text_of(page)
    assert code not in (await visit(taller, who="helper")).body.decode()
    await visit(f"{taller}/rehearsal", who="instructor", data={"action": "lesson"})
    assert "The lesson opens. Done" in text_of((await visit(taller)).body.decode())
    await visit(f"{taller}/rehearsal", who="instructor", data={"action": "end"})
    page = (await visit(taller, who="instructor")).body.decode()
    assert 'value="begin"' in page
    assert "Prueba" not in text_of(page)
    wrong = await visit(f"{taller}/rehearsal", who="instructor", data={"action": "dance"})
    assert wrong.code == 400
