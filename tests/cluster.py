"""Where the tests of pods talk to: kmock's emulator of Kubernetes' API, or a real cluster.

`KUBECONFIG` names a real one, and `COMMUNITIES_TEST_NAMESPACE` the namespace in it, which must exist;
what the tests make there they delete. `COMMUNITIES_TEST_IMAGE` has `sleep`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: emulated
contexts: [{{name: emulated, context: {{cluster: emulated, user: emulated}}}}]
clusters: [{{name: emulated, cluster: {{server: "{api}"}}}}]
users: [{{name: emulated, user: {{}}}}]
"""
NOBODYS_IMAGE = "nobody.invalid/has/this:1"


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes, as far as a test has to know which one it is."""

    kubeconfig: Path
    namespace: str
    image: str
    refusing_pods: Callable[[Any], AbstractAsyncContextManager[None]]  # of a client of its API


@contextmanager
def some_cluster(folder: Path) -> Iterator[Cluster]:
    if kubeconfig := os.environ.get("KUBECONFIG"):
        yield Cluster(
            Path(kubeconfig),
            os.environ.get("COMMUNITIES_TEST_NAMESPACE", "jupyterhub-communities-test"),
            os.environ.get("COMMUNITIES_TEST_IMAGE", "busybox"),
            _quota_of_no_pods,
        )
        return
    from kubernetes_api import NAMESPACE, emulated_kubernetes

    with emulated_kubernetes() as (url, emulator):

        @asynccontextmanager
        async def failing(_: Any) -> AsyncIterator[None]:
            emulator.fails = True
            try:
                yield
            finally:
                emulator.fails = False

        (folder / "kubeconfig").write_text(KUBECONFIG.format(api=url))
        yield Cluster(folder / "kubeconfig", NAMESPACE, "any", failing)


@asynccontextmanager
async def _quota_of_no_pods(api: Any) -> AsyncIterator[None]:
    """A real cluster does not answer 500 when asked to; it refuses a pod for want of quota."""
    namespace = os.environ.get("COMMUNITIES_TEST_NAMESPACE", "jupyterhub-communities-test")
    quota = {"metadata": {"name": "no-pods"}, "spec": {"hard": {"pods": "0"}}}
    await api.create_namespaced_resource_quota(namespace, quota)
    try:
        yield
    finally:
        await api.delete_namespaced_resource_quota("no-pods", namespace)
