"""The spawner mixin without a hub: its state, its words, and a database that does not answer."""

from __future__ import annotations

import asyncio
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
from houses import andes, make_house, open_taller
from jupyterhub.orm import Spawner as OrmSpawner
from jupyterhub.spawner import Spawner
from sqlalchemy import event as sql_event
from traitlets.config import Config

from jupyterhub_communities.application.invites import JoinRequest, redeem_invite
from jupyterhub_communities.domain.board import FAILED, SILENT
from jupyterhub_communities.domain.refusals import StorageUnreachable
from jupyterhub_communities.hub import spawner as spawner_module
from jupyterhub_communities.hub.refused import SpawnRefused
from jupyterhub_communities.hub.spawner import CommunitySpawnerMixin
from jupyterhub_communities.i18n.messages import messages_for
from jupyterhub_communities.pages.language import use_language


class FakeServer(Spawner):
    """A Spawner whose server runs nowhere."""

    running = False
    fails = False
    is_slow = False

    async def start(self):
        if self.fails:
            raise RuntimeError("no server")
        if self.is_slow:
            await asyncio.sleep(60)
        self.running = True
        return "http://127.0.0.1:1"

    async def stop(self, now=False):
        self.running = False

    async def poll(self):
        return None if self.running else 0

    async def progress(self):
        async for event in super().progress():
            yield event
        yield {"progress": 80, "message": "Pulled the image"}


class CommunityFakeServer(CommunitySpawnerMixin, FakeServer):
    pass


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path)
    yield house
    house.close()


@pytest.fixture
def spawner(house):
    code = open_taller(house).learner_invite.code
    account = house.call(redeem_invite, JoinRequest(secret=code, attempt="a", name="Rosa")).account
    return make_spawner(house, account.username)


def make_spawner(house, username):
    config = Config()
    config.CommunitySpawnerMixin.house = house
    user = SimpleNamespace(name=username, escaped_name=username, url="/", settings={}, admin=False)
    return CommunityFakeServer(config=config, user=user, orm_spawner=OrmSpawner(name=""))


def lease_of(house, spawner):
    with house.database.read() as store:
        return store.leases.of_server(spawner.server_key)


def run(coroutine):
    return asyncio.run(coroutine)


def test_a_started_server_holds_a_lease_until_it_has_stopped(house, spawner) -> None:
    async def start() -> None:
        await spawner.start()
        assert lease_of(house, spawner).active_at is None
        await spawner._activations.writing

    run(start())
    lease = lease_of(house, spawner)
    assert lease.id == spawner.lease_id
    assert lease.active_at is not None
    run(spawner.stop())
    run(spawner.run_post_stop_hook())
    assert lease_of(house, spawner) is None
    assert spawner.lease_id is None


def test_a_server_that_stops_before_it_is_noted_had_come_up(house, spawner) -> None:
    async def start_and_stop() -> str:
        await spawner.start()
        lease_id = spawner.lease_id
        await spawner.stop()
        await spawner.run_post_stop_hook()
        return lease_id

    lease_id = run(start_and_stop())
    with house.database.read() as store:
        lease = store.leases.get(lease_id)
    assert lease.settled_at is not None
    assert lease.active_at == lease.settled_at


def test_a_start_is_noted_also_where_its_stop_finds_no_database(house, spawner) -> None:
    async def start_and_stop() -> None:
        await spawner.start()
        await spawner.stop()
        with house.database._writer:  # as somebody who does not end
            await spawner.run_post_stop_hook()
        await spawner._activations.writing

    run(start_and_stop())
    lease = lease_of(house, spawner)
    assert lease.active_at is not None
    assert lease.settled_at is None, "reconciling settles it"


def test_servers_that_come_up_together_are_noted_in_one_transaction(tmp_path) -> None:
    house = make_house(tmp_path, communities=(andes(servers=None),))
    code = open_taller(house).learner_invite.code
    requests = [JoinRequest(code, f"P{number}", f"P{number}") for number in range(5)]
    joined = [house.call(redeem_invite, request) for request in requests]
    spawners = [make_spawner(house, one.account.username) for one in joined]
    settings: dict = {}
    for one in spawners:
        one.user.settings = settings
    written = []

    async def start_all() -> None:
        await asyncio.gather(*(one.start() for one in spawners))
        sql_event.listen(house.database.engine, "commit", lambda _: written.append(1))
        await spawners[0]._activations.writing

    run(start_all())
    assert len(written) == 1
    assert all(lease_of(house, one).active_at is not None for one in spawners)
    house.close()


def test_the_board_learns_why_a_start_came_to_nothing(house, spawner) -> None:
    def said():
        with house.database.read() as store:
            slug = store.workshops.of_community("andes")[0].slug
            return [trouble.code for trouble in store.board.troubles("andes", slug).values()]

    run(spawner.start())
    assert said() == []
    run(spawner.stop())
    run(spawner.run_post_stop_hook())
    spawner.fails = True
    with pytest.raises(RuntimeError):
        run(spawner.start())
    assert said() == [FAILED]
    run(spawner.run_post_stop_hook())
    spawner.user_options = {"community": "andes", "workshop": "nothing"}
    with pytest.raises(SpawnRefused):
        run(spawner.start())
    assert said() == ["quota.not_yours"]


def test_a_server_that_still_runs_keeps_its_lease(house, spawner) -> None:
    run(spawner.start())
    run(spawner.run_post_stop_hook())  # the stop has failed
    assert lease_of(house, spawner) is not None


def test_the_lease_travels_in_the_state(house, spawner) -> None:
    run(spawner.start())
    state = spawner.get_state()
    adopted = make_spawner(house, spawner.user.name)
    adopted.load_state(state)
    assert adopted.lease_id == spawner.lease_id
    run(adopted.run_post_stop_hook())
    assert lease_of(house, spawner) is None
    assert "lease_id" not in adopted.get_state()


def test_a_server_without_a_known_lease_is_settled_by_its_name(house, spawner) -> None:
    run(spawner.start())
    forgotten = make_spawner(house, spawner.user.name)
    run(forgotten.run_post_stop_hook())
    assert lease_of(house, spawner) is None


def test_a_start_that_fails_is_settled_by_its_stop_hook(house, spawner) -> None:
    spawner.fails = True
    with pytest.raises(RuntimeError):
        run(spawner.start())
    run(spawner.run_post_stop_hook())
    assert lease_of(house, spawner) is None


@pytest.mark.parametrize(("is_cut_short", "told"), [(False, [FAILED]), (True, [])])
def test_the_board_learns_of_a_start_that_took_too_long(house, spawner, is_cut_short, told) -> None:
    async def start_in_vain() -> None:
        start = asyncio.ensure_future(spawner.start())
        await asyncio.sleep(0.1)
        start.cancel()
        await asyncio.sleep(0.1)
        # As the Hub has it: the task that waited for the start goes on, or was cancelled itself.
        spawner._spawn_future = None if is_cut_short else asyncio.get_running_loop().create_future()
        await spawner.run_post_stop_hook()

    spawner.is_slow = True
    run(start_in_vain())
    with house.database.read() as store:
        (workshop,) = store.workshops.of_community("andes")
        troubles = store.board.troubles("andes", workshop.slug).values()
    assert [one.code for one in troubles] == told
    assert lease_of(house, spawner) is None


def test_a_stop_hook_of_the_operators_that_fails_keeps_no_quota(house, spawner) -> None:
    async def fail(_spawner) -> None:
        raise RuntimeError("no disk")

    spawner.post_stop_hook = fail
    run(spawner.start())
    run(spawner.stop())
    with pytest.raises(RuntimeError):
        run(spawner.run_post_stop_hook())
    assert lease_of(house, spawner) is None


def test_a_stop_hook_of_the_operators_still_runs(house, spawner) -> None:
    seen = []
    spawner.post_stop_hook = seen.append
    run(spawner.run_post_stop_hook())
    assert seen == [spawner]


def test_while_starting_the_hubs_sentence_is_translated_and_others_are_said_to_be_english(
    spawner,
) -> None:
    async def events():
        return [event async for event in spawner.progress()]

    with use_language("es"):
        hubs, spawners = run(events())
    assert hubs["message"] == messages_for("es").gettext("Your server is starting.")
    assert "lang" not in hubs
    assert spawners == {"progress": 80, "message": "Pulled the image", "lang": "en"}


@pytest.mark.parametrize(
    ("profile", "amounts"),
    [
        ("small", {"servers": 1, "cpu": 500, "memory": 512_000_000}),
        ("medium", {"servers": 1, "cpu": 1000, "memory": 3 * 2**30}),  # of memory it says nothing
    ],
)
def test_what_the_profile_does_not_say_is_held_as_the_operator_configured_the_spawner(
    house, spawner, profile, amounts
) -> None:
    spawner.cpu_guarantee, spawner.cpu_limit = 0.25, 8
    spawner.mem_limit = "3G"
    spawner.user_options = {"profile": profile}
    run(spawner.start())
    assert dict(lease_of(house, spawner).amounts) == amounts


def test_without_profiles_the_spawners_own_sizes_are_held(tmp_path) -> None:
    house = make_house(tmp_path, profiles=())
    spawner = make_spawner(house, "ana")
    spawner.cpu_guarantee, spawner.mem_limit = 0.25, "3G"
    run(spawner.start())
    expected = {"servers": 1, "cpu": 250, "memory": 3 * 2**30}
    assert dict(lease_of(house, spawner).amounts) == expected
    house.close()


def test_a_start_is_admitted_in_one_transaction(house, spawner) -> None:
    """What KubeSpawner looks up before is not asked here: a start costs what it did."""
    verbs = []

    async def counted(*arguments):
        verbs.append(arguments[-2].__name__)
        return await run_or_undo(*arguments)

    run_or_undo, house.run_or_undo = house.run_or_undo, counted
    house.look = None
    run(spawner.start())
    assert verbs == ["admit"]


class DeadDatabase:
    """A database that nobody reaches."""

    def read(self):
        raise StorageUnreachable

    write = read
    at_once = None

    def close(self):
        pass


@pytest.mark.parametrize("admits", [False, True])
def test_without_a_database_the_hub_does_as_its_operator_said(tmp_path, admits) -> None:
    house = make_house(tmp_path, admit_when_unreachable=admits)
    spawner = make_spawner(house, "ana")
    house.database.close()
    house.database = DeadDatabase()
    if admits:
        assert run(spawner.start())
        assert spawner.lease_id is None
    else:
        with pytest.raises(SpawnRefused) as refused:
            run(spawner.start())
        assert refused.value.status_code == 503
    run(spawner.run_post_stop_hook())
    assert run(spawner.get_options_form()) == ""
    house.close()


OWN_FORM = '<label>Size <input name="size"></label>'


@pytest.mark.parametrize("form", [OWN_FORM, lambda spawner: OWN_FORM], ids=["a text", "a function"])
def test_what_is_left_stands_above_a_form_of_the_operators(spawner, form) -> None:
    spawner.options_form = form
    with use_language("es"):
        assert run(spawner.get_options_form()) == (
            '<p class="text-muted">Disponible ahora para Taller de Python: 3 servidores.</p>'
            + OWN_FORM
        )
    spawner.user.name = "stranger"
    assert run(spawner.get_options_form()) == OWN_FORM, "of no community"
    spawner.options_form = lambda spawner: ""
    assert run(spawner.get_options_form()) == "", "one click starts"


def test_our_form_says_it_itself(spawner) -> None:
    with use_language("en"):
        assert run(spawner.get_options_form()).count("Left now") == 1


def test_a_form_of_the_operators_is_as_it_was_where_nobody_can_say_what_is_left(
    house, spawner
) -> None:
    spawner.options_form = OWN_FORM
    house.database.close()
    house.database = DeadDatabase()
    assert run(spawner.get_options_form()) == OWN_FORM


class HungDatabase(DeadDatabase):
    """One that takes a question and does not answer."""

    def read(self):
        sleep(4)
        raise StorageUnreachable

    write = read


def test_a_hung_database_is_waited_for_once(tmp_path) -> None:
    house = make_house(tmp_path, patience=1.0)
    spawner = make_spawner(house, "ana")
    house.database.close()
    house.database = HungDatabase()
    began = monotonic()
    with pytest.raises(SpawnRefused):
        run(spawner.start())
    assert monotonic() - began < 1.9
    house.close()


def test_a_spawner_without_a_house_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="configure"):
        run(make_spawner(None, "ana").start())


async def test_options_that_no_form_of_ours_has_do_not_reach_the_spawner(spawner) -> None:
    spawner.user_options = {"profile": "small", "memory": "999G", "image": "evil", "x": ["y"]}
    await spawner.start()
    assert spawner.user_options == {"profile": "small"}


# Whether it answers


async def poll(spawner) -> None:
    await spawner.poll_and_notify()
    if spawner._asking is not None:
        await spawner._asking


@pytest.fixture
def answering(spawner, monkeypatch):
    """Servers that answer or not, as said; each poll asks."""
    said = {"answers": True, "asked": 0}

    async def answers(asked) -> bool:
        said["asked"] += 1
        return said["answers"]

    monkeypatch.setattr(spawner_module, "answers", answers)
    monkeypatch.setattr(spawner_module, "_ASKED_EVERY", 0.0)
    monkeypatch.setattr(type(spawner), "ready", property(lambda self: self.running))
    return said


def trouble_of(house, spawner) -> str | None:
    with house.database.read() as store:
        account = store.accounts.by_username(spawner.user.name)
        (grant,) = store.grants.of_account(account.id, house.clock.now())
        found = store.board.troubles(grant.community, grant.workshop).get(account.id)
        return None if found is None else found.code


def test_a_server_is_silent_when_it_has_missed_two_questions_and_no_more_when_it_answers(
    house, spawner, answering
) -> None:
    async def play() -> None:
        await spawner.start()
        await poll(spawner)
        answering["answers"] = False
        await poll(spawner)
        assert trouble_of(house, spawner) is None, "once is no time"
        await poll(spawner)
        assert trouble_of(house, spawner) == SILENT
        answering["answers"] = True
        await poll(spawner)
        assert trouble_of(house, spawner) is None
        answering["answers"] = False
        for _ in range(3):
            await poll(spawner)
        assert trouble_of(house, spawner) == SILENT
        await spawner.stop()
        await spawner.run_post_stop_hook()
        assert trouble_of(house, spawner) is None, "stopped by somebody"
        asked = answering["asked"]
        await poll(spawner)
        assert answering["asked"] == asked, "there is nothing to ask"

    run(play())


def test_a_hub_that_takes_over_does_not_know_what_the_one_before_has_noted(
    house, spawner, answering
) -> None:
    async def play() -> None:
        await spawner.start()
        answering["answers"] = False
        for _ in range(2):
            await poll(spawner)
        other = make_spawner(house, spawner.user.name)
        other.load_state(spawner.get_state())
        other.running = answering["answers"] = True
        await poll(other)
        assert trouble_of(house, spawner) is None

    run(play())


def test_a_server_that_the_hub_gave_up_is_silent(house, spawner) -> None:
    async def play() -> None:
        await spawner.start()
        spawner._waiting_for_response = True  # as the Hub has it until it has an answer
        await spawner.stop()
        await spawner.run_post_stop_hook()

    run(play())
    assert trouble_of(house, spawner) == SILENT
    assert lease_of(house, spawner) is None


def test_well_servers_are_asked_once_a_minute(spawner, answering, monkeypatch) -> None:
    monkeypatch.setattr(spawner_module, "_ASKED_EVERY", 60.0)

    async def play() -> None:
        await spawner.start()
        for _ in range(5):
            await poll(spawner)
        assert answering["asked"] == 0, "the Hub has just asked"
        spawner._asked_next -= 60
        for _ in range(5):
            await poll(spawner)

    run(play())
    assert answering["asked"] == 1


def test_nobody_waits_for_an_answer_that_does_not_come(spawner, answering, monkeypatch) -> None:
    """The Hub polls also when somebody stops the server."""

    async def play() -> None:
        async def never(asked) -> bool:
            await asyncio.sleep(60)
            raise AssertionError

        monkeypatch.setattr(spawner_module, "answers", never)
        await spawner.start()
        for _ in range(2):
            assert await asyncio.wait_for(spawner.poll_and_notify(), 1) is None
        spawner._asking.cancel()

    run(play())
