"""What a server really sets aside on the machine, in whole base units.

Spawners say it in their traits, Kubernetes in a pod's resources: a request, or a limit where there
is no request, which is what Kubernetes then takes for it. Every number is read exactly, whatever way
it is written, and what is no whole unit is rounded up: none passes through a float's arithmetic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..domain.communities import LONGEST_SLUG
from ..domain.profiles import Profile
from ..domain.units import CPU, GPU, MEMORY, MOST, SERVERS, STORAGE, gpu, gpu_kind, kind_of

Resources = Mapping[str, Any]  # by Kubernetes' names, as numbers or as `500m`
_QUANTITY = re.compile(
    r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i)?)"
)
_FACTORS = {suffix: Fraction(1, 1000**n) for n, suffix in enumerate("mun", 1)}
_FACTORS |= {suffix: Fraction(1000**n) for n, suffix in enumerate("kMGTPE", 1)}
_FACTORS |= {f"{suffix}i": Fraction(1024**n) for n, suffix in enumerate("KMGTPE", 1)}


def of_spawner(spawner: Any) -> dict[str, int]:
    """The guarantee, else the limit, as the Spawner is configured. A function is not asked: it is
    not known what it does."""
    held = {SERVERS: 1}
    for resource, kind, unit in ((CPU, "cpu", 1000), (MEMORY, "mem", 1)):
        wanted = getattr(spawner, f"{kind}_guarantee", None) or getattr(
            spawner, f"{kind}_limit", None
        )
        if amount := whole(wanted, unit):
            held[resource] = amount
    return held


def of_pod(spec: Mapping[str, Any]) -> dict[str, int]:
    """What the scheduler keeps free for a pod: what its containers ask for together, or one of
    those that run before them, if that is more."""
    together: dict[str, int] = {}
    most: dict[str, int] = {}
    for container in _either(spec, "initContainers", "init_containers"):
        asked = _of_resources(container.get("resources"))
        if _either(container, "restartPolicy", "restart_policy") == "Always":  # beside the others
            together = _sum(together, asked)
            most = _larger(most, together)
        else:
            most = _larger(most, _sum(together, asked))
    for container in spec.get("containers") or ():
        together = _sum(together, _of_resources(container.get("resources")))
    # What is asked for the pod as a whole (Kubernetes 1.34) goes before what its containers ask for.
    return {SERVERS: 1, **_larger(most, together), **_of_resources(spec.get("resources"))}


def pod_of(spawner: Any) -> dict[str, Any]:
    """As much of the pod that KubeSpawner's traits will make as `of_pod` reads. A guarantee of 0 is
    none to it."""
    resources = {
        "requests": {
            "cpu": spawner.cpu_guarantee or None,
            "memory": spawner.mem_guarantee or None,
            **spawner.extra_resource_guarantees,
        },
        "limits": {
            "cpu": spawner.cpu_limit or None,
            "memory": spawner.mem_limit or None,
            **spawner.extra_resource_limits,
        },
    }
    server = {"resources": resources, **spawner.extra_container_config}
    return {
        "containers": [server, *_values(spawner.extra_containers)],
        "initContainers": _values(spawner.init_containers),
        **spawner.extra_pod_config,
    }


def as_named(measured: Mapping[str, int], profile: Profile | None) -> dict[str, int]:
    """With the kinds of GPU and the storage that the profile names.

    Kubernetes often knows one name for GPUs of all kinds. So the profile's kinds stand for as many
    of those that the pod asks for; what it asks for beyond them counts by its own name.
    """
    if profile is None:
        return dict(measured)
    devices = {name: amount for name, amount in measured.items() if kind_of(name) == GPU}
    held = {name: amount for name, amount in measured.items() if name not in devices}
    named = {name: amount for name, amount in profile.amounts.items() if kind_of(name) == GPU}
    left = sum(named.values())
    for name in sorted(devices, key=lambda name: (GPU not in gpu_kind(name), name)):
        stood_for = min(left, devices[name])
        left -= stood_for
        if beyond := devices[name] - stood_for:
            held[name] = beyond
    storage = {STORAGE: max(profile.storage, held.get(STORAGE, 0))} if profile.storage else {}
    return _sum(held, named) | storage


def device_kind(name: str) -> str:
    """The kind of GPU that an extended resource is counted as: `nvidia-com-gpu` for
    `nvidia.com/gpu`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_SLUG].strip("-")


def whole(value: Any, unit: int = 1) -> int:
    """A quantity times `unit`, rounded up. 0 for what is none: Kubernetes refuses it itself."""
    match = None if isinstance(value, bool) else _QUANTITY.fullmatch(str(value).strip())
    if match is None:
        return 0
    number, exponent, suffix = match.groups()
    amount = Fraction(number) * unit
    if exponent:
        amount *= Fraction(10) ** int(exponent)
    elif suffix:
        amount *= _FACTORS[suffix]
    return min(math.ceil(amount), MOST)


def _of_resources(resources: Mapping[str, Resources | None] | None) -> dict[str, int]:
    requests = _set((resources or {}).get("requests"))
    limits = _set((resources or {}).get("limits"))
    held: dict[str, int] = {}
    for name, value in {**limits, **requests}.items():
        if resource := _resource(name):
            amount = whole(value, 1000 if resource == CPU else 1)
            held[resource] = held.get(resource, 0) + amount
    return held


def _resource(name: str) -> str | None:
    """Ours for one of Kubernetes'; None for what is no resource of a quota."""
    if name in (CPU, MEMORY):
        return name
    if name.startswith("hugepages-"):
        return MEMORY
    if name == "ephemeral-storage":
        return STORAGE
    kind = device_kind(name)
    return gpu(kind) if "/" in name and kind else None


def _set(resources: Resources | None) -> dict[str, Any]:
    return {name: value for name, value in (resources or {}).items() if value is not None}


def _either(mapping: Mapping[str, Any], name: str, pythons: str) -> Any:
    """KubeSpawner takes Kubernetes' names, and the same as Python writes them."""
    return mapping.get(pythons) or mapping.get(name) or ()


def _values(entries: Any) -> list[Any]:
    return list(entries.values()) if isinstance(entries, dict) else list(entries or ())


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
