"""Pods of a real CommunityKubeSpawner, from a Kubernetes: what is set aside for them is what is held.

The same tests run against kmock's emulator and, where `KUBECONFIG` is set, a real cluster; see
`cluster`.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from cluster import NOBODYS_IMAGE, some_cluster
from houses import andes, make_house

from jupyterhub_communities.domain.limits import Limit, Quota
from jupyterhub_communities.domain.profiles import Option, Profile, ProfileChoice
from jupyterhub_communities.domain.quotas import Scope
from jupyterhub_communities.domain.units import MEMORY
from jupyterhub_communities.hub.line import Line, is_momentary
from jupyterhub_communities.hub.refused import SpawnRefused

pytest.importorskip("kubespawner", reason="install PyPI's package jupyterhub-kubespawner")
pytest.importorskip("kmock", reason="install PyPI's package kmock")

from kubernetes_asyncio.client import ApiException, V1Container, V1ResourceRequirements

GIB = 1024**3
COMMUNITY = Scope("andes")

LESSONS = Profile(
    slug="lessons",
    names={"en": "Lessons"},
    milli_cpu=250,
    memory=GIB,
    choices=(
        ProfileChoice(
            slug="size",
            names={"en": "Size"},
            options=(
                Option(slug="base", names={"en": "Base"}),
                Option(slug="thin", names={"en": "Thin"}, overrides={"mem_guarantee": GIB // 2}),
                Option(
                    slug="a100",
                    names={"en": "A100"},
                    gpus={"a100": 1},
                    overrides={"extra_resource_limits": {"nvidia.com/gpu": "1"}},
                ),
                Option(
                    slug="two",
                    names={"en": "Two, said to be one"},
                    gpus={"a100": 1},
                    overrides={"extra_resource_limits": {"nvidia.com/gpu": 2}},
                ),
                Option(slug="counted", names={"en": "Counted"}, gpus={"t4": 2}, storage=5 * GIB),
            ),
        ),
    ),
)
LIST = [
    {
        "display_name": "Lessons",
        "kubespawner_override": {"mem_limit": "512M"},
        "profile_options": {
            "cpu": {
                "display_name": "Processors",
                "choices": {
                    "half": {"display_name": "Half", "kubespawner_override": {"cpu_limit": 0.5}},
                    "odd": {"display_name": "Odd", "kubespawner_override": {"cpu_limit": 1.0005}},
                },
            }
        },
    },
    {
        "display_name": "Guaranteed",
        "kubespawner_override": {
            "mem_guarantee": "256M",
            "mem_limit": "4G",
            "cpu_guarantee": 0.1,
            "cpu_limit": 4,
        },
    },
    {"display_name": "Zero", "kubespawner_override": {"mem_guarantee": 0, "mem_limit": "512M"}},
    {
        "display_name": "Graphics",
        "kubespawner_override": {
            "mem_guarantee": lambda spawner: 2 * GIB,
            "extra_resource_limits": {"nvidia.com/gpu": "2", "ephemeral-storage": "1Gi"},
        },
    },
    {
        "display_name": "Beside",
        "kubespawner_override": {
            "mem_limit": "1G",
            "extra_containers": [
                {
                    "name": "database",
                    "image": "any",
                    "command": ["sleep", "600"],
                    "resources": {"limits": {"memory": "100Mi"}, "requests": {"cpu": "50m"}},
                }
            ],
        },
    },
    {
        "display_name": "Staff",
        "roles": ["instructor"],
        "kubespawner_override": {"mem_limit": "64G"},
    },
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with some_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def make(cluster, make_pod_spawner, monkeypatch):
    """Spawners that really start. What they made is deleted at the end of the test."""
    from kubernetes_asyncio.config import kube_config
    from kubespawner.clients import load_config

    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(cluster.kubeconfig))
    load_config.cache_clear()
    made = []

    def make(house, *, spawner_class=None, **traits):
        traits = {
            "namespace": cluster.namespace,
            "image": cluster.image,
            "cmd": ["sleep", "600"],
            "component_label": "communities-test",
            "events_enabled": False,
            "storage_pvc_ensure": True,
            "storage_capacity": "1Mi",
            "start_timeout": 120,
            "delete_grace_period": 0,
            **traits,
        }
        made.append(make_pod_spawner(house, spawner_class=spawner_class, **traits))
        return made[-1]

    yield make
    for spawner in made:
        await delete(spawner, "pod", spawner.pod_name, grace_period_seconds=0)
        await delete(spawner, "persistent_volume_claim", spawner.pvc_name)
        await spawner._stop_all_reflectors()
    load_config.cache_clear()


async def delete(spawner, kind: str, name: str, **more) -> None:
    """Until it is gone: the next test makes one of the same name."""
    if await is_there(spawner, kind, name):
        await getattr(spawner.api, f"delete_namespaced_{kind}")(name, spawner.namespace, **more)
    deadline = time.monotonic() + 120
    while await is_there(spawner, kind, name):
        assert time.monotonic() < deadline, f"{kind} {name} stays"
        await asyncio.sleep(0.1)


async def is_there(spawner, kind: str, name: str) -> bool:
    try:
        await getattr(spawner.api, f"read_namespaced_{kind}")(name, spawner.namespace)
    except ApiException as error:
        if error.status != 404:
            raise
        return False
    return True


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, profiles=(LESSONS,))
    yield house
    house.close()


@pytest.fixture
def listed(tmp_path):
    """A house without profiles: the operator's list is what is offered. 3 GiB for all."""
    (tmp_path / "listed").mkdir()
    quota = Quota({MEMORY: Limit(most=3 * GIB)})
    house = make_house(
        tmp_path / "listed", profiles=(), communities=(replace(andes(), quota=quota),)
    )
    yield house
    house.close()


async def pod_of(spawner):
    """As the cluster has it, once it is there."""
    deadline = time.monotonic() + 60
    while not await is_there(spawner, "pod", spawner.pod_name):
        assert time.monotonic() < deadline, "there is no pod"
        await asyncio.sleep(0.02)
    return await spawner.api.read_namespaced_pod(spawner.pod_name, spawner.namespace)


@asynccontextmanager
async def starting(spawner, options=None):
    """While its pod is there, whether or not the cluster has a place for it."""
    spawner.user_options = options or {}
    start = asyncio.ensure_future(spawner.start())
    looking = asyncio.ensure_future(pod_of(spawner))
    await asyncio.wait([start, looking], return_when=asyncio.FIRST_COMPLETED)
    if start.done() and start.exception():
        looking.cancel()
        raise start.exception()
    yield await looking
    if not start.done():
        start.cancel()
    await asyncio.wait([start])
    await ended(spawner)


async def ended(spawner) -> None:
    """As the Hub ends a server, and a start that failed."""
    await spawner.stop(now=True)
    await spawner.run_post_stop_hook()


def lease_of(house, spawner):
    with house.database.read() as store:
        return store.leases.of_server(spawner.server_key)


def held(house) -> dict[str, int]:
    with house.database.read() as store:
        standings = store.limits.standings(COMMUNITY.community, with_workshops=False)
    return dict(standings[COMMUNITY].held) if COMMUNITY in standings else {}


KUBERNETES_NAMES = {
    "memory": "memory",
    "cpu": "cpu",
    "nvidia.com/gpu": "gpu.nvidia-com-gpu",
    "ephemeral-storage": "storage",
}
FACTORS = {"u": Decimal("0.000001"), "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9}
FACTORS |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def requests_of(pod) -> dict[str, int]:
    """The pod's requests, read anew: no code of ours."""
    sums: dict[str, Decimal] = {}
    for container in pod.spec.containers:
        for name, text in ((container.resources and container.resources.requests) or {}).items():
            number = text.rstrip("umkKMGi")
            amount = Decimal(number) * FACTORS.get(text[len(number) :], 1)
            sums[name] = sums.get(name, 0) + amount
    return {
        KUBERNETES_NAMES[name]: math.ceil(amount * (1000 if name == "cpu" else 1))
        for name, amount in sums.items()
    }


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("base", {}),
        ("thin", {}),
        ("a100", {"gpu.nvidia-com-gpu": None, "gpu.a100": 1}),
        ("two", {"gpu.nvidia-com-gpu": 1, "gpu.a100": 1}),
        ("counted", {"gpu.t4": 2, "storage": 5 * GIB}),
    ],
)
async def test_what_a_pod_of_the_catalogue_asks_for_is_what_its_lease_holds(
    house, make, join, option, named
) -> None:
    join(house, profile="lessons")
    spawner = make(house)
    async with starting(spawner, {"choice-size": option}) as pod:
        expected = {"servers": 1, **requests_of(pod), **named}
        expected = {name: amount for name, amount in expected.items() if amount is not None}
        assert dict(lease_of(house, spawner).amounts) == expected
        assert held(house) == expected
        assert lease_of(house, spawner).profile == "lessons"
    assert held(house) == {}


@pytest.mark.parametrize(
    ("options", "memory"),
    [
        ({"profile": "lessons"}, 512 * 2**20),
        ({"profile": "lessons", "cpu": "odd"}, 512 * 2**20),
        ({"profile": "guaranteed"}, 256 * 2**20),
        ({"profile": "zero"}, 512 * 2**20),
        ({"profile": "graphics"}, 2 * GIB),
        ({"profile": "beside"}, GIB + 100 * 2**20),
    ],
)
async def test_an_entry_of_the_operators_list_is_charged_as_it_sets(
    listed, make, join, options, memory
) -> None:
    join(listed)
    spawner = make(listed, profile_list=LIST)
    async with starting(spawner, options) as pod:
        amounts = dict(lease_of(listed, spawner).amounts)
        assert amounts == {"servers": 1, **requests_of(pod)}
        assert amounts["memory"] == memory
        assert lease_of(listed, spawner).profile == options["profile"]


async def test_a_list_sets_what_it_says_and_no_limit_beside(listed, make, join) -> None:
    join(listed)
    async with starting(make(listed, profile_list=LIST), {"profile": "graphics"}) as pod:
        assert "memory" not in pod.spec.containers[0].resources.limits


SMUGGLED = {
    "mem_limit": "64G",
    "mem_guarantee": 1,
    "cpu_guarantee": 0.001,
    "kubespawner_override": {"mem_guarantee": 1},
    "profile_list": [],
    "set_aside": {"memory": 1},
    "is_rescue": True,
    "profile-option-staff--cpu": "odd",
}


async def test_user_options_smuggle_nothing_past_the_list(listed, make, join) -> None:
    join(listed)
    spawner = make(listed, profile_list=LIST)
    async with starting(spawner, {"profile": "lessons", **SMUGGLED}) as pod:
        assert requests_of(pod) == {"memory": 512 * 2**20, "cpu": 500}
        assert dict(lease_of(listed, spawner).amounts) == {
            "servers": 1,
            "memory": 512 * 2**20,
            "cpu": 500,
        }


@pytest.mark.parametrize("profile", ["staff", "gone", ["staff"]])
async def test_what_is_for_others_starts_by_no_option(listed, make, join, profile) -> None:
    join(listed)
    with pytest.raises(SpawnRefused):
        async with starting(make(listed, profile_list=LIST), {"profile": profile, **SMUGGLED}):
            pass
    assert held(listed) == {}


async def test_a_start_that_does_not_fit_makes_no_pod_and_no_volume(listed, make, join) -> None:
    join(listed)

    def large(spawner):
        return [{"display_name": "Large", "kubespawner_override": {"mem_limit": "4G"}}, LIST[1]]

    spawner = make(listed, profile_list=large)
    with pytest.raises(SpawnRefused, match=r"4 GiB") as refused:
        await spawner.start()
    assert refused.value.status_code == 429
    assert not await is_there(spawner, "pod", spawner.pod_name)
    assert not await is_there(spawner, "persistent_volume_claim", spawner.pvc_name)
    await ended(spawner)
    assert held(listed) == {}


async def test_a_hook_that_changes_the_pod_is_admitted_anew(listed, make, join) -> None:
    def larger(spawner, pod):
        pod.spec.containers[0].resources.requests = {"memory": "2Gi"}
        pod.spec.containers[0].resources.limits = {"memory": "8Gi"}
        return pod

    join(listed)
    spawner = make(listed, profile_list=LIST, modify_pod_hook=larger)
    async with starting(spawner, {"profile": "lessons"}) as pod:
        assert requests_of(pod) == {"memory": 2 * GIB}
        lease = lease_of(listed, spawner)
        assert lease.id == spawner.lease_id
        assert dict(lease.amounts) == {"servers": 1, "memory": 2 * GIB} == held(listed)
    assert held(listed) == {}


LARGE = V1ResourceRequirements(limits={"memory": "4Gi"})


@pytest.mark.parametrize(
    "traits",
    [
        {"extra_pod_config": {"resources": {"requests": {"memory": "4Gi"}}}},
        {"extra_container_config": {"resources": {"requests": {"memory": "4Gi"}}}},
        {"init_containers": [{"name": "first", "image": "any", "resources": {"limits": {"memory": "4Gi"}}}]},
        {"extra_containers": [V1Container(name="beside", image="any", resources=LARGE)]},
        {"pre_spawn": lambda spawner: setattr(spawner, "mem_guarantee", 4 * GIB)},
        {"modify_pod_hook": lambda spawner, pod: grown(pod)},
    ],
    ids=lambda traits: next(iter(traits)),
)  # fmt: skip
async def test_no_other_way_to_a_larger_pod_gets_around_the_quota(
    listed, make, join, traits
) -> None:
    join(listed)
    before = traits.get("pre_spawn")
    spawner = make(
        listed,
        profile_list=[{"display_name": "Plain"}],
        **{name: value for name, value in traits.items() if name != "pre_spawn"},
    )
    if before is not None:
        before(spawner)
    with pytest.raises(SpawnRefused):
        async with starting(spawner):
            pass
    await ended(spawner)
    assert held(listed) == {}


def grown(pod):
    pod.spec.containers[0].resources.requests = {"memory": "4Gi"}
    return pod


async def test_a_subclass_that_loads_options_by_itself_starts_nothing_unadmitted(
    listed, make, join
) -> None:
    from jupyterhub_communities import CommunityKubeSpawner

    class Odd(CommunityKubeSpawner):
        async def load_user_options(self):
            self.mem_limit = 4 * GIB

    join(listed)
    with pytest.raises(SpawnRefused):
        async with starting(make(listed, spawner_class=Odd)):
            pass


async def test_without_profiles_anywhere_what_the_spawner_has_is_held(listed, make, join) -> None:
    join(listed)
    spawner = make(listed, cpu_limit=0.25, mem_guarantee="1G", mem_limit="2G")
    async with starting(spawner) as pod:
        assert dict(lease_of(listed, spawner).amounts) == {"servers": 1, **requests_of(pod)}
        assert lease_of(listed, spawner).profile is None


async def test_a_start_that_the_cluster_refuses_holds_nothing_afterwards(
    cluster, house, make, join
) -> None:
    join(house, profile="lessons")
    spawner = make(house, k8s_api_request_retry_timeout=2)
    async with cluster.refusing_pods(spawner.api):
        with pytest.raises(ApiException):
            await spawner.start()
        assert held(house)["servers"] == 1
        await ended(spawner)
    assert held(house) == {}


async def test_a_pod_that_never_becomes_ready_holds_nothing_afterwards(house, make, join) -> None:
    join(house, profile="lessons")
    spawner = make(house, image=NOBODYS_IMAGE, start_timeout=1)
    with pytest.raises(TimeoutError):
        await spawner.start()
    assert held(house)["memory"] == GIB, "the pod is there, and keeps its place"
    spawner.start_timeout = 120  # it is also how long the pod may take to go
    await ended(spawner)
    assert held(house) == {}


async def test_a_server_that_runs_is_settled_when_it_is_stopped(house, make, join) -> None:
    join(house, profile="lessons")
    spawner = make(house)
    await spawner.start()
    await spawner._activations.writing
    lease = lease_of(house, spawner)
    assert lease.active_at is not None
    assert await spawner.poll() is None
    await spawner.run_post_stop_hook()
    assert lease_of(house, spawner) == lease, "it runs still"
    await ended(spawner)
    assert held(house) == {}


async def test_in_days_of_grace_the_rescue_profile_is_measured_and_never_refused(
    house, make, join
) -> None:
    join(house, profile="lessons")
    house.clock.advance(days=31)  # the workshop's grants have lapsed
    spawner = make(house, mem_guarantee="1G")
    async with starting(spawner, {"profile": "lessons", "choice-size": "a100"}) as pod:
        lease = lease_of(house, spawner)
        assert lease.is_rescue
        assert dict(lease.amounts) == {"servers": 1, **requests_of(pod)}


# The line


@pytest.mark.parametrize("options", [{"profile": "guaranteed"}, {"profile": "graphics"}])
async def test_who_waits_for_room_is_started_with_the_very_pod_that_was_waited_for(
    listed, make, join, options
) -> None:
    """The place in line is for what the pod will set aside, as the list says it; nothing is held
    for it meanwhile."""
    others = Quota(
        {MEMORY: Limit(most=2 * GIB if options["profile"] == "graphics" else 300_000_000)}
    )
    join(listed)
    join(listed, username="rosa-abcde", title="Otro taller")
    with listed.database.write() as store:
        store.limits.set_quota(COMMUNITY, others)
    first, second = (
        make(listed, profile_list=LIST, username=name) for name in ("maria-abcde", "rosa-abcde")
    )
    line = Line(listed, lambda: None, lambda: listed.clock.now().timestamp())
    async with starting(first, options):
        before = held(listed)
        with pytest.raises(SpawnRefused) as refused:
            async with starting(second, options):
                pass
        assert is_momentary(refused.value, second)
        await ended(second)
        ticket = await line.take(await second.request_for(options), options)
        assert dict(ticket.amounts) == dict(lease_of(listed, first).amounts) == before
        assert not (await line.ask(ticket.server)).is_turn
        assert held(listed) == before
    listed.clock.advance(seconds=2)
    place = await line.ask(ticket.server)
    assert place.is_turn
    line.begin(ticket, second)
    async with starting(second, dict(place.ticket.options)):
        assert dict(lease_of(listed, second).amounts) == dict(ticket.amounts)


async def test_who_wants_a_large_pod_is_not_overtaken_for_ever_by_small_ones(
    listed, make, join
) -> None:
    """3 GiB: one of 2 runs, another of 2 waits, and one of 0.5 that came later waits behind it. That
    it is 2 says a function alone: it is known once a turn was taken in vain."""
    for name in ("maria-abcde", "rosa-abcde", "saul-abcde"):
        join(listed, username=name, title=f"Taller {name}")
    line = Line(listed, lambda: None, lambda: listed.clock.now().timestamp())
    large, little = {"profile": "graphics"}, {"profile": "lessons"}
    rosa = make(listed, profile_list=LIST, username="rosa-abcde")
    saul = make(listed, profile_list=LIST, username="saul-abcde")

    async def turns() -> list[bool]:
        listed.clock.advance(seconds=2)
        return [(await line.ask(one.server_key)).is_turn for one in (rosa, saul)]

    async with starting(make(listed, profile_list=LIST), large):
        for spawner, options in ((rosa, large), (saul, little)):
            await line.take(await spawner.request_for(options), options)
            listed.clock.advance(seconds=1)
        ticket = (await line.ask(rosa.server_key)).ticket
        line.begin(ticket, rosa)
        with pytest.raises(SpawnRefused) as refused:
            async with starting(rosa, large):
                pass
        await ended(rosa)
        assert await line.settle(ticket, refused.value)
        assert await turns() == [False, False]
    assert await turns() == [True, True]
