"""What a server sets aside: read exactly from traits and from pods, and never less than asked for."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_communities.domain.communities import is_slug
from jupyterhub_communities.domain.profiles import Profile
from jupyterhub_communities.domain.units import MOST, is_resource
from jupyterhub_communities.hub.set_aside import as_named, device_kind, of_pod, of_spawner, whole


@pytest.mark.parametrize(
    ("value", "unit", "amount"),
    [
        (0.1, 1000, 100),
        (1.1, 1000, 1100),
        (0.1 + 0.2, 1000, 301),  # a trifle more than 0.3, and Kubernetes rounds up as well
        (1.0005, 1000, 1001),
        ("1500m", 1000, 1500),
        ("1", 1, 1),
        (2, 1, 2),
        ("1.5Gi", 1, 3 * 2**29),
        ("2G", 1, 2 * 10**9),
        ("1k", 1, 1000),
        ("1E", 1, 10**18),
        ("1e3", 1, 1000),
        ("1.5e-3", 1000, 2),
        ("100m", 1, 1),
        ("250u", 1000, 1),
        (1e-05, 1000, 1),
        (".5", 1000, 500),
        ("100E", 1, MOST),
        (0, 1, 0),
        (None, 1, 0),
        (True, 1, 0),
        ("", 1, 0),
        ("1 GB", 1, 0),
        ("-1", 1, 0),
        (float("nan"), 1, 0),
        (float("inf"), 1, 0),
        (lambda spawner: 1, 1, 0),
    ],
)
def test_a_quantity_is_read_exactly_and_rounded_up(value, unit, amount) -> None:
    assert whole(value, unit) == amount


@given(st.floats(min_value=0, max_value=4096))
def test_processors_as_floats_are_rounded_up_to_thousandths(cpu) -> None:
    said = Decimal(repr(cpu)) * 1000
    assert whole(cpu, 1000) == int(said.to_integral_value(ROUND_CEILING))


def resources(requests=None, limits=None, **more):
    return {"name": "c", "resources": {"requests": requests, "limits": limits}, **more}


@pytest.mark.parametrize(
    ("spec", "held"),
    [
        ({"containers": []}, {}),
        ({"containers": [{"name": "c"}]}, {}),
        ({"containers": [resources({"cpu": "1", "memory": "1Gi"})]}, {"cpu": 1000, "memory": 2**30}),
        ({"containers": [resources(None, {"cpu": 2})]}, {"cpu": 2000}),
        ({"containers": [resources({"cpu": 0.5}, {"cpu": 2})]}, {"cpu": 500}),
        ({"containers": [resources({"cpu": None}, {"cpu": 2})]}, {"cpu": 2000}),
        ({"containers": [resources({"cpu": 1}), resources({"cpu": "250m"})]}, {"cpu": 1250}),
        (
            {"containers": [resources({"cpu": 1})], "initContainers": [resources({"cpu": 3})]},
            {"cpu": 3000},
        ),
        (
            {"containers": [resources({"cpu": 1})], "init_containers": [resources({"cpu": "1m"})]},
            {"cpu": 1000},
        ),
        # A sidecar runs beside all that come after it.
        (
            {
                "containers": [resources({"cpu": 1})],
                "initContainers": [
                    resources({"cpu": 1}, restartPolicy="Always"),
                    resources({"cpu": 3}),
                ],
            },
            {"cpu": 4000},
        ),
        (
            {
                "containers": [resources({"cpu": 1})],
                "initContainers": [resources({"cpu": 1}, restart_policy="Always")],
            },
            {"cpu": 2000},
        ),
        (
            {
                "containers": [resources({"cpu": 1, "memory": "1Gi"})],
                "resources": {"requests": {"cpu": 3}},
            },
            {"cpu": 3000, "memory": 2**30},
        ),
        (
            {"containers": [resources(None, {"nvidia.com/gpu": "2", "ephemeral-storage": "1Gi"})]},
            {"gpu.nvidia-com-gpu": 2, "storage": 2**30},
        ),
        ({"containers": [resources({"hugepages-2Mi": "4Mi", "memory": 1})]}, {"memory": 2**22 + 1}),
        ({"containers": [resources({"pods": 1, "batch": 3})]}, {}),
    ],
)  # fmt: skip
def test_what_the_scheduler_keeps_free_for_a_pod(spec, held) -> None:
    assert of_pod(spec) == {"servers": 1, **held}


@pytest.mark.parametrize(
    ("traits", "held"),
    [
        ({}, {}),
        ({"cpu_limit": None, "mem_limit": None}, {}),
        ({"cpu_limit": 1.5, "mem_limit": 2**30}, {"cpu": 1500, "memory": 2**30}),
        ({"cpu_limit": 4, "cpu_guarantee": 0.1}, {"cpu": 100}),
        ({"mem_limit": "1073741824"}, {"memory": 2**30}),  # DockerSpawner keeps a text
        ({"mem_limit": lambda spawner: 2**30, "cpu_limit": 1}, {"cpu": 1000}),
    ],
)
def test_a_spawner_sets_aside_its_guarantee_else_its_limit(traits, held) -> None:
    assert of_spawner(SimpleNamespace(**traits)) == {"servers": 1, **held}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nvidia.com/gpu", "nvidia-com-gpu"),
        ("amd.com/gpu", "amd-com-gpu"),
        ("gpu.intel.com/i915", "gpu-intel-com-i915"),
        ("nvidia.com/mig-1g.5gb", "nvidia-com-mig-1g-5gb"),
        ("NVIDIA.com/GPU_shared", "nvidia-com-gpu-shared"),
        ("a" * 60 + "/b", "a" * 40),
    ],
)
def test_a_device_of_kubernetes_is_a_kind_of_gpu(name, kind) -> None:
    assert device_kind(name) == kind
    assert is_slug(kind)
    assert is_resource(f"gpu.{kind}")


NVIDIA, AMD, FUSE = "gpu.nvidia-com-gpu", "gpu.amd-com-gpu", "gpu.devices-fuse"


@pytest.mark.parametrize(
    ("measured", "gpus", "held"),
    [
        ({NVIDIA: 1}, {}, {NVIDIA: 1}),
        ({NVIDIA: 1}, {"a100": 1}, {"gpu.a100": 1}),
        ({NVIDIA: 3}, {"a100": 1}, {"gpu.a100": 1, NVIDIA: 2}),
        ({NVIDIA: 3}, {"a100": 1, "t4": 1}, {"gpu.a100": 1, "gpu.t4": 1, NVIDIA: 1}),
        ({}, {"a100": 2}, {"gpu.a100": 2}),
        ({NVIDIA: 1}, {"a100": 0}, {"gpu.a100": 0, NVIDIA: 1}),
        ({NVIDIA: 2}, {"nvidia-com-gpu": 1}, {NVIDIA: 2}),
        ({NVIDIA: 1, FUSE: 1}, {"a100": 1}, {"gpu.a100": 1, FUSE: 1}),
        ({NVIDIA: 1, AMD: 1}, {"mi300": 1}, {"gpu.mi300": 1, NVIDIA: 1}),
    ],
)
def test_the_kinds_that_a_profile_names_stand_for_what_the_pod_asks_for(
    measured, gpus, held
) -> None:
    profile = Profile(slug="p", names={}, gpus=gpus)
    assert as_named({"cpu": 5, **measured}, profile) == {"cpu": 5, **held}


@pytest.mark.parametrize(
    ("measured", "named", "held"), [(1, 5, 5), (7, 5, 7), (7, None, 7), (0, 5, 5)]
)
def test_storage_is_what_the_pod_asks_for_or_the_profile_says_whichever_is_more(
    measured, named, held
) -> None:
    profile = Profile(slug="p", names={}, storage=named)
    assert as_named({"storage": measured}, profile) == {"storage": held}
    assert as_named({"storage": measured}, None) == {"storage": measured}
