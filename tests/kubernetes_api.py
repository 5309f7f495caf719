"""Kubernetes' API by kmock, and beside it what KubeSpawner needs of a cluster that kmock has not.

kmock keeps the objects, and answers to create, read, list, watch and delete with Kubernetes' own
statuses. Here is added what a real API server writes into an object that is made (its namespace, uid and
version, and a request for each limit without one), `watch=True` as Python writes it, and a kubelet: a
pod's command runs as a local process, on 127.0.0.1. There is no scheduler: a pod runs at once, unless nobody has its image.
"""

from __future__ import annotations

import asyncio
import copy
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cluster import NOBODYS_IMAGE
from kmock import KubernetesEmulator, KubernetesError, Request, Server, action, params

from tools import end_process

NAMESPACE = "default"
KINDS = ("v1/pods", "v1/persistentvolumeclaims", "v1/events")


class EmulatedKubernetes(KubernetesEmulator):
    """The pods that were asked for, and their processes."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_for: list[dict] = []
        self.fails = False  # answers 500 to whoever asks for a pod
        self._processes: dict[str, subprocess.Popen] = {}
        self._version = 0
        for kind in KINDS:
            self.resources[kind] = {}
        # As Python's client writes it; kmock itself knows `watch=true` alone.
        self["get", params(watch="True")] << self._serve_watch

    def names(self, plural: str) -> list[str]:
        """Of what there is at present."""
        known = list(self.objects.items())
        return [name for (kind, _, name), it in known if kind.plural == plural and not it.deleted]

    async def _handle(self, request: Request) -> Any:
        is_pod = request.resource is not None and request.resource.plural == "pods"
        if request.action == action.CREATE:
            if is_pod and self.fails:
                raise KubernetesError(message="etcd has no leader")
            if is_pod:
                self.asked_for.append(copy.deepcopy(request.data))
            self._complete(request.data, request.namespace)
        if is_pod and request.action == action.DELETE and request.name in self._processes:
            process = self._processes.pop(request.name)
            await asyncio.to_thread(end_process, process)
        answer = await super()._handle(request)
        if is_pod and request.action == action.CREATE:
            self._run(request.data)
        return answer

    def _complete(self, made: dict, namespace: str | None) -> None:
        self._version += 1
        made["metadata"] |= {
            "namespace": namespace,
            "uid": f"uid-{self._version}",
            "resourceVersion": str(self._version),
        }
        containers = made["spec"].get("containers", [])
        for container in [*containers, *(made["spec"].get("initContainers") or ())]:
            resources = container.get("resources") or {}
            wanted = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
            container["resources"] = {**resources, "requests": wanted}
        if containers and all(c["image"] != NOBODYS_IMAGE for c in containers):
            made["status"] = {
                "phase": "Running",
                "podIP": "127.0.0.1",
                "containerStatuses": [
                    {
                        "name": container["name"],
                        "image": container["image"],
                        "imageID": "",
                        "restartCount": 0,
                        "ready": True,
                        "state": {"running": {}},
                    }
                    for container in containers
                ],
            }
        else:
            made["status"] = {"phase": "Pending"}

    def _run(self, pod: dict) -> None:
        if pod["status"]["phase"] != "Running":
            return
        server = pod["spec"]["containers"][0]
        self._processes[pod["metadata"]["name"]] = subprocess.Popen(
            server["args"],
            env={**os.environ, **{v["name"]: v.get("value", "") for v in server["env"]}},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end_all(self) -> None:
        while self._processes:
            end_process(self._processes.popitem()[1])


@contextmanager
def emulated_kubernetes() -> Iterator[tuple[str, EmulatedKubernetes]]:
    """In a thread with a loop of its own: hubs and Spawners reach it by HTTP alone."""
    ready = threading.Event()
    world: dict[str, Any] = {}

    async def serve() -> None:
        world["loop"], world["over"] = asyncio.get_running_loop(), asyncio.Event()
        async with EmulatedKubernetes() as emulator, Server(emulator) as server:
            world["url"], world["emulator"] = str(server.url).rstrip("/"), emulator
            ready.set()
            await world["over"].wait()
            # Whoever watches would be waited for: a hub that is over has left nobody else.
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield world["url"], world["emulator"]
    finally:
        emulator = world["emulator"]
        emulator.end_all()
        strange = [error for error in emulator.errors if not isinstance(error, KubernetesError)]
        world["loop"].call_soon_threadsafe(world["over"].set)
        thread.join()
        assert not strange, "kmock was asked for what it cannot do"
